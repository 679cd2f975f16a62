/* unit/live/test_channel.c - whatever happens around it, a channel hands on every event once and in order */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "fake/chat.h"
#include "live/channel.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { READ = 'r', RODE = 'h', FIRST = 'f', SIGNALS = 's', FAR = 1000 };

struct world {
    struct fake_chat f;
    struct channel_place place;
    struct user_id user;
    uint64_t committed; /* events in the inbox */
};

/* A receiver that checks the order, and has room for so many batches. */
struct receiver {
    struct channel channel; /* first */
    uint64_t last, signals;
    int room, ended;
    enum err why;
    char how[64]; /* a letter for each batch */
};

static bool take(struct channel *ch, const struct channel_batch *b)
{
    struct receiver *r = (struct receiver *)ch;
    size_t n = strlen(r->how);

    assert_int_equal(r->ended, 0);
    if (n == 0)
        r->last = b->cursor.i.n - b->count;
    assert_true(n == 0 || b->count + b->signals_count > 0);
    for (uint32_t k = 0; k < b->count; k++) {
        assert_int_equal(channel_batch_i(b, k).n, ++r->last);
        if (b->rows)
            assert_int_equal(b->rows[k].i.n, r->last);
        else
            assert_int_equal(strtoul(b->encoded[k]->at, NULL, 10), r->last);
    }
    assert_int_equal(b->cursor.i.n, r->last);
    for (uint32_t k = 0; k < b->signals_count; k++)
        assert_int_equal(strtoul(b->signals[k]->at, NULL, 10), ++r->signals);
    assert_true(n + 1 < sizeof r->how);
    r->how[n] = b->count > 0 ? b->rows ? READ : RODE : n > 0 ? SIGNALS : FIRST;
    return --r->room > 0;
}

static void ended(struct channel *ch, enum err why)
{
    struct receiver *r = (struct receiver *)ch;

    r->ended++;
    r->why = why;
}

static const struct channel_kind kind = { "test", HUB_STREAM, take, ended };

static void commit_quietly(struct world *w)
{
    struct fake_account *a = fake_store_find(w->f.store, w->user);
    struct store *s = w->f.store;

    s->event[s->events_count].event = (struct event){ .kind = EVENT_MESSAGE, .id = { s->events_count + 1 } };
    a->inbox[a->inbox_count++] = s->events_count++;
    w->committed++;
}

static struct blob *numbered(uint64_t n)
{
    char text[32];

    snprintf(text, sizeof text, "%u", (unsigned)n);
    return blob_copy(text_of(text));
}

static void tell(struct world *w, uint64_t i)
{
    struct blob *b = numbered(i);

    hub_notice(w->place.hub, w->user, (struct inbox_seq){ i }, b);
    blob_free(&b);
}

static void commit(struct world *w)
{
    commit_quietly(w);
    tell(w, w->committed);
}

static void type(struct world *w, uint64_t number)
{
    struct blob *b = numbered(number);

    hub_signal(w->place.hub, w->user, (struct device_id){ 99 }, b);
    blob_free(&b);
}

static void start(struct world *w, struct receiver *r, struct cursor after)
{
    *r = (struct receiver){ .room = FAR };
    r->channel.events_max = 5;
    r->channel.bytes_max = 1024;
    channel_start(&r->channel, &w->place, &kind, w->user, (struct device_id){ 70 }, after);
}

static void run(struct world *w)
{
    fake_chat_run(&w->f);
}

static void begin(struct world *w, struct receiver *r, struct cursor after)
{
    start(w, r, after);
    run(w);
}

static void stop(struct world *w, struct receiver *r)
{
    channel_end(&r->channel, ERR_CANCELLED);
    run(w);
    assert_int_equal(r->ended, 1);
    assert_int_equal(hub_count(w->place.hub), 0);
}

static struct cursor from(struct world *w, uint64_t i)
{
    return (struct cursor){ .timeline = w->f.store->timeline, .i = { i } };
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    fake_chat_init(&w->f);
    w->place = (struct channel_place){ &w->f.ops, w->f.chat.loop, w->f.store, hub_new(w->f.chat.loop) };
    w->user = fake_store_account(w->f.store, "ada");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    run(w);
    hub_free(&w->place.hub);
    fake_chat_fini(&w->f);
    free(w);
    return 0;
}

static void test_read_then_live(void **state)
{
    struct world *w = *state;
    struct receiver r;

    for (int n = 0; n < 7; n++)
        commit_quietly(w);
    begin(w, &r, from(w, 0));
    assert_string_equal(r.how, "rr"); /* 5 and 2 */
    commit(w);
    run(w);
    assert_string_equal(r.how, "rrh");
    commit(w);
    commit(w);
    run(w);
    assert_string_equal(r.how, "rrhh"); /* two in one */
    assert_int_equal(r.last, 10);
    stop(w, &r);
}

