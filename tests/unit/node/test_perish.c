/* unit/node/test_perish.c - a send between two nodes is carried out at once or never */
#include "limits.h"
#include "pair.h"
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

/* Whoever asked has given up when the stream breaks: it must not be carried out after that. */
static void test_perishes(void **state)
{
    struct pair *p = pair_up(false, true);

    (void)state;
    pair_ask(p, 0);
    PAIR_UNTIL(p, p->side[1].sends == 1);
    p->is_frozen = true;
    assert_true(pair_say(p, 0, 10));
    pair_ask(p, 0);
    assert_true(pair_say(p, 0, 10));
    PAIR_UNTIL(p, p->side[0].downs == 1);
    p->is_frozen = false;
    PAIR_UNTIL(p, pair_all_heard(p));
    assert_int_equal(p->side[1].sends, 1);
    assert_int_equal(p->side[1].nothings, 1);
    assert_int_equal(p->side[1].frames, 2); /* what does not perish came */
    pair_ask(p, 0);
    PAIR_UNTIL(p, p->side[1].sends == 2);
    pair_free(&p);
}

/* What was said to a node that stood still lies in its socket when it wakes. */
static void test_stands_still(void **state)
{
    struct pair *p = pair_up(false, false);

    (void)state;
    assert_true(pair_say(p, 0, 10));
    pair_ask(p, 0);
    pair_turn(p); /* it leaves */
    assert_int_equal(p->side[1].sends, 0);
    usleep((LIMIT_LINK_SILENT_MS + 100) * 1000);
    PAIR_UNTIL(p, pair_all_heard(p));
    pair_run(p, 200);
    assert_int_equal(p->side[1].frames, 1);
    assert_int_equal(p->side[1].sends, 0);
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_perishes),
        cmocka_unit_test(test_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
