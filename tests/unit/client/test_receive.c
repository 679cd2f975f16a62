/* unit/client/test_receive.c - changes of ways under the cursor: feeds and clock are ours */
#include "feeds.h"

static void step(struct stage *s, uint64_t after_ms)
{
    world.now_ms += after_ms;
    for (int n = 0; n < 4; n++) /* what one step notes the next one does */
        posthorn_step(s->p);
}

/* The newest feed that is open; NULL: none. */
static struct fake *newest(void)
{
    for (unsigned n = world.count; n-- > 0;)
        if (world.at[n].is_open)
            return &world.at[n];
    return NULL;
}

static unsigned open_count(void)
{
    unsigned count = 0;
    for (unsigned n = 0; n < world.count; n++)
        count += world.at[n].is_open;
    return count;
}

/* Events first..last, and the cursor after them. */
static void brings(struct fake *f, unsigned first, unsigned last)
{
    struct buf b = { 0 };
    buf_text(&b, "{\"events\":[");
    for (unsigned i = first; i <= last; i++)
        buf_format(&b, "%s{\"t\":\"message\",\"i\":%u}", i > first ? "," : "", i);
    buf_format(&b, "],\"cursor\":\"3.%u\"}", last);
    f->is_live = true;
    f->on->batch(f->context, &f->feed, wire_parse(b.at, b.bytes));
    buf_fini(&b);
}

static void ends(struct fake *f, enum feed_end end, int status, const char *code, uint32_t retry_ms)
{
    f->feed.end = end;
    f->feed.problem.http_status = status;
    f->feed.retry_ms = retry_ms;
    snprintf(f->feed.problem.code, sizeof f->feed.problem.code, "%s", code);
    f->on->ended(f->context, &f->feed);
}

/* 101, 102, ... each once. */
static void saw_all_to(const struct stage *s, unsigned last)
{
    assert_int_equal(s->count, last - 100);
    for (unsigned n = 0; n < s->count; n++)
        assert_int_equal(s->seen[n], 101 + n);
}

static void the_next_way_begins_at_the_same_cursor(void **state)
{
    struct stage *s = *state;
    step(s, 0);
    assert_int_equal(open_count(), 1);
    assert_int_equal(newest()->way, FEED_WS);
    assert_string_equal(newest()->cursor, "3.100");
    ends(newest(), FEED_GARBLED, 0, "", 0);
    step(s, 0);
    assert_int_equal(newest()->way, FEED_WS); /* over HTTP/1.1, by connections of its own */
    assert_ptr_not_equal(newest()->http, s->p->http);
    assert_non_null(strstr(s->failed, "WebSocket over HTTP/2"));
    ends(newest(), FEED_REFUSED, 501, "", 0);
    step(s, 0);
    assert_int_equal(newest()->way, FEED_SSE);
    assert_ptr_equal(newest()->http, s->p->http);
    brings(newest(), 101, 103);
    step(s, 0);
    assert_true(s->is_online);
    assert_non_null(strstr(posthorn_way(s->p), "server-sent events"));
    ends(newest(), FEED_BROKEN, 0, "", 0);
    step(s, 0);
    assert_int_equal(open_count(), 0);
    assert_string_equal(posthorn_way(s->p), "");
    step(s, 1000);
    assert_int_equal(newest()->way, FEED_SSE); /* it had worked */
    assert_string_equal(newest()->cursor, "3.103");
    brings(newest(), 104, 104);
    step(s, 0);
    saw_all_to(s, 104);
}

/* Leaves the client on SSE, in use for two minutes. */
static struct fake *settle_on_sse(struct stage *s)
{
    step(s, 0);
    ends(newest(), FEED_GARBLED, 0, "", 0);
    step(s, 0);
    ends(newest(), FEED_GARBLED, 0, "", 0);
    step(s, 0);
    struct fake *sse = newest();
    assert_int_equal(sse->way, FEED_SSE);
    brings(sse, 101, 101);
    step(s, 0);
    step(s, WAYS_GOOD_MS - 1);
    assert_int_equal(open_count(), 1);
    return sse;
}