static void test_begins_without_events(void **state)
{
    struct world *w = *state;
    struct receiver r, now;

    begin(w, &r, from(w, 0));
    assert_string_equal(r.how, "f");
    commit(w);
    commit(w);
    run(w);
    begin(w, &now, (struct cursor){ .is_now = true });
    assert_string_equal(now.how, "f");
    assert_int_equal(now.last, 2);
    commit(w);
    run(w);
    assert_string_equal(now.how, "fh");
    assert_string_equal(r.how, "fhh");
    channel_end(&r.channel, ERR_CANCELLED);
    stop(w, &now);
    assert_int_equal(r.ended, 1);
}

/* Of two commits the later one is heard of first: what is not next is not handed on, but read. */
static void test_a_gap_is_read(void **state)
{
    struct world *w = *state;
    struct receiver r;

    begin(w, &r, from(w, 0));
    commit_quietly(w);
    commit_quietly(w);
    tell(w, 2);
    run(w);
    assert_string_equal(r.how, "fr");
    tell(w, 1);
    run(w);
    assert_string_equal(r.how, "fr");
    commit(w);
    run(w);
    assert_int_equal(r.last, 3);
    stop(w, &r);
}

/* News that come while the inbox is read are neither lost nor told twice. */
static void test_news_while_it_reads(void **state)
{
    struct world *w = *state;
    struct receiver r;

    commit_quietly(w);
    w->f.store->is_holding = true;
    begin(w, &r, from(w, 0));
    assert_string_equal(r.how, "");
    commit(w); /* after the reading's snapshot */
    w->f.store->is_holding = false;
    fake_store_release(w->f.store);
    run(w);
    assert_string_equal(r.how, "rh");
    assert_int_equal(r.last, 2);
    stop(w, &r);
}

static void test_a_slow_receiver_is_refilled(void **state)
{
    struct world *w = *state;
    struct receiver r;
    uint32_t calls;

    start(w, &r, from(w, 0));
    r.room = 2;
    run(w);
    commit(w);
    run(w);
    assert_string_equal(r.how, "fh"); /* and now it is full */
    calls = w->f.store->calls;
    for (int n = 0; n < 100; n++) {
        commit(w); /* the first of them at hand, then no more */
        run(w);
    }
    assert_string_equal(r.how, "fh");
    assert_int_equal(w->f.store->calls, calls); /* nothing is read that it can't take */
    assert_int_equal(channel_newest(&r.channel).i.n, 101);
    r.room = FAR;
    channel_room(&r.channel);
    run(w);
    assert_int_equal(r.last, 101);
    assert_non_null(strchr(r.how, READ));
    stop(w, &r);
}

static void test_what_is_at_hand_needs_no_reading(void **state)
{
    struct world *w = *state;
    struct receiver r, again;
    uint32_t calls;

    begin(w, &r, from(w, 0));
    commit(w);
    run(w);
    stop(w, &r);
    commit(w);
    calls = w->f.store->calls;
    begin(w, &again, from(w, 1));
    assert_string_equal(again.how, "h");
    assert_int_equal(again.last, 2);
    assert_int_equal(w->f.store->calls, calls);
    stop(w, &again);
}

static void test_bad_cursors(void **state)
{
    struct world *w = *state;
    struct receiver r;

    begin(w, &r, from(w, 9));
    assert_int_equal(r.ended, 1);
    assert_int_equal(r.why, ERR_RESYNC);
    begin(w, &r, (struct cursor){ .timeline = w->f.store->timeline + 1 });
    assert_int_equal(r.why, ERR_RESYNC);
    assert_string_equal(r.how, "");
    begin(w, &r, from(w, 0));
    assert_string_equal(r.how, "f");
    w->f.store->timeline++;
    commit(w);
    run(w);
    assert_string_equal(r.how, "f"); /* numbers of another timeline are not handed on */
    assert_int_equal(r.why, ERR_RESYNC);
    assert_int_equal(hub_count(w->place.hub), 0);
}

static void test_the_database_goes_away(void **state)
{
    struct world *w = *state;
    struct receiver r, new;

    begin(w, &r, from(w, 0));
    commit_quietly(w);
    commit_quietly(w);
    fake_store_fail(w->f.store, ERR_STORE_DOWN, 0, 2);
    tell(w, 2); /* a gap: must be read */
    run(w);
    assert_string_equal(r.how, "f");
    assert_int_equal(r.ended, 0);
    start(w, &new, from(w, 0)); /* a new one is told */
    run(w);
    assert_int_equal(new.ended, 1);
    assert_int_equal(new.why, ERR_STORE_DOWN);
    for (int n = 0; n < 400 && r.last < 2; n++) {
        loop_wait(w->f.chat.loop, true);
        run(w);
    }
    assert_string_equal(r.how, "fr");
    stop(w, &r);
}

