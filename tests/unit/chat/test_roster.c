/* unit/chat/test_roster.c - who is in which conversation: bounded, and never older than it was */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "chat/roster.h"
#include <cmocka.h>

static void put(struct roster *r, uint64_t conversation, uint32_t epoch)
{
    struct members *m = members_new(1);

    m->conversation.n = conversation;
    m->epoch = epoch;
    roster_put(r, m);
    members_free(&m);
}

static uint32_t epoch_of(struct roster *r, uint64_t conversation)
{
    const struct members *m = roster_find(r, (struct conversation_id){ conversation });

    return m ? m->epoch : 0;
}

static void test_newer_replaces_older(void **state)
{
    struct roster *r = roster_new(2);

    (void)state;
    assert_int_equal(epoch_of(r, 1), 0);
    put(r, 1, 3);
    assert_int_equal(epoch_of(r, 1), 3);
    put(r, 1, 2);
    assert_int_equal(epoch_of(r, 1), 3);
    put(r, 1, 4);
    assert_int_equal(epoch_of(r, 1), 4);
    roster_forget(r, (struct conversation_id){ 1 });
    roster_forget(r, (struct conversation_id){ 1 });
    assert_int_equal(epoch_of(r, 1), 0);
    roster_free(&r);
    assert_null(r);
}

static void test_used_longest_ago_makes_room(void **state)
{
    struct roster *r = roster_new(3);

    (void)state;
    for (uint32_t n = 1; n <= 3; n++)
        put(r, n, n);
    assert_int_equal(epoch_of(r, 1), 1); /* used: 2 is the oldest now */
    put(r, 4, 4);
    assert_int_equal(epoch_of(r, 2), 0);
    assert_int_equal(epoch_of(r, 1), 1);
    assert_int_equal(epoch_of(r, 3), 3);
    assert_int_equal(epoch_of(r, 4), 4);
    roster_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_newer_replaces_older),
                                        cmocka_unit_test(test_used_longest_ago_makes_room) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
