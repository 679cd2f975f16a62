/* unit/node/test_heads.c - who is doubted is asked for: a thousand at a time, once however often, again when it failed */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "node/heads.h"
#include "store/node.h"
#include "store/store.h"
#include <cmocka.h>
#include <string.h>

enum { MANY = 2500, AGAIN_MS = 1000, TIMELINE = 7 };

/* Postgres, which answers when it is told to. */
static struct heads_read *question;
static struct op *asker;
static unsigned questions;

void store_heads(struct store *s, struct heads_read *h, struct op *op)
{
    (void)s;
    assert_null(asker);
    assert_in_range(h->count, 1, LIMIT_HEADS);
    question = h;
    asker = op;
    questions++;
}

uint64_t store_timeline(const struct store *s)
{
    (void)s;
    return TIMELINE;
}

struct placed {
    unsigned count;
    uint64_t user, i;
};

static struct loop *loop;
static struct ops ops;
static struct hub *hub;
static struct heads *heads;
static struct placed placed;

static void on_place(void *ctx, uint64_t user, uint64_t i)
{
    struct placed *p = ctx;

    *p = (struct placed){ p->count + 1, user, i };
}

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    loop_wait(loop, false);
    ops_init(&ops);
    hub = hub_new(loop);
    placed = (struct placed){ 0 };
    questions = 0;
    heads = heads_new(loop, &ops, NULL, hub, on_place, &placed);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    heads_free(&heads);
    hub_free(&hub);
    loop_free(&loop);
    return 0;
}

static void run(void)
{
    while (!ops_idle(&ops))
        ops_run(&ops);
}

/* Everybody's inbox reaches to i. */
static void answer(enum err err, uint64_t i, uint64_t timeline)
{
    struct op *op = asker;

    assert_non_null(op);
    for (uint32_t k = 0; k < question->count; k++)
        question->i[k] = i;
    question->timeline = timeline;
    asker = NULL;
    op_wake(op, err);
    run();
}

static void test_a_thousand_at_a_time(void **state)
{
    bool was_asked[MANY + 1] = { false };

    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        for (uint64_t k = 1; k <= MANY; k++)
            heads_ask(heads, (struct user_id){ k });
    }
    run();
    for (unsigned left = MANY; left > 0;) {
        assert_int_equal(question->count, left < LIMIT_HEADS ? left : LIMIT_HEADS);
        for (uint32_t k = 0; k < question->count; k++) {
            assert_in_range(question->user[k], 1, MANY);
            assert_false(was_asked[question->user[k]]);
            was_asked[question->user[k]] = true;
        }
        left -= question->count;
        answer(ERR_OK, 1, TIMELINE);
    }
    assert_int_equal(questions, 3);
    assert_null(asker);
    assert_int_equal(placed.count, 0);
}

struct watching {
    struct hub_watcher watcher; /* first */
    unsigned news;
};

static void on_news(struct hub_watcher *w)
{
    ((struct watching *)w)->news++;
}

static void on_end(struct hub_watcher *w, enum err why)
{
    (void)w;
    (void)why;
}

static void test_who_missed_something_is_woken(void **state)
{
    struct watching w = {
        .watcher = { .user = { 5 }, .device = { 1 }, .kind = HUB_STREAM, .news = on_news, .end = on_end }
    };

    (void)state;
    hub_watch(hub, &w.watcher);
    heads_ask(heads, (struct user_id){ 5 });
    run();
    answer(ERR_OK, 10, TIMELINE);
    assert_int_equal(w.news, 1);
    assert_int_equal(hub_newest(&w.watcher).n, 10);
    assert_int_equal(heads_healed(heads), 0); /* nothing was known: nothing was missed */
    heads_ask(heads, (struct user_id){ 5 });
    run();
    answer(ERR_OK, 12, TIMELINE);
    assert_int_equal(w.news, 2);
    assert_int_equal(heads_healed(heads), 1);
    heads_ask(heads, (struct user_id){ 5 });
    run();
    answer(ERR_OK, 12, TIMELINE);
    assert_int_equal(w.news, 2);
    assert_int_equal(heads_healed(heads), 1);
    heads_ask(heads, (struct user_id){ 5 });
    run();
    answer(ERR_OK, 20, TIMELINE + 1); /* of another history: the receivers find out by themselves */
    assert_int_equal(w.news, 2);
    assert_int_equal(hub_newest(&w.watcher).n, 12);
    hub_unwatch(hub, &w.watcher);
}

static void test_others_hear_of_it(void **state)
{
    (void)state;
    heads_ask(heads, (struct user_id){ 6 });
    heads_spread(heads, (struct user_id){ 6 });
    heads_ask(heads, (struct user_id){ 6 });
    heads_forget(heads, (struct user_id){ 6 }); /* it left here, and may be elsewhere */
    run();
    assert_int_equal(question->count, 1);
    answer(ERR_OK, 33, TIMELINE);
    assert_int_equal(placed.count, 1);
    assert_int_equal(placed.user, 6);
    assert_int_equal(placed.i, 33);
    heads_spread(heads, (struct user_id){ 6 });
    run();
    answer(ERR_OK, 34, TIMELINE + 1);
    assert_int_equal(placed.count, 1);
}

static void test_who_left_is_not_asked_for(void **state)
{
    (void)state;
    heads_ask(heads, (struct user_id){ 7 });
    heads_forget(heads, (struct user_id){ 7 });
    heads_forget(heads, (struct user_id){ 7 });
    run();
    assert_int_equal(questions, 0);
    heads_ask(heads, (struct user_id){ 8 });
    run();
    assert_int_equal(questions, 1);
    answer(ERR_OK, 1, TIMELINE);
}

static void test_again_after_a_failure(void **state)
{
    uint64_t since_ms;

    (void)state;
    heads_spread(heads, (struct user_id){ 9 });
    run();
    since_ms = loop_now_ms(loop);
    answer(ERR_STORE_DOWN, 50, TIMELINE);
    assert_int_equal(placed.count, 0);
    heads_ask(heads, (struct user_id){ 10 }); /* waits with it */
    run();
    while (!asker) {
        assert_true(loop_now_ms(loop) < since_ms + 2 * AGAIN_MS);
        loop_wait(loop, true);
        run();
    }
    assert_true(loop_now_ms(loop) >= since_ms + AGAIN_MS);
    assert_int_equal(question->count, 2);
    answer(ERR_OK, 50, TIMELINE);
    assert_int_equal(placed.count, 1);
    assert_int_equal(placed.user, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_thousand_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_missed_something_is_woken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others_hear_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_left_is_not_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again_after_a_failure, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