static void a_better_way_takes_over_when_it_works(void **state)
{
    struct stage *s = *state;
    struct fake *sse = settle_on_sse(s);
    step(s, 1);
    assert_int_equal(open_count(), 2);
    struct fake *ws = newest();
    assert_int_equal(ws->way, FEED_WS);
    assert_ptr_not_equal(ws->http, s->p->http);
    assert_string_equal(ws->cursor, "3.101");
    brings(sse, 102, 104); /* meanwhile the old one goes on */
    step(s, 0);
    brings(ws, 102, 103); /* the new one says the same */
    brings(sse, 105, 105);
    posthorn_step(s->p);
    brings(ws, 102, 103);
    step(s, 0);
    assert_string_equal(s->p->cursor.text, "3.105"); /* it does not go back */
    assert_false(sse->is_open);
    assert_true(ws->is_open);
    brings(ws, 104, 106);
    step(s, 0);
    saw_all_to(s, 106);
    assert_string_equal(s->p->cursor.text, "3.106");
    assert_non_null(strstr(posthorn_way(s->p), "WebSocket"));
    assert_ptr_equal(s->p->http, ws->http); /* one connection is enough */
}

static void a_better_way_that_fails_changes_nothing(void **state)
{
    struct stage *s = *state;
    struct fake *sse = settle_on_sse(s);
    step(s, 1);
    ends(newest(), FEED_MUTE, 0, "", 0);
    step(s, 0);
    assert_ptr_not_equal(newest(), sse); /* the next better one */
    ends(newest(), FEED_MUTE, 0, "", 0);
    step(s, 0);
    assert_int_equal(open_count(), 1);
    assert_true(sse->is_open);
    brings(sse, 102, 102);
    step(s, 44 * 1000); /* 60 s, a quarter less or more */
    assert_int_equal(open_count(), 1);
    step(s, 32 * 1000);
    assert_int_equal(open_count(), 2);
    saw_all_to(s, 102);
}

static void when_the_one_in_use_ends_the_one_beside_is_next(void **state)
{
    struct stage *s = *state;
    struct fake *sse = settle_on_sse(s);
    step(s, 1);
    struct fake *ws = newest();
    ends(sse, FEED_BROKEN, 0, "", 0);
    step(s, 0);
    step(s, 5000);
    assert_int_equal(open_count(), 1);
    assert_true(ws->is_open);
    brings(ws, 102, 102);
    step(s, 0);
    assert_non_null(strstr(posthorn_way(s->p), "WebSocket"));
    saw_all_to(s, 102);
}

static void another_choice_leaves_the_old_way_when_the_new_one_works(void **state)
{
    struct stage *s = *state;
    step(s, 0);
    struct fake *ws = newest();
    brings(ws, 101, 101);
    step(s, 0);
    assert_int_equal(posthorn_set_transport(s->p, POSTHORN_TRANSPORT_PUSH, POSTHORN_HTTP_1_1),
                     POSTHORN_MISUSE);
    assert_int_equal(posthorn_set_transport(s->p, POSTHORN_TRANSPORT_PUSH, POSTHORN_HTTP_AUTO), POSTHORN_OK);
    step(s, 0);
    struct fake *push = newest();
    assert_int_equal(push->way, FEED_PUSH);
    assert_int_equal(open_count(), 2);
    ends(push, FEED_REFUSED, 400, "bad_request", 0);
    step(s, 0);
    assert_true(ws->is_open); /* nothing better than what works */
    brings(ws, 102, 102);
    step(s, 2000);
    push = newest();
    assert_int_equal(push->way, FEED_PUSH);
    brings(push, 103, 103);
    step(s, 0);
    assert_false(ws->is_open);
    saw_all_to(s, 103);
}

static void a_missing_number_is_asked_for_again(void **state)
{
    struct stage *s = *state;
    step(s, 0);
    brings(newest(), 101, 102);
    brings(newest(), 104, 105);
    brings(newest(), 106, 106);
    step(s, 0);
    saw_all_to(s, 102);
    assert_int_equal(open_count(), 0);
    step(s, 1000);
    assert_string_equal(newest()->cursor, "3.102");
    brings(newest(), 103, 106);
    step(s, 0);
    saw_all_to(s, 106);
}

