/* unit/base/test_offload.c - work beside the loop comes back through it, and never too much of it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/offload.h"
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct job {
    struct op op;
    struct offload *offload;
    pthread_t loop_thread, worker;
    int gate; /* work ends when a byte can be read here */
    enum err heard;
};

struct heard {
    int calls, busy;
};

static void job_free(struct op *op)
{
    free(op);
}

static const struct op_kind job_kind = { "job", job_free, NULL };

static void job_work(void *ctx)
{
    struct job *j = ctx;
    char c;

    j->worker = pthread_self();
    while (read(j->gate, &c, 1) != 1)
        ;
}

static void job_end(struct op *op, enum err err)
{
    struct job *j = (struct job *)op;

    if (err != ERR_BUSY)
        assert_false(pthread_equal(j->worker, j->loop_thread));
    assert_true(pthread_equal(pthread_self(), j->loop_thread));
    op_finish(op, err);
}

static void job_first(struct op *op, enum err err)
{
    struct job *j = (struct job *)op;

    (void)err;
    offload_run(j->offload, job_work, j, op_then(op, job_end));
}

static void job_done(struct op *op, enum err err, void *asker)
{
    struct heard *h = asker;

    (void)op;
    h->calls++;
    h->busy += err == ERR_BUSY;
}

static void bounded_and_back_on_the_loop(void **state)
{
    struct loop *l = loop_new();
    struct offload *o = offload_new(l, 2, 5);
    struct heard h = { 0 };
    struct ops ops;
    int gate[2];

    (void)state;
    assert_int_equal(pipe(gate), 0);
    ops_init(&ops);
    for (int k = 0; k < 8; k++) {
        struct job *j = calloc(1, sizeof *j);
        assert_non_null(j);
        j->offload = o;
        j->loop_thread = pthread_self();
        j->gate = gate[0];
        op_start(&ops, &j->op, &job_kind, job_first, job_done, &h);
    }
    ops_run(&ops);
    assert_int_equal(h.calls, 3);
    assert_int_equal(h.busy, 3);
    assert_int_equal(ops.live, 5);
    assert_int_equal(write(gate[1], "12345", 5), 5);
    while (ops.live) {
        loop_wait(l, ops_idle(&ops));
        ops_run(&ops);
    }
    assert_int_equal(h.calls, 8);
    assert_int_equal(h.busy, 3);
    offload_free(&o);
    assert_null(o);
    close(gate[0]);
    close(gate[1]);
    loop_free(&l);
}

static void what_waits_at_the_end_is_dropped(void **state)
{
    struct loop *l = loop_new();
    struct offload *o = offload_new(l, 1, 5);
    struct heard h = { 0 };
    struct job *jobs[3];
    struct ops ops;
    int gate[2];

    (void)state;
    assert_int_equal(pipe(gate), 0);
    ops_init(&ops);
    for (int k = 0; k < 3; k++) {
        jobs[k] = calloc(1, sizeof *jobs[k]);
        assert_non_null(jobs[k]);
        jobs[k]->offload = o;
        jobs[k]->loop_thread = pthread_self();
        jobs[k]->gate = gate[0];
        op_start(&ops, &jobs[k]->op, &job_kind, job_first, job_done, &h);
    }
    ops_run(&ops);
    assert_int_equal(write(gate[1], "123", 3), 3);
    offload_free(&o);
    assert_int_equal(h.calls, 0);
    for (int k = 0; k < 3; k++)
        free(jobs[k]);
    close(gate[0]);
    close(gate[1]);
    loop_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounded_and_back_on_the_loop),
        cmocka_unit_test(what_waits_at_the_end_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
