/* unit/model/test_members.c - finding people, and the words for what they may do */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "model/members.h"
#include <cmocka.h>

static void finds_who_is_there_and_nobody_else(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= LIMIT_MEMBERS + 1; count++) {
        struct members *m = members_new(count);
        for (uint32_t k = 0; k < count; k++)
            m->member[k].user.n = ((k * 37 + 11) % 101 + 1) * 10;
        members_sort(m);
        for (uint32_t k = 1; k < count; k++)
            assert_true(m->member[k - 1].user.n < m->member[k].user.n);
        for (uint32_t k = 0; k < count; k++)
            assert_ptr_equal(members_find(m, m->member[k].user), &m->member[k]);
        assert_null(members_find(m, (struct user_id){ 0 }));
        assert_null(members_find(m, (struct user_id){ 15 }));
        assert_null(members_find(m, (struct user_id){ UINT64_MAX }));
        members_free(&m);
    }
}

static void sorts_ids_that_differ_in_high_bits_only(void **state)
{
    struct members *m = members_new(2);

    (void)state;
    m->member[0].user.n = 1ull << 62;
    m->member[1].user.n = 1;
    members_sort(m);
    assert_true(m->member[0].user.n == 1);
    members_free(&m);
}

static void lives_till_the_last_reference(void **state)
{
    struct members *m = members_new(1), *other = members_ref(m);

    (void)state;
    members_free(&m);
    assert_null(m);
    other->member[0].user.n = 5;
    assert_non_null(members_find(other, (struct user_id){ 5 }));
    members_free(&other);
    members_free(&other);
}

static void words(void **state)
{
    enum role r = ROLE_ADMIN;

    (void)state;
    for (unsigned k = ROLE_MEMBER; k <= ROLE_OWNER; k++) {
        assert_true(role_parse(text_of(role_word((enum role)k)), &r));
        assert_int_equal(r, k);
    }
    assert_string_equal(role_word(ROLE_OWNER), "owner");
    assert_false(role_parse(TEXT("Owner"), &r));
    assert_false(role_parse(TEXT(""), &r));
    assert_false(role_parse(TEXT("owners"), &r));
    assert_int_equal(r, ROLE_OWNER);
    assert_string_equal(members_kind_word(CONVERSATION_DIRECT), "direct");
    assert_string_equal(members_kind_word(CONVERSATION_GROUP), "group");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_who_is_there_and_nobody_else),
        cmocka_unit_test(sorts_ids_that_differ_in_high_bits_only),
        cmocka_unit_test(lives_till_the_last_reference),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