static void a_useless_cursor_leads_to_a_snapshot(void **state)
{
    struct stage *s = *state;
    step(s, 0);
    ends(newest(), FEED_REFUSED, 410, "resync", 0);
    posthorn_step(s->p);
    assert_int_equal(open_count(), 0);
    assert_true(s->p->receive.state == RECEIVE_DUE || s->p->receive.state == RECEIVE_ASKING);
}

static void a_session_that_ended_ends_it_all(void **state)
{
    struct stage *s = *state;
    step(s, 0);
    brings(newest(), 101, 101);
    step(s, 0);
    ends(newest(), FEED_REFUSED, 401, "unauthorized", 0);
    step(s, 0);
    assert_int_equal(s->p->receive.state, RECEIVE_OFF);
    assert_false(s->is_online);
    assert_int_equal(s->offline_status, 401);
    step(s, 60000);
    assert_int_equal(open_count(), 0);
}

static void offline_when_nothing_works(void **state)
{
    struct stage *s = *state;
    step(s, 0);
    brings(newest(), 101, 101);
    step(s, 0);
    ends(newest(), FEED_BROKEN, 0, "network", 0);
    step(s, 0);
    step(s, 1000);
    for (int n = 0; n < 5; n++) {
        assert_true(s->is_online);
        assert_non_null(newest());
        ends(newest(), FEED_BROKEN, 0, "network", 0);
        step(s, 0);
    }
    assert_false(s->is_online);
    assert_int_equal(open_count(), 0);
    step(s, 5000);
    assert_int_equal(newest()->way, FEED_WS); /* from the best on, again */
    brings(newest(), 102, 102);
    step(s, 0);
    assert_true(s->is_online);
    saw_all_to(s, 102);
}

static void a_move_is_no_news(void **state)
{
    struct stage *s = *state;
    step(s, 0);
    brings(newest(), 101, 101);
    step(s, 0);
    step(s, 1000);
    ends(newest(), FEED_MOVED, 0, "", 1500);
    step(s, 0);
    step(s, 1499);
    assert_int_equal(open_count(), 0);
    step(s, 1);
    assert_int_equal(newest()->way, FEED_WS);
    brings(newest(), 102, 102);
    step(s, 0);
    assert_true(s->is_online);
    saw_all_to(s, 102);
}

static void a_poll_that_is_cut_waits_half_as_long(void **state)
{
    struct stage *s = *state;
    assert_int_equal(posthorn_set_transport(s->p, POSTHORN_TRANSPORT_LONGPOLL, POSTHORN_HTTP_AUTO),
                     POSTHORN_OK);
    step(s, 0);
    assert_int_equal(newest()->hold_s, 25);
    ends(newest(), FEED_BROKEN, 0, "", 0); /* at once: no word about the hold */
    step(s, 0);
    step(s, 2000);
    assert_int_equal(newest()->hold_s, 25);
    step(s, 20000);
    ends(newest(), FEED_BROKEN, 0, "", 0);
    step(s, 0);
    assert_int_equal(newest()->hold_s, 12);
    step(s, 10000);
    ends(newest(), FEED_BROKEN, 0, "", 0);
    step(s, 0);
    assert_int_equal(newest()->hold_s, 6);
    for (int n = 0; n < RECEIVE_CREEP_POLLS; n++) {
        step(s, 6000);
        brings(newest(), 101, 100);
        step(s, 0);
    }
    assert_int_equal(newest()->hold_s, 7);
}

static void acknowledges_in_time(void **state)
{
    struct stage *s = *state;
    step(s, 0);
    brings(newest(), 101, 101);
    step(s, 0);
    step(s, 3900);
    assert_string_equal(newest()->acked, "");
    step(s, 100);
    assert_string_equal(newest()->acked, "3.101");
    brings(newest(), 102, 151);
    step(s, 0);
    assert_string_equal(newest()->acked, "3.151");
}

static void stopping_in_the_middle_loses_nothing(void **state)
{
    struct stage *s = *state;
    step(s, 0);
    s->stop_at = 102;
    s->starts_again = true;
    brings(newest(), 101, 104);
    step(s, 0);
    brings(newest(), 103, 105);
    step(s, 0);
    saw_all_to(s, 105);
    s->stop_at = 106;
    s->starts_again = false;
    brings(newest(), 106, 108);
    step(s, 0);
    assert_int_equal(open_count(), 0);
    assert_int_equal(posthorn_listen(s->p, true), POSTHORN_OK);
    step(s, 0);
    assert_string_equal(newest()->cursor, "3.105"); /* the rest is asked for again */
    brings(newest(), 106, 108);
    step(s, 0);
    saw_all_to(s, 108);
}

