/* unit/live/test_signals.c - signals reach whoever is here, not their sender, and wait a moment for a poll */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "live/hub.h"
#include "live/signals.h"
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PHONE = 11, TABLET = 12, LAPTOP = 13, FRIEND = 21 };

struct watching {
    struct hub_watcher watcher; /* first */
    int news;
};

static struct loop *loop;
static struct hub *hub;

static void news(struct hub_watcher *w)
{
    ((struct watching *)w)->news++;
}

static void end(struct hub_watcher *w, enum err why)
{
    (void)w;
    (void)why;
}

static void watch(struct watching *w, enum hub_kind kind, uint64_t user, uint64_t device)
{
    *w = (struct watching){
        .watcher = { .user = { user }, .device = { device }, .kind = kind, .news = news, .end = end }
    };
    hub_watch(hub, &w->watcher);
}

static void leave(struct watching *w)
{
    hub_unwatch(hub, &w->watcher);
}

static void type(uint64_t user, uint64_t device, const char *text)
{
    struct blob *b = blob_copy(text_of(text));

    hub_signal(hub, (struct user_id){ user }, (struct device_id){ device }, b);
    blob_free(&b);
}

/* Joined by commas, these are new to w. */
static void hears(struct watching *w, const char *expected)
{
    const struct blob *at[LIMIT_SIGNALS];
    char all[1024] = "";
    size_t bytes = 0;
    bool has = hub_has_signals(&w->watcher);
    uint32_t count = hub_take_signals(hub, &w->watcher, at);

    assert_int_equal(has, count > 0);
    for (uint32_t k = 0; k < count && bytes < sizeof all; k++)
        bytes += (size_t)snprintf(all + bytes, sizeof all - bytes, "%s%s", k ? "," : "", at[k]->at);
    assert_string_equal(all, expected);
    assert_false(hub_has_signals(&w->watcher));
}

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    loop_wait(loop, false);
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

static void test_to_everybody_but_the_sender(void **state)
{
    struct watching phone, tablet, other;

    (void)state;
    watch(&phone, HUB_STREAM, 1, PHONE);
    watch(&tablet, HUB_STREAM, 1, TABLET);
    watch(&other, HUB_STREAM, 2, FRIEND);
    type(1, PHONE, "a");
    assert_int_equal(phone.news + other.news, 0);
    assert_int_equal(tablet.news, 1);
    type(1, FRIEND, "b");
    hears(&phone, "b");
    hears(&phone, "");
    hears(&tablet, "a,b");
    hears(&other, "");
    assert_int_equal(hub_newest(&phone.watcher).n, 0);
    assert_int_equal(hub_signals_dropped(hub), 0);
    leave(&phone);
    leave(&tablet);
    leave(&other);
}

/* Only a poll, only the same device, only for a moment. */
static void test_a_poll_comes_back(void **state)
{
    struct watching poll, again, stream, new;

    (void)state;
    type(1, FRIEND, "nobody was ever here");
    watch(&poll, HUB_POLL, 1, PHONE);
    hears(&poll, "");
    leave(&poll);
    type(1, FRIEND, "a");
    type(1, PHONE, "own");
    type(1, FRIEND, "b");
    watch(&new, HUB_POLL, 1, TABLET);
    watch(&stream, HUB_STREAM, 1, PHONE);
    watch(&again, HUB_POLL, 1, PHONE);
    hears(&new, "");
    hears(&stream, "");
    hears(&again, "a,b");
    leave(&again);
    leave(&new);
    leave(&stream);
    watch(&again, HUB_POLL, 1, PHONE);
    hears(&again, "");
    leave(&again);
    nanosleep(&(struct timespec){ .tv_sec = LIMIT_TAIL_MS / 1000, .tv_nsec = 50 * 1000 * 1000 }, NULL);
    loop_wait(loop, false);
    watch(&stream, HUB_STREAM, 1, TABLET);
    type(1, FRIEND, "long after");
    watch(&again, HUB_POLL, 1, PHONE);
    hears(&again, "");
    leave(&again);
    leave(&stream);
}

