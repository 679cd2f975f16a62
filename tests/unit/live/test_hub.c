/* unit/live/test_hub.c - who waits is woken once, with what came next and nothing else */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "live/hub.h"
#include <cmocka.h>
#include <string.h>

struct waiting {
    struct op op; /* first */
    struct hub_waiter waiter;
    enum err heard;
    int woken;
};

static struct ops ops;
static struct hub *hub;

static op_step waiting_begin, waiting_woken;
static op_done waiting_done;

static void waiting_free(struct op *op)
{
    (void)op;
}

static const struct op_kind waiting_kind = { .name = "waiting", .free = waiting_free };

static void waiting_begin(struct op *op, enum err err)
{
    struct waiting *w = (struct waiting *)op;

    assert_int_equal(err, ERR_OK);
    hub_wait(&w->waiter, op_then(op, waiting_woken));
}

static void waiting_woken(struct op *op, enum err err)
{
    struct waiting *w = (struct waiting *)op;

    w->heard = err;
    w->woken++;
    op_finish(op, ERR_OK);
}

static void waiting_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static void run(void)
{
    while (!ops_idle(&ops))
        ops_run(&ops);
}

static void watch(struct waiting *w, uint64_t user, uint64_t device, uint64_t after)
{
    memset(w, 0, sizeof *w);
    w->waiter.user.n = user;
    w->waiter.device.n = device;
    w->waiter.after.n = after;
    hub_watch(hub, &w->waiter);
}

static void wait_for(struct waiting *w)
{
    op_start(&ops, &w->op, &waiting_kind, waiting_begin, waiting_done, w);
    run();
}

static void notice(uint64_t user, uint64_t i, const char *text)
{
    struct blob *b = blob_copy(text_of(text));

    hub_notice(hub, (struct user_id){ user }, (struct inbox_seq){ i }, b);
    blob_free(&b);
    run();
}

static int setup(void **state)
{
    (void)state;
    ops_init(&ops);
    hub = hub_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hub_free(&hub);
    return (int)ops.live;
}

static void test_woken_once_with_what_is_next(void **state)
{
    struct waiting w, other;

    (void)state;
    watch(&w, 1, 11, 5);
    watch(&other, 2, 22, 5);
    wait_for(&w);
    wait_for(&other);
    assert_int_equal(w.woken, 0);
    notice(1, 6, "six");
    assert_int_equal(w.woken, 1);
    assert_int_equal(w.heard, ERR_OK);
    assert_int_equal(other.woken, 0);
    notice(1, 7, "seven");
    assert_int_equal(w.woken, 1);
    assert_int_equal(w.waiter.ride_count, 2);
    assert_true(text_equal(blob_text(w.waiter.ride[1]), TEXT("seven")));
    assert_false(w.waiter.has_gap);
    hub_unwatch(hub, &w.waiter);
    hub_unwatch(hub, &w.waiter);
    hub_end_wait(&other.waiter, ERR_CANCELLED);
    run();
    assert_int_equal(other.heard, ERR_CANCELLED);
    hub_unwatch(hub, &other.waiter);
    assert_int_equal(hub_count(hub), 0);
}

static void test_news_before_the_wait(void **state)
{
    struct waiting w;

    (void)state;
    watch(&w, 1, 11, 5);
    notice(1, 6, "six");
    assert_int_equal(w.woken, 0);
    wait_for(&w);
    assert_int_equal(w.woken, 1);
    assert_int_equal(w.waiter.ride_count, 1);
    hub_unwatch(hub, &w.waiter);
}

static void test_a_gap_does_not_ride(void **state)
{
    struct waiting w;

    (void)state;
    watch(&w, 1, 11, 5);
    wait_for(&w);
    notice(1, 8, "eight");
    assert_int_equal(w.woken, 1);
    assert_int_equal(w.waiter.ride_count, 0);
    assert_true(w.waiter.has_gap);
    notice(1, 6, "six");
    assert_int_equal(w.waiter.ride_count, 0);
    hub_unwatch(hub, &w.waiter);
}

static void test_what_it_has_is_no_news(void **state)
{
    struct waiting w;

    (void)state;
    watch(&w, 1, 11, 5);
    wait_for(&w);
    notice(1, 5, "five");
    notice(1, 1, "one");
    assert_int_equal(w.woken, 0);
    notice(1, 6, "six");
    notice(1, 6, "six");
    assert_int_equal(w.waiter.ride_count, 1);
    assert_false(w.waiter.has_gap);
    hub_unwatch(hub, &w.waiter);
}

static void test_riders_have_a_bound(void **state)
{
    struct waiting w;

    (void)state;
    watch(&w, 1, 11, 0);
    for (uint64_t i = 1; i <= HUB_RIDE_MAX + 3; i++)
        notice(1, i, "x");
    assert_int_equal(w.waiter.ride_count, HUB_RIDE_MAX);
    assert_true(w.waiter.has_gap);
    hub_unwatch(hub, &w.waiter);
}

static void test_one_waiting_poll_a_device(void **state)
{
    struct waiting first, second, tablet;

    (void)state;
    watch(&first, 1, 11, 5);
    watch(&tablet, 1, 12, 5);
    wait_for(&first);
    wait_for(&tablet);
    watch(&second, 1, 11, 5);
    run();
    assert_int_equal(first.heard, ERR_WAIT_OVER);
    assert_int_equal(first.woken, 1);
    assert_int_equal(tablet.woken, 0);
    wait_for(&second);
    notice(1, 6, "six");
    assert_int_equal(second.woken, 1);
    assert_int_equal(tablet.woken, 1);
    hub_unwatch(hub, &tablet.waiter);
    hub_unwatch(hub, &first.waiter);
    hub_unwatch(hub, &second.waiter);
}

static void test_ended_while_it_reads(void **state)
{
    struct waiting first, second;

    (void)state;
    watch(&first, 1, 11, 5);
    watch(&second, 1, 11, 5);
    wait_for(&first);
    assert_int_equal(first.heard, ERR_WAIT_OVER);
    hub_revoke(hub, (struct user_id){ 1 }, (struct device_id){ 99 });
    hub_revoke(hub, (struct user_id){ 2 }, (struct device_id){ 11 });
    assert_int_equal(second.waiter.ended, ERR_OK);
    hub_revoke(hub, (struct user_id){ 1 }, (struct device_id){ 11 });
    wait_for(&second);
    assert_int_equal(second.heard, ERR_UNAUTHORIZED);
    hub_unwatch(hub, &first.waiter);
    hub_unwatch(hub, &second.waiter);
}

static void test_drain_ends_all(void **state)
{
    struct waiting w[5];

    (void)state;
    for (uint64_t n = 0; n < 5; n++) {
        watch(&w[n], 1 + n % 2, 10 + n, 0);
        wait_for(&w[n]);
    }
    assert_int_equal(hub_count(hub), 5);
    hub_end(hub);
    run();
    for (int n = 0; n < 5; n++) {
        assert_int_equal(w[n].woken, 1);
        assert_int_equal(w[n].heard, ERR_WAIT_OVER);
        hub_unwatch(hub, &w[n].waiter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_woken_once_with_what_is_next, setup, teardown),
        cmocka_unit_test_setup_teardown(test_news_before_the_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_gap_does_not_ride, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_it_has_is_no_news, setup, teardown),
        cmocka_unit_test_setup_teardown(test_riders_have_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_waiting_poll_a_device, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ended_while_it_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain_ends_all, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