static void what_the_server_speaks_of_must_come(void **state)
{
    static const char head[] = "{\"t\":\"head\",\"cursor\":\"3.101\"}",
                      same[] = "{\"t\":\"head\",\"cursor\":\"3.100\"}";
    struct stage *s = *state;
    step(s, 0);
    struct fake *ws = newest();
    brings(ws, 101, 100);
    step(s, 0);
    ws->on->signal(ws->context, &ws->feed, wire_parse(same, strlen(same)));
    step(s, RECEIVE_BEHIND_MS);
    assert_true(ws->is_open);
    brings(ws, 101, 100);
    step(s, 0);
    ws->on->signal(ws->context, &ws->feed, wire_parse(head, strlen(head)));
    step(s, RECEIVE_BEHIND_MS - 1);
    assert_true(ws->is_open);
    step(s, 1);
    assert_false(ws->is_open);
    assert_string_equal(newest()->cursor, "3.100");
}

/* The program hears of who types when it asks for news, of so many at most; what is not known is skipped. */
static void somebody_types(void **state)
{
    static const char *const all[] = { "{\"t\":\"typing\",\"c\":\"9\",\"user\":\"5\"}",
                                       "{\"t\":\"typing\",\"c\":\"9\"}",
                                       "{\"t\":\"typing\",\"c\":9,\"user\":\"x\"}", "{\"t\":\"moon\"}",
                                       "{}" };
    struct stage *s = *state;
    step(s, 0);
    struct fake *ws = newest();
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++)
        ws->on->signal(ws->context, &ws->feed, wire_parse(all[n], strlen(all[n])));
    assert_int_equal(s->typed, 0);
    step(s, 0);
    assert_int_equal(s->typed, 1);
    for (int n = 0; n < 2 * RECEIVE_TYPING_MOST; n++)
        ws->on->signal(ws->context, &ws->feed, wire_parse(all[0], strlen(all[0])));
    step(s, 0);
    assert_int_equal(s->typed, 1 + RECEIVE_TYPING_MOST);
}

static void what_waits_is_bounded(void **state)
{
    struct stage *s = *state;
    struct buf b = { 0 };
    step(s, 0);
    struct fake *ws = newest();
    ws->is_live = true;
    buf_text(&b, "{\"events\":[{\"t\":\"message\",\"i\":101,\"text\":\"");
    for (int n = 0; n < 1024; n++)
        buf_text(&b, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    buf_text(&b, "\"}],\"cursor\":\"3.101\"}");
    for (int n = 0; n < 66; n++)
        ws->on->batch(ws->context, &ws->feed, wire_parse(b.at, b.bytes));
    buf_fini(&b);
    client_pump(s->p); /* as a call that waits for an answer does */
    assert_false(ws->is_open);
    assert_int_equal(open_count(), 0);
    step(s, 0);
    assert_string_equal(newest()->cursor, "3.101");
    saw_all_to(s, 101);
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(the_next_way_begins_at_the_same_cursor),
        SCENE(a_better_way_takes_over_when_it_works),
        SCENE(a_better_way_that_fails_changes_nothing),
        SCENE(when_the_one_in_use_ends_the_one_beside_is_next),
        SCENE(another_choice_leaves_the_old_way_when_the_new_one_works),
        SCENE(a_missing_number_is_asked_for_again),
        SCENE(a_useless_cursor_leads_to_a_snapshot),
        SCENE(a_session_that_ended_ends_it_all),
        SCENE(offline_when_nothing_works),
        SCENE(a_move_is_no_news),
        SCENE(a_poll_that_is_cut_waits_half_as_long),
        SCENE(acknowledges_in_time),
        SCENE(stopping_in_the_middle_loses_nothing),
        SCENE(what_the_server_speaks_of_must_come),
        SCENE(what_waits_is_bounded),
        SCENE(somebody_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
