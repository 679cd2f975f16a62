/* unit/live/test_others.c - a hub among other nodes: who entered, who left, who may read, and what others say of an inbox */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "live/hub.h"
#include <cmocka.h>

struct watching {
    struct hub_watcher watcher; /* first */
    int news;
};

static struct loop *loop;
static struct hub *hub;
static struct user_id some[8];

static void news(struct hub_watcher *w)
{
    ((struct watching *)w)->news++;
}

static void end(struct hub_watcher *w, enum err why)
{
    (void)w;
    (void)why;
}

static void watch(struct watching *w, uint64_t user)
{
    *w = (struct watching){
        .watcher = { .user = { user }, .device = { 1 }, .kind = HUB_STREAM, .news = news, .end = end }
    };
    hub_watch(hub, &w->watcher);
}

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    hub = hub_new(loop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hub_free(&hub);
    loop_free(&loop);
    return 0;
}

static void alone_nobody_is_told_of(void **state)
{
    struct watching w;

    (void)state;
    watch(&w, 5);
    assert_true(hub_is_settled(&w.watcher));
    assert_int_equal(hub_take_entered(hub, some, 8), 0);
    hub_unwatch(hub, &w.watcher);
    assert_int_equal(hub_take_left(hub, some, 8), 0);
}

static void who_enters_waits_to_be_registered(void **state)
{
    struct watching w, again;

    (void)state;
    hub_set_alone(hub, false);
    watch(&w, 5);
    assert_false(hub_is_settled(&w.watcher));
    assert_int_equal(hub_take_entered(hub, some, 8), 1);
    assert_int_equal(some[0].n, 5);
    assert_int_equal(hub_take_entered(hub, some, 8), 0);
    hub_settle(hub, (struct user_id){ 6 });
    assert_int_equal(w.news, 0);
    hub_settle(hub, (struct user_id){ 5 });
    assert_int_equal(w.news, 1);
    assert_true(hub_is_settled(&w.watcher));
    watch(&again, 5); /* another device: the user is known already */
    assert_true(hub_is_settled(&again.watcher));
    assert_int_equal(hub_take_entered(hub, some, 8), 0);
    hub_unwatch(hub, &again.watcher);
    hub_unwatch(hub, &w.watcher);
}

static void who_was_here_before_the_others_enters_too(void **state)
{
    struct watching w;

    (void)state;
    watch(&w, 5);
    hub_set_alone(hub, false);
    assert_false(hub_is_settled(&w.watcher));
    assert_int_equal(hub_take_entered(hub, some, 8), 1);
    hub_set_alone(hub, true);
    assert_true(hub_is_settled(&w.watcher));
    assert_true(w.news > 0);
    hub_unwatch(hub, &w.watcher);
}

static void who_leaves_is_told_of_once_they_were(void **state)
{
    struct watching told, untold;

    (void)state;
    hub_set_alone(hub, false);
    watch(&told, 5);
    assert_int_equal(hub_take_entered(hub, some, 8), 1);
    watch(&untold, 6);
    hub_unwatch(hub, &told.watcher);
    hub_unwatch(hub, &untold.watcher);
    hub_resync(hub); /* both are forgotten: nobody watches */
    assert_int_equal(hub_take_left(hub, some, 8), 1);
    assert_int_equal(some[0].n, 5);
    assert_int_equal(hub_take_entered(hub, some, 8), 0);
    assert_int_equal(hub_take_left(hub, some, 8), 0);
}

static void heads_wake_whom_they_concern(void **state)
{
    struct blob *b = blob_copy(TEXT("nine"));
    struct watching w;

    (void)state;
    assert_false(hub_head(hub, (struct user_id){ 5 }, (struct inbox_seq){ 8 }));
    watch(&w, 5);
    assert_true(hub_head(hub, (struct user_id){ 5 }, (struct inbox_seq){ 8 }));
    assert_int_equal(w.news, 1);
    assert_int_equal(hub_newest(&w.watcher).n, 8);
    assert_null(hub_event(&w.watcher, (struct inbox_seq){ 8 }));
    assert_true(hub_head(hub, (struct user_id){ 5 }, (struct inbox_seq){ 8 }));
    assert_int_equal(w.news, 1);
    hub_notice(hub, (struct user_id){ 5 }, (struct inbox_seq){ 9 }, b);
    assert_non_null(hub_event(&w.watcher, (struct inbox_seq){ 9 }));
    assert_int_equal(hub_known(hub, (struct user_id){ 5 }).n, 9);
    hub_unwatch(hub, &w.watcher);
    blob_free(&b);
}

static void doubt_makes_a_reading_worth_nothing(void **state)
{
    struct cursor at = { .timeline = 1, .i = { 4 } };
    struct watching w;

    (void)state;
    watch(&w, 5);
    loop_wait(loop, false);
    hub_was_read(hub, &w.watcher, at, 0);
    assert_true(hub_is_newest(hub, &w.watcher, at, 0));
    hub_doubt(hub, (struct user_id){ 5 });
    assert_false(hub_is_newest(hub, &w.watcher, at, 0));
    hub_unwatch(hub, &w.watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(alone_nobody_is_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(who_enters_waits_to_be_registered, setup, teardown),
        cmocka_unit_test_setup_teardown(who_was_here_before_the_others_enters_too, setup, teardown),
        cmocka_unit_test_setup_teardown(who_leaves_is_told_of_once_they_were, setup, teardown),
        cmocka_unit_test_setup_teardown(heads_wake_whom_they_concern, setup, teardown),
        cmocka_unit_test_setup_teardown(doubt_makes_a_reading_worth_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