static void test_ends(void **state)
{
    struct world *w = *state;
    struct receiver r, held;

    begin(w, &r, from(w, 0));
    hub_revoke(w->place.hub, w->user, (struct device_id){ 70 });
    hub_end(w->place.hub, 0, 1);
    run(w);
    assert_int_equal(r.ended, 1);
    assert_int_equal(r.why, ERR_UNAUTHORIZED); /* the first reason stays */
    w->f.store->is_holding = true;
    begin(w, &held, (struct cursor){ .is_now = true });
    channel_end(&held.channel, ERR_CANCELLED);
    run(w);
    assert_int_equal(held.ended, 0); /* the reading still writes into it */
    w->f.store->is_holding = false;
    fake_store_release(w->f.store);
    run(w);
    assert_int_equal(held.ended, 1);
    assert_string_equal(held.how, "");
    assert_int_equal(hub_count(w->place.hub), 0);
}

/* Signals come beside the events: never before the beginning, and the cursor stays. */
static void test_signals(void **state)
{
    struct world *w = *state;
    struct receiver r;

    w->f.store->is_holding = true;
    begin(w, &r, from(w, 0));
    type(w, 1);
    run(w);
    assert_string_equal(r.how, "");
    w->f.store->is_holding = false;
    fake_store_release(w->f.store);
    run(w);
    assert_string_equal(r.how, "f");
    assert_int_equal(r.signals, 1);
    type(w, 2);
    type(w, 3);
    run(w);
    assert_string_equal(r.how, "fs");
    assert_int_equal(r.signals, 3);
    assert_int_equal(channel_newest(&r.channel).i.n, 0);
    type(w, 4);
    commit(w);
    run(w);
    assert_string_equal(r.how, "fsh"); /* both in one */
    assert_int_equal(r.signals, 4);
    assert_int_equal(r.last, 1);
    stop(w, &r);
}

/* Without room it gets every event later, and no signal of meanwhile. */
static void test_a_slow_receiver_loses_signals(void **state)
{
    struct world *w = *state;
    struct receiver r;

    start(w, &r, from(w, 0));
    r.room = 1;
    run(w);
    for (uint64_t n = 1; n <= 20; n++) {
        type(w, n + 100);
        commit(w);
        run(w);
    }
    assert_string_equal(r.how, "f");
    assert_int_equal(hub_signals_dropped(w->place.hub), 20);
    r.room = FAR;
    channel_room(&r.channel);
    run(w);
    assert_int_equal(r.last, 20);
    assert_int_equal(r.signals, 0);
    type(w, 1);
    run(w);
    assert_int_equal(r.signals, 1);
    stop(w, &r);
}

/* While it waits for the database signals come, and the events are neither hidden nor overtaken. */
static void test_signals_do_not_hide_a_gap(void **state)
{
    struct world *w = *state;
    struct receiver r;

    begin(w, &r, from(w, 0));
    w->f.store->is_holding = true;
    commit_quietly(w);
    commit_quietly(w);
    tell(w, 2);
    type(w, 1);
    run(w);
    assert_string_equal(r.how, "fs");
    assert_int_equal(r.last, 0);
    type(w, 2);
    w->f.store->is_holding = false;
    fake_store_release(w->f.store);
    run(w);
    assert_string_equal(r.how, "fsr");
    assert_int_equal(r.last, 2);
    assert_int_equal(r.signals, 2);
    stop(w, &r);
}

/* A poll comes back to nothing new: the reading of the one before and the notices since say so. */
static void test_what_is_known_needs_no_reading(void **state)
{
    struct world *w = *state;
    struct receiver r, again;
    uint32_t calls;

    begin(w, &r, from(w, 0));
    commit(w);
    run(w);
    stop(w, &r);
    calls = w->f.store->calls;
    begin(w, &again, from(w, 1));
    assert_string_equal(again.how, "f");
    assert_int_equal(w->f.store->calls, calls);
    commit(w);
    run(w);
    assert_string_equal(again.how, "fh");
    stop(w, &again);
    commit_quietly(w);
    w->f.store->duplicates++; /* somebody repeated what was not acknowledged: that is a reason to look */
    begin(w, &again, from(w, 2));
    assert_string_equal(again.how, "r");
    stop(w, &again);
    commit_quietly(w); /* not heard of here, as from another node */
    for (int n = 0; n < 2 * LIMIT_KNOWN_MS / 100 && again.last < 4; n++) {
        begin(w, &again, from(w, 3));
        stop(w, &again);
        nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000 * 1000 }, NULL);
        loop_wait(w->f.chat.loop, false);
    }
    assert_int_equal(again.last, 4);
    begin(w, &again, (struct cursor){ .timeline = w->f.store->timeline + 1, .i = { 4 } });
    assert_int_equal(again.why, ERR_RESYNC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read_then_live, setup, teardown),
        cmocka_unit_test_setup_teardown(test_begins_without_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_gap_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_news_while_it_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_slow_receiver_is_refilled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_at_hand_needs_no_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_cursors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_database_goes_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_slow_receiver_loses_signals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signals_do_not_hide_a_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_known_needs_no_reading, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
