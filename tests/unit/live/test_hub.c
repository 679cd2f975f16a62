/* unit/live/test_hub.c - who watches hears of its user only; the newest events are at hand, and no others */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "live/hub.h"
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct watching {
    struct hub_watcher watcher; /* first */
    int news, ends;
    enum err why;
};

static struct loop *loop;
static struct hub *hub;

static void news(struct hub_watcher *w)
{
    ((struct watching *)w)->news++;
}

static void end(struct hub_watcher *w, enum err why)
{
    struct watching *me = (struct watching *)w;

    me->ends++;
    me->why = why;
}

static void watch(struct watching *w, enum hub_kind kind, uint64_t user, uint64_t device)
{
    *w = (struct watching){
        .watcher = { .user = { user }, .device = { device }, .kind = kind, .news = news, .end = end }
    };
    hub_watch(hub, &w->watcher);
}

static void notice(uint64_t user, uint64_t i, const char *text)
{
    struct blob *b = blob_copy(text_of(text));

    hub_notice(hub, (struct user_id){ user }, (struct inbox_seq){ i }, b);
    blob_free(&b);
}

static void at_hand(const struct watching *w, uint64_t i, const char *text)
{
    const struct blob *b = hub_event(&w->watcher, (struct inbox_seq){ i });

    assert_int_equal(b != NULL, text != NULL);
    if (text)
        assert_true(text_equal(blob_text(b), text_of(text)));
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

static void test_news_of_ones_own_user(void **state)
{
    struct watching w, other;

    (void)state;
    watch(&w, HUB_STREAM, 1, 11);
    watch(&other, HUB_STREAM, 2, 22);
    assert_int_equal(hub_newest(&w.watcher).n, 0);
    at_hand(&w, 6, NULL);
    notice(1, 6, "six");
    notice(1, 7, "seven");
    assert_int_equal(w.news, 2);
    assert_int_equal(other.news, 0);
    assert_int_equal(hub_newest(&w.watcher).n, 7);
    at_hand(&w, 5, NULL);
    at_hand(&w, 6, "six");
    at_hand(&w, 7, "seven");
    at_hand(&w, 8, NULL);
    assert_int_equal(hub_count(hub), 2);
    hub_unwatch(hub, &w.watcher);
    hub_unwatch(hub, &w.watcher);
    notice(1, 8, "eight");
    assert_int_equal(w.news, 2);
    hub_unwatch(hub, &other.watcher);
    assert_int_equal(hub_count(hub), 0);
}

static void test_a_gap_is_not_bridged(void **state)
{
    struct watching w;

    (void)state;
    watch(&w, HUB_STREAM, 1, 11);
    notice(1, 6, "six");
    notice(1, 8, "eight");
    at_hand(&w, 6, NULL);
    at_hand(&w, 7, NULL);
    at_hand(&w, 8, "eight");
    notice(1, 7, "late"); /* the answers of two commits, read in the other order: found by reading */
    at_hand(&w, 7, NULL);
    notice(1, 8, "again");
    at_hand(&w, 8, "eight");
    assert_int_equal(w.news, 2);
    hub_unwatch(hub, &w.watcher);
}

static void test_the_tail_has_a_bound(void **state)
{
    struct watching w;
    char text[32];

    (void)state;
    watch(&w, HUB_STREAM, 1, 11);
    for (uint64_t i = 1; i <= 3 * LIMIT_TAIL_EVENTS; i++) {
        snprintf(text, sizeof text, "number %u", (unsigned)i);
        notice(1, i, text);
        at_hand(&w, i, text);
    }
    at_hand(&w, 2 * LIMIT_TAIL_EVENTS, NULL);
    snprintf(text, sizeof text, "number %u", 2 * LIMIT_TAIL_EVENTS + 1);
    at_hand(&w, 2 * LIMIT_TAIL_EVENTS + 1, text);
    hub_unwatch(hub, &w.watcher);
}

/* Long events of many users push each other out, oldest first; nobody is forgotten who watches. */
static void test_all_tails_have_a_bound(void **state)
{
    enum { USERS = 80, BYTES = 512 * 1024 };
    static struct watching w[USERS];
    struct blob *b = blob_new(BYTES);
    uint32_t kept = 0;

    (void)state;
    memset(b->at, 'x', BYTES);
    for (uint64_t n = 0; n < USERS; n++) {
        watch(&w[n], HUB_STREAM, n + 1, 11);
        hub_notice(hub, (struct user_id){ n + 1 }, (struct inbox_seq){ 1 }, b);
        assert_ptr_equal(hub_event(&w[n].watcher, (struct inbox_seq){ 1 }), b);
    }
    for (uint64_t n = 0; n < USERS; n++) {
        kept += hub_event(&w[n].watcher, (struct inbox_seq){ 1 }) != NULL;
        assert_int_equal(hub_newest(&w[n].watcher).n, 1);
    }
    assert_int_equal(kept, LIMIT_TAILS_BYTES / BYTES);
    assert_null(hub_event(&w[0].watcher, (struct inbox_seq){ 1 }));
    for (uint64_t n = 0; n < USERS; n++)
        hub_unwatch(hub, &w[n].watcher);
    blob_free(&b);
}

/* Between two polls nobody watches: what comes meanwhile is at hand for the second. */
static void test_a_user_is_remembered_between_polls(void **state)
{
    struct watching first, second;

    (void)state;
    watch(&first, HUB_POLL, 1, 11);
    notice(1, 6, "six");
    hub_unwatch(hub, &first.watcher);
    notice(1, 7, "seven");
    watch(&second, HUB_POLL, 1, 11);
    at_hand(&second, 6, "six");
    at_hand(&second, 7, "seven");
    assert_int_equal(first.news, 1);
    hub_unwatch(hub, &second.watcher);
}

static void test_one_poll_a_device(void **state)
{
    struct watching first, second, tablet, stream;

    (void)state;
    watch(&first, HUB_POLL, 1, 11);
    watch(&tablet, HUB_POLL, 1, 12);
    watch(&stream, HUB_STREAM, 1, 11);
    assert_int_equal(first.ends, 0);
    watch(&second, HUB_POLL, 1, 11);
    assert_int_equal(first.ends, 1);
    assert_int_equal(first.why, ERR_WAIT_OVER);
    assert_int_equal(tablet.ends + stream.ends + second.ends, 0);
    hub_unwatch(hub, &tablet.watcher);
    hub_unwatch(hub, &stream.watcher);
    hub_unwatch(hub, &second.watcher);
    hub_unwatch(hub, &first.watcher);
}

static void test_the_oldest_channel_gives_way(void **state)
{
    struct watching w[LIMIT_CHANNELS + 1], other;

    (void)state;
    watch(&other, HUB_STREAM, 1, 12);
    for (int n = 0; n < LIMIT_CHANNELS; n++)
        watch(&w[n], HUB_STREAM, 1, 11);
    assert_int_equal(w[0].ends, 0);
    watch(&w[LIMIT_CHANNELS], HUB_STREAM, 1, 11);
    assert_int_equal(w[0].ends, 1);
    assert_int_equal(w[0].why, ERR_WAIT_OVER);
    for (int n = 1; n <= LIMIT_CHANNELS; n++)
        assert_int_equal(w[n].ends, 0);
    assert_int_equal(other.ends, 0);
    for (int n = 0; n <= LIMIT_CHANNELS; n++)
        hub_unwatch(hub, &w[n].watcher);
    hub_unwatch(hub, &other.watcher);
}

static void test_revoked_and_ended(void **state)
{
    struct watching phone, tablet, other;

    (void)state;
    watch(&phone, HUB_STREAM, 1, 11);
    watch(&tablet, HUB_STREAM, 1, 12);
    watch(&other, HUB_POLL, 2, 11);
    hub_revoke(hub, (struct user_id){ 1 }, (struct device_id){ 11 });
    assert_int_equal(phone.why, ERR_UNAUTHORIZED);
    assert_int_equal(tablet.ends + other.ends, 0);
    notice(1, 6, "six");
    hub_resync(hub);
    assert_int_equal(tablet.why, ERR_RESYNC);
    assert_int_equal(other.why, ERR_RESYNC);
    at_hand(&tablet, 6, NULL);
    notice(1, 2, "of another timeline");
    at_hand(&tablet, 2, "of another timeline");
    for (uint32_t part = 0; part < 7; part++)
        hub_end(hub, part, 7);
    assert_int_equal(tablet.why, ERR_DRAINING);
    assert_int_equal(tablet.ends, 2);
    assert_int_equal(other.why, ERR_DRAINING);
    assert_int_equal(other.ends, 2);
    hub_unwatch(hub, &phone.watcher);
    hub_unwatch(hub, &tablet.watcher);
    hub_unwatch(hub, &other.watcher);
}

/* Only a reading says what is the newest, and the notices since; not for another timeline, nor after a doubt. */
static void test_what_is_known_to_be_the_newest(void **state)
{
    struct cursor at[] = { { .timeline = 7, .i = { 5 } },
                           { .timeline = 7, .i = { 6 } },
                           { .timeline = 8, .i = { 6 } } };
    struct watching w;

    (void)state;
    watch(&w, HUB_STREAM, 1, 11);
    notice(1, 5, "five");
    assert_false(hub_is_newest(hub, &w.watcher, at[0], 0));
    hub_was_read(hub, &w.watcher, at[0], 0);
    assert_true(hub_is_newest(hub, &w.watcher, at[0], 0));
    assert_false(hub_is_newest(hub, &w.watcher, at[1], 0));
    notice(1, 6, "six");
    assert_false(hub_is_newest(hub, &w.watcher, at[0], 0));
    assert_true(hub_is_newest(hub, &w.watcher, at[1], 0));
    assert_false(hub_is_newest(hub, &w.watcher, at[2], 0));
    assert_false(hub_is_newest(hub, &w.watcher, at[1], 1));
    hub_was_read(hub, &w.watcher, at[0], 1); /* began before the notice */
    assert_true(hub_is_newest(hub, &w.watcher, at[1], 1));
    hub_was_read(hub, &w.watcher, at[2], 1);
    assert_false(hub_is_newest(hub, &w.watcher, at[1], 1));
    hub_resync(hub);
    assert_false(hub_is_newest(hub, &w.watcher, at[2], 1));
    hub_unwatch(hub, &w.watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_news_of_ones_own_user, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_gap_is_not_bridged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_tail_has_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_tails_have_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_user_is_remembered_between_polls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_poll_a_device, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_oldest_channel_gives_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_revoked_and_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_known_to_be_the_newest, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
