/* unit/node/test_heir.c - what the dead had written is asked for three times, and told; too much is said to be too much */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/loop.h"
#include "limits.h"
#include "node/heir.h"
#include <cmocka.h>

enum { SECOND_MS = 1500, AGAIN_MS = 500, SLACK_MS = 400, LATE_MS = 12 * 1000 };

/* Postgres, which answers when it is told to. */
static struct node_inherit *question;
static struct op *asker;
static unsigned questions;

void store_node_inherit(struct store *s, struct node_inherit *n, struct op *op)
{
    (void)s;
    assert_null(asker);
    assert_int_equal(n->room, LIMIT_INHERITED);
    question = n;
    asker = op;
    questions++;
}

struct told {
    unsigned places, too_many;
    uint64_t user, i;
};

static struct loop *loop;
static struct ops ops;
static struct heir *heir;
static struct told told;

static void on_place(void *ctx, uint64_t user, uint64_t i)
{
    struct told *t = ctx;

    t->places++;
    t->user = user;
    t->i = i;
}

static void on_too_many(void *ctx)
{
    ((struct told *)ctx)->too_many++;
}

static const struct heir_calls calls = { on_place, on_too_many };

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    loop_wait(loop, false);
    ops_init(&ops);
    told = (struct told){ 0 };
    questions = 0;
    heir = heir_new(loop, &ops, NULL, &calls, &told);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    heir_free(&heir);
    loop_free(&loop);
    return 0;
}

static void run(void)
{
    while (!ops_idle(&ops))
        ops_run(&ops);
}

/* Until the next question is there; at the time since since_ms that it came. */
static uint64_t asked_after(uint64_t since_ms)
{
    run();
    while (!asker) {
        assert_true(loop_now_ms(loop) < since_ms + LATE_MS);
        loop_wait(loop, true);
        run();
    }
    return loop_now_ms(loop) - since_ms;
}

static void answer(enum err err, uint32_t places, bool more)
{
    struct op *op = asker;

    for (uint32_t k = 0; k < places; k++) {
        question->at[k].user = 100 + k;
        question->at[k].i = 200 + k;
    }
    question->count = places;
    question->more = more;
    asker = NULL;
    op_wake(op, err);
    run();
}

/* At once, a second and a half later, and when Postgres can't carry out anything of it any more. */
static void test_three_times(void **state)
{
    const uint64_t due_ms[3] = { 0, SECOND_MS, LIMIT_STORE_MS + SECOND_MS };
    uint64_t since_ms = loop_now_ms(loop);

    (void)state;
    heir_of(heir, 4);
    for (unsigned k = 0; k < 3; k++) {
        uint64_t after_ms = asked_after(since_ms);

        assert_in_range(after_ms, due_ms[k], due_ms[k] + SLACK_MS);
        assert_int_equal(question->id, 4);
        /* always from the same moment on */
        assert_in_range(question->back_ms, LIMIT_INHERIT_MS + after_ms,
                        LIMIT_INHERIT_MS + after_ms + SLACK_MS);
        answer(ERR_OK, k, false);
    }
    assert_int_equal(questions, 3);
    assert_int_equal(told.places, 3);
    assert_int_equal(told.user, 101);
    assert_int_equal(told.i, 201);
    assert_int_equal(told.too_many, 0);
    for (int k = 0; k < 20; k++) {
        loop_wait(loop, false);
        run();
    }
    assert_int_equal(questions, 3);
}

static void test_again_after_a_failure(void **state)
{
    uint64_t since_ms = loop_now_ms(loop), after_ms;

    (void)state;
    heir_of(heir, 5);
    asked_after(since_ms);
    answer(ERR_STORE_DOWN, 1, true);
    assert_int_equal(told.places + told.too_many, 0);
    heir_of(heir, 6); /* does not go before its turn while Postgres is away */
    after_ms = asked_after(since_ms);
    assert_in_range(after_ms, 0, AGAIN_MS + SLACK_MS);
    assert_int_equal(question->id, 5);
    answer(ERR_OK, 2, true);
    assert_int_equal(told.places, 2);
    assert_int_equal(told.too_many, 1);
    asked_after(since_ms);
    assert_int_equal(question->id, 6);
    answer(ERR_OK, 0, false);
}

/* More dead than anybody expects: those who can't be asked for are too many, too. */
static void test_many_dead(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < 22; k++)
        heir_of(heir, k);
    assert_int_equal(told.too_many, 2); /* 64 questions are kept, and these are 66 */
    for (uint32_t k = 0; k < 22; k++) {
        asked_after(loop_now_ms(loop));
        assert_int_equal(question->id, k); /* the first question about each, in order */
        answer(ERR_OK, 0, false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_three_times, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again_after_a_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_dead, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
