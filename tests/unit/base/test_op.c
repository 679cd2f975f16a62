/* unit/base/test_op.c - steps never run inside the call that wakes them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/op.h"
#include <cmocka.h>
#include <stdlib.h>

struct walk {
    struct op op;
    int steps, waits;
    enum err heard;
    struct op *pending; /* what a slow service holds */
};

struct asker {
    int calls;
    enum err err;
};

static void walk_free(struct op *op)
{
    free(op);
}

static void walk_asker_gone(struct op *op)
{
    struct walk *w = (struct walk *)op;

    op_wake(w->pending, ERR_CANCELLED);
}

static const struct op_kind walk_kind = { "walk", walk_free, NULL };
static const struct op_kind impatient_kind = { "impatient", walk_free, walk_asker_gone };

static void on_done(struct op *op, enum err err, void *asker)
{
    struct asker *a = asker;

    (void)op;
    if (!a)
        return;
    a->calls++;
    a->err = err;
}

static void step_end(struct op *op, enum err err)
{
    struct walk *w = (struct walk *)op;

    w->steps++;
    w->heard = err;
    op_finish(op, err);
}

static void step_wait(struct op *op, enum err err)
{
    struct walk *w = (struct walk *)op;

    (void)err;
    w->steps++;
    for (int k = 0; k < w->waits; k++)
        w->pending = op_then(op, step_end);
}

static void step_at_once(struct op *op, enum err err)
{
    struct walk *w = (struct walk *)op;

    (void)err;
    w->steps++;
    op_wake(op_then(op, step_end), ERR_OK);
    assert_int_equal(w->steps, 1);
}

static void step_for_ever(struct op *op, enum err err)
{
    struct walk *w = (struct walk *)op;

    (void)err;
    w->steps++;
    if (w->steps == 10) {
        op_finish(op, ERR_OK);
        return;
    }
    op_wake(op_then(op, step_for_ever), ERR_OK);
}

static struct walk *walk_start(struct ops *ops, const struct op_kind *kind, op_step *first, int waits,
                               struct asker *a)
{
    struct walk *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->waits = waits;
    op_start(ops, &w->op, kind, first, on_done, a);
    assert_int_equal(w->steps, 0);
    return w;
}

static void an_answer_at_once_waits_for_its_round(void **state)
{
    struct asker a = { 0 };
    struct ops ops;

    (void)state;
    ops_init(&ops);
    walk_start(&ops, &walk_kind, step_at_once, 0, &a);
    assert_false(ops_idle(&ops));
    ops_run(&ops);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.err, ERR_OK);
    assert_int_equal(ops.live, 0);
    assert_true(ops_idle(&ops));
}

static void waits_for_all_and_hears_the_first_error(void **state)
{
    struct asker a = { 0 };
    struct ops ops;

    (void)state;
    ops_init(&ops);
    struct walk *w = walk_start(&ops, &walk_kind, step_wait, 3, &a);
    ops_run(&ops);
    assert_int_equal(w->steps, 1);
    op_wake(w->pending, ERR_OK);
    op_wake(w->pending, ERR_BUSY);
    assert_true(ops_idle(&ops));
    op_wake(w->pending, ERR_TIMEOUT);
    assert_int_equal(a.calls, 0);
    ops_run(&ops);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.err, ERR_BUSY);
}

static void a_chatty_op_leaves_room_for_sockets(void **state)
{
    struct asker a = { 0 };
    struct ops ops;

    (void)state;
    ops_init(&ops);
    struct walk *w = walk_start(&ops, &walk_kind, step_for_ever, 0, &a);
    ops_run(&ops);
    assert_int_equal(w->steps, OPS_ROUNDS);
    assert_false(ops_idle(&ops));
    ops_run(&ops);
    ops_run(&ops);
    assert_int_equal(a.calls, 1);
    assert_int_equal(ops.live, 0);
}

static void who_hangs_up_hears_nothing(void **state)
{
    struct asker a = { 0 };
    struct ops ops;

    (void)state;
    ops_init(&ops);
    struct walk *patient = walk_start(&ops, &walk_kind, step_wait, 1, &a);
    struct walk *impatient = walk_start(&ops, &impatient_kind, step_wait, 1, &a);
    ops_run(&ops);
    op_asker_gone(&patient->op);
    op_asker_gone(&impatient->op);
    ops_run(&ops);
    assert_int_equal(ops.live, 1);
    op_wake(patient->pending, ERR_OK);
    ops_run(&ops);
    assert_int_equal(ops.live, 0);
    assert_int_equal(a.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_at_once_waits_for_its_round),
        cmocka_unit_test(waits_for_all_and_hears_the_first_error),
        cmocka_unit_test(a_chatty_op_leaves_room_for_sockets),
        cmocka_unit_test(who_hangs_up_hears_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