static void test_who_does_not_wait(void **state)
{
    const struct blob *at[LIMIT_SIGNALS];
    struct user_id user = { 1 };

    struct watching stream;

    (void)state;
    assert_int_equal(hub_pass(hub, user, (struct device_id){ PHONE }, at), 0);
    type(1, FRIEND, "to nobody");
    assert_int_equal(hub_pass(hub, user, (struct device_id){ PHONE }, at), 0);
    watch(&stream, HUB_STREAM, 1, LAPTOP);
    assert_int_equal(hub_pass(hub, user, (struct device_id){ PHONE }, at), 0);
    type(1, FRIEND, "a");
    assert_int_equal(hub_pass(hub, user, (struct device_id){ TABLET }, at), 0);
    assert_int_equal(hub_pass(hub, user, (struct device_id){ PHONE }, at), 1);
    assert_string_equal(at[0]->at, "a");
    assert_int_equal(hub_pass(hub, user, (struct device_id){ PHONE }, at), 0);
    leave(&stream);
}

static void test_the_newest_stay(void **state)
{
    struct watching w;
    const struct blob *at[LIMIT_SIGNALS];
    char text[16];

    (void)state;
    watch(&w, HUB_STREAM, 1, PHONE);
    for (unsigned n = 1; n <= 3 * LIMIT_SIGNALS + 5; n++) {
        snprintf(text, sizeof text, "%u", n);
        type(1, FRIEND, text);
    }
    assert_int_equal(hub_take_signals(hub, &w.watcher, at), LIMIT_SIGNALS);
    for (unsigned n = 0; n < LIMIT_SIGNALS; n++) {
        snprintf(text, sizeof text, "%u", 2 * LIMIT_SIGNALS + 6 + n);
        assert_string_equal(at[n]->at, text);
    }
    assert_int_equal(hub_signals_dropped(hub), 2 * LIMIT_SIGNALS + 5);
    type(1, FRIEND, "x");
    hub_skip_signals(hub, &w.watcher);
    assert_int_equal(hub_signals_dropped(hub), 2 * LIMIT_SIGNALS + 6);
    hears(&w, "");
    leave(&w);
}

/* An eleventh device that goes away is remembered in place of the one away longest. */
static void test_who_is_away_has_a_bound(void **state)
{
    struct signals s = { 0 };
    struct blob *b = blob_copy(TEXT("x"));

    (void)state;
    signals_put(&s, (struct device_id){ FRIEND }, b);
    for (uint64_t n = 1; n <= LIMIT_DEVICES + 1; n++)
        signals_leave(&s, (struct device_id){ n }, 0, 1000 + n);
    assert_int_equal(s.marks_count, LIMIT_DEVICES);
    assert_int_equal(signals_enter(&s, (struct device_id){ 1 }, 1020), 1); /* as if new */
    for (uint64_t n = 2; n <= LIMIT_DEVICES + 1; n++)
        assert_int_equal(signals_enter(&s, (struct device_id){ n }, 1020), 0);
    assert_true(signals_is_awaited(&s, (struct device_id){ FRIEND }, 1020));
    assert_false(signals_is_awaited(&s, (struct device_id){ FRIEND }, 1021 + LIMIT_TAIL_MS));
    signals_drop(&s);
    assert_int_equal(s.bytes + s.marks_count, 0);
    assert_int_equal(b->refs, 1);
    blob_free(&b);
}

/* Nobody could take it: it is not kept. */
static void test_not_for_nobody(void **state)
{
    struct watching w;
    struct blob *b = blob_copy(TEXT("x"));

    (void)state;
    watch(&w, HUB_STREAM, 1, PHONE);
    hub_signal(hub, (struct user_id){ 1 }, (struct device_id){ PHONE }, b);
    hub_signal(hub, (struct user_id){ 2 }, (struct device_id){ PHONE }, b);
    leave(&w);
    hub_signal(hub, (struct user_id){ 1 }, (struct device_id){ FRIEND }, b);
    assert_int_equal(b->refs, 1);
    blob_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_to_everybody_but_the_sender, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_poll_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_does_not_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_newest_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_away_has_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_for_nobody, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
