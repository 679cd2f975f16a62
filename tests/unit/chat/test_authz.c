/* unit/chat/test_authz.c - every role and every action, against the table written out here */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "chat/authz.h"
#include <cmocka.h>

enum { MEMBER = 1, ADMIN, OWNER, STRANGER };

static struct members *group_of_three(enum conversation_kind kind)
{
    struct members *m = members_new(3);

    m->kind = kind;
    m->member[0] = (struct member){ .user = { MEMBER }, .role = ROLE_MEMBER };
    m->member[1] = (struct member){ .user = { ADMIN }, .role = ROLE_ADMIN };
    m->member[2] = (struct member){ .user = { OWNER }, .role = ROLE_OWNER };
    return m;
}

static void test_group(void **state)
{
    static const struct {
        enum action action;
        enum err member, admin, owner;
    } wanted[] = {
        { ACTION_READ, ERR_OK, ERR_OK, ERR_OK },
        { ACTION_SEND, ERR_OK, ERR_OK, ERR_OK },
        { ACTION_MARK, ERR_OK, ERR_OK, ERR_OK },
        { ACTION_RETITLE, ERR_FORBIDDEN, ERR_OK, ERR_OK },
        { ACTION_ADD, ERR_FORBIDDEN, ERR_OK, ERR_OK },
        { ACTION_REMOVE, ERR_FORBIDDEN, ERR_OK, ERR_OK },
        { ACTION_LEAVE, ERR_OK, ERR_OK, ERR_OK },
        { ACTION_SET_ROLE, ERR_FORBIDDEN, ERR_FORBIDDEN, ERR_OK },
    };
    struct members *m = group_of_three(CONVERSATION_GROUP);

    (void)state;
    for (size_t n = 0; n < sizeof wanted / sizeof *wanted; n++) {
        assert_int_equal(wanted[n].action, n); /* none is left out */
        assert_int_equal(authz_check(m, (struct user_id){ MEMBER }, wanted[n].action), wanted[n].member);
        assert_int_equal(authz_check(m, (struct user_id){ ADMIN }, wanted[n].action), wanted[n].admin);
        assert_int_equal(authz_check(m, (struct user_id){ OWNER }, wanted[n].action), wanted[n].owner);
        assert_int_equal(authz_check(m, (struct user_id){ STRANGER }, wanted[n].action), ERR_NOT_FOUND);
    }
    members_free(&m);
}

static void test_direct(void **state)
{
    struct members *m = group_of_three(CONVERSATION_DIRECT);

    (void)state;
    for (enum action a = ACTION_READ; a <= ACTION_SET_ROLE; a++) {
        bool may = a == ACTION_READ || a == ACTION_SEND || a == ACTION_MARK;
        for (uint64_t who = MEMBER; who <= OWNER; who++)
            assert_int_equal(authz_check(m, (struct user_id){ who }, a), may ? ERR_OK : ERR_DIRECT_FIXED);
        assert_int_equal(authz_check(m, (struct user_id){ STRANGER }, a), ERR_NOT_FOUND);
    }
    members_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_group), cmocka_unit_test(test_direct) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
