/* unit/api/test_ways.c - what goes over the wire on each way to receive */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "desk.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Asks for events; the exchange is x, which stays. */
static void open_way(struct world *w, int who, const char *target, const char *accept, struct exchange *x)
{
    desk_prepare(w, who, METHOD_GET, target, NULL);
    w->x.head.accept = text_of(accept);
    w->x.takes_pushes = w->x.is_authoritative = true;
    *x = w->x;
    api_request(x, &w->api);
    fake_chat_run(&w->f);
}

/* What was written begins with this, which is taken away. */
static void wrote(struct exchange *x, const char *expected)
{
    size_t bytes = strlen(expected);

    if (x->stream.bytes < bytes || memcmp(x->stream.at, expected, bytes) != 0)
        fail_msg("%s is not the beginning of %.*s", expected, (int)x->stream.bytes, x->stream.at);
    buf_drop(&x->stream, bytes);
}

/* Takes away what was written up to and with end, and returns whether part was in it. */
static bool wrote_until(struct exchange *x, const char *end, const char *part)
{
    const char *found = x->stream.bytes ? memmem(x->stream.at, x->stream.bytes, end, strlen(end)) : NULL;

    if (!found)
        fail_msg("%s is not in %.*s", end, (int)x->stream.bytes, x->stream.at ? x->stream.at : "");
    size_t bytes = (size_t)(found - x->stream.at) + strlen(end);
    bool has = memmem(x->stream.at, bytes, part, strlen(part));
    buf_drop(&x->stream, bytes);
    return has;
}

static void wrote_nothing(struct exchange *x)
{
    if (x->stream.bytes)
        fail_msg("there is more: %.*s", (int)x->stream.bytes, x->stream.at);
}

static void hang_up(struct world *w, struct exchange *x)
{
    fake_net_hang_up(x);
    fake_chat_run(&w->f);
    fake_net_fini(x);
    assert_int_equal(hub_count(w->api.hub), 0);
}

static void test_sse(void **state)
{
    struct world *w = *state;
    struct exchange x;

    desk_send(w, 1, "one");
    open_way(w, B, "/v1/events?after=7.0", "text/event-stream", &x);
    assert_int_equal(x.status, 200);
    assert_true(x.is_begun && x.is_forgotten && x.is_trusted);
    assert_non_null(strstr(x.fields, "content-type: text/event-stream"));
    assert_non_null(strstr(x.fields, "x-accel-buffering: no"));
    assert_non_null(strstr(x.fields, "no-transform"));
    wrote(&x, "retry: 2000\nid: 7.0\n: ok\n\nid: 7.1\nevent: message\ndata: {\"i\":1,\"t\":\"message\"");
    assert_true(wrote_until(&x, "}\n\n", "\"text\":\"one\""));
    wrote_nothing(&x);
    desk_send(w, 2, "two");
    wrote(&x, "id: 7.2\nevent: message\ndata: {\"i\":2,\"t\":\"message\"");
    assert_true(wrote_until(&x, "}\n\n", "\"text\":\"two\""));
    hang_up(w, &x);
}

static void test_sse_continues_behind_its_last_event(void **state)
{
    struct world *w = *state;
    struct exchange x;

    desk_send(w, 1, "one");
    desk_send(w, 2, "two");
    desk_prepare(w, B, METHOD_GET, "/v1/events?after=7.0&pad=1", NULL);
    w->x.head.accept = TEXT("text/event-stream");
    w->x.head.last_event_id = TEXT("7.1");
    x = w->x;
    api_request(&x, &w->api);
    fake_chat_run(&w->f);
    assert_true(x.stream.bytes > 2048);
    assert_false(wrote_until(&x, " \nretry: 2000\nid: 7.1\n: ok\n\n", "data"));
    wrote(&x, "id: 7.2\n");
    assert_true(wrote_until(&x, "}\n\n", "two"));
    wrote_nothing(&x);
    hang_up(w, &x);
    desk_prepare(w, B, METHOD_GET, "/v1/events", NULL);
    w->x.head.accept = TEXT("text/event-stream");
    w->x.head.last_event_id = TEXT("junk");
    desk_ask_prepared(w);
    desk_refused(w, 400, "bad_cursor", "last-event-id");
}

static void test_a_slow_stream_is_not_fed(void **state)
{
    struct world *w = *state;
    struct exchange x;

    open_way(w, B, "/v1/events?after=7.0", "text/event-stream", &x);
    wrote(&x, "retry: 2000\nid: 7.0\n: ok\n\n");
    x.unsent = LIMIT_UNSENT_BYTES;
    desk_send(w, 1, "one"); /* was asked for before anybody knew */
    assert_true(wrote_until(&x, "}\n\n", "one"));
    for (unsigned n = 2; n <= 100; n++)
        desk_send(w, n, "more");
    wrote_nothing(&x);
    fake_net_room(&x);
    fake_chat_run(&w->f);
    for (unsigned n = 2; n <= 100; n++) {
        char head[64];
        snprintf(head, sizeof head, "id: 7.%u\n", n);
        wrote(&x, head);
        wrote_until(&x, "}\n\n", "");
    }
    wrote_nothing(&x);
    hang_up(w, &x);
}

static void test_how_sse_ends(void **state)
{
    struct world *w = *state;
    struct exchange x;

    desk_prepare(w, B, METHOD_GET, "/v1/events?after=7.9", NULL);
    w->x.head.accept = TEXT("text/event-stream");
    desk_ask_prepared(w);
    desk_refused(w, 410, "resync", NULL);
    open_way(w, B, "/v1/events?after=now", "text/event-stream", &x);
    wrote(&x, "retry: 2000\nid: 7.0\n: ok\n\n");
    assert_int_equal(desk_ask(w, B, METHOD_DELETE, "/v1/sessions/current", NULL), 200);
    fake_chat_run(&w->f);
    assert_true(wrote_until(&x, "}\n\n", "event: bye\ndata: {\"code\":\"revoked\",\"retry_ms\":0}"));
    assert_true(x.is_finished);
    fake_net_fini(&x);
    open_way(w, A, "/v1/events?after=now", "text/event-stream", &x);
    wrote_until(&x, "ok\n\n", "");
    w->api.is_draining = true;
    hub_end(w->api.hub, 0, 1);
    fake_chat_run(&w->f);
    wrote(&x, "retry: ");
    assert_true(wrote_until(&x, "}\n\n", "\nevent: bye\ndata: {\"retry_ms\":"));
    assert_true(x.is_finished);
    fake_net_fini(&x);
    desk_prepare(w, A, METHOD_GET, "/v1/events?after=now", NULL);
    w->x.head.accept = TEXT("text/event-stream");
    desk_ask_prepared(w);
    desk_refused(w, 503, "draining", NULL);
}

/* Five at once, all of them before the inbox was read: the oldest is told that it is too many. */
static void test_replaced_before_it_began(void **state)
{
    struct world *w = *state;
    struct exchange x[LIMIT_CHANNELS + 1];

    assert_int_equal(desk_ask(w, B, METHOD_GET, "/v1/sessions", NULL), 200); /* the session is known */
    w->f.store->is_holding = true;
    for (int n = 0; n <= LIMIT_CHANNELS; n++)
        open_way(w, B, "/v1/events?after=7.0", "text/event-stream", &x[n]);
    w->f.store->is_holding = false;
    fake_store_release(w->f.store);
    fake_chat_run(&w->f);
    assert_int_equal(x[0].status, 503);
    assert_non_null(strstr(x[0].answer->at, "\"code\":\"busy\""));
    fake_net_fini(&x[0]);
    for (int n = 1; n <= LIMIT_CHANNELS; n++) {
        assert_int_equal(x[n].status, 200);
        fake_net_hang_up(&x[n]);
        fake_chat_run(&w->f);
        fake_net_fini(&x[n]);
    }
    assert_int_equal(hub_count(w->api.hub), 0);
}

static void test_an_anchor(void **state)
{
    struct world *w = *state;
    struct exchange x;

    open_way(w, B, "/v1/events?after=7.0&push=1", "", &x);
    assert_int_equal(x.status, 200);
    assert_non_null(strstr(x.fields, "application/x-ndjson"));
    wrote(&x, "{\"cursor\":\"7.0\"}\n");
    wrote_nothing(&x);
    assert_string_equal(x.promised->target, "/v1/events?after=7.0");
    assert_int_equal(x.promised->status, 0);
    desk_send(w, 1, "one");
    struct exchange *first = x.promised->promised;
    assert_string_equal(x.promised->target, "/v1/events?after=7.1"); /* the next is promised at once */
    assert_int_equal(first->status, 200);
    assert_non_null(strstr(first->answer->at, "{\"events\":[{\"i\":1,"));
    assert_non_null(strstr(first->answer->at, "\"cursor\":\"7.1\",\"more\":false,\"retry_ms\":0}"));
    struct exchange *open = x.promised;
    w->api.is_draining = true;
    hub_end(w->api.hub, 0, 1);
    fake_chat_run(&w->f);
    assert_true(open->is_aborted);
    wrote(&x, "{\"bye\":{\"retry_ms\":");
    assert_true(x.is_finished);
    fake_net_fini(&x);
}

static void test_an_anchor_that_is_refused(void **state)
{
    struct world *w = *state;
    struct exchange x;

    desk_prepare(w, B, METHOD_GET, "/v1/events?after=7.0&push=1", NULL);
    w->x.is_authoritative = true;
    desk_ask_prepared(w);
    desk_refused(w, 400, "bad_request", "query.push");
    desk_prepare(w, B, METHOD_GET, "/v1/events?after=7.0&push=1", NULL);
    w->x.takes_pushes = true;
    desk_ask_prepared(w);
    desk_refused(w, 421, "misdirected", NULL);
    open_way(w, B, "/v1/events?after=7.0&push=1", "", &x);
    wrote(&x, "{\"cursor\":\"7.0\"}\n");
    fake_net_hang_up(x.promised); /* RST_STREAM(REFUSED_STREAM) */
    fake_chat_run(&w->f);
    wrote(&x, "{\"bye\":{\"code\":\"refused\",\"retry_ms\":0}}\n");
    assert_true(x.is_finished);
    fake_net_fini(&x);
    assert_int_equal(hub_count(w->api.hub), 0);
}

static void type(struct world *w)
{
    assert_int_equal(desk_ask(w, A, METHOD_POST, desk_in_group(w, "/typing"), "{}"), 202);
    fake_chat_run(&w->f);
}

static void test_signals_of_streams(void **state)
{
    struct world *w = *state;
    struct exchange sse, anchor;
    char said[128];

    snprintf(said, sizeof said, "{\"t\":\"typing\",\"c\":\"%llu\",\"user\":\"%llu\"}",
             (unsigned long long)w->group.n, (unsigned long long)w->who[A].n);
    open_way(w, B, "/v1/events?after=7.0", "text/event-stream", &sse);
    wrote(&sse, "retry: 2000\nid: 7.0\n: ok\n\n");
    open_way(w, B, "/v1/events?after=7.0&push=1", "", &anchor);
    type(w);
    wrote(&sse, "event: signal\ndata: ");
    wrote(&sse, said);
    wrote(&sse, "\n\n");
    struct exchange *first = anchor.promised->promised;
    assert_string_equal(anchor.promised->target, "/v1/events?after=7.0");
    snprintf(w->body, sizeof w->body, "{\"events\":[],\"cursor\":\"7.0\",\"signals\":[%s],\"more\":false,",
             said);
    assert_memory_equal(first->answer->at, w->body, strlen(w->body));
    sse.unsent = LIMIT_SIGNALS_UNSENT_BYTES;
    type(w);
    wrote_nothing(&sse);
    fake_net_hang_up(&anchor);
    fake_chat_run(&w->f);
    fake_net_fini(&anchor);
    hang_up(w, &sse);
}

/* A poll is answered at once, and where it stands it stays; who waits for nothing gets what came meanwhile. */
static void test_signals_of_polls(void **state)
{
    struct world *w = *state;
    struct exchange x;

    open_way(w, B, "/v1/events?after=7.0&wait=30", "", &x);
    assert_int_equal(x.status, 0);
    type(w);
    assert_int_equal(x.status, 200);
    assert_non_null(
        strstr(x.answer->at, "{\"events\":[],\"cursor\":\"7.0\",\"signals\":[{\"t\":\"typing\","));
    fake_net_fini(&x);
    type(w);
    type(w);
    assert_int_equal(desk_ask(w, B, METHOD_GET, "/v1/events?after=7.0", NULL), 200);
    desk_says(w, "\"signals\":[{\"t\":\"typing\",");
    desk_says(w, "\"},{\"t\":\"typing\",");
    assert_int_equal(desk_ask(w, B, METHOD_GET, "/v1/events?after=7.0", NULL), 200);
    assert_null(strstr(w->x.answer->at, "signals"));
    assert_int_equal(w->api.stats.signals, 3);
    assert_int_equal(desk_ask(w, C, METHOD_POST, desk_in_group(w, "/typing"), NULL), 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sse, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_sse_continues_behind_its_last_event, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_a_slow_stream_is_not_fed, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_how_sse_ends, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_replaced_before_it_began, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_an_anchor, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_an_anchor_that_is_refused, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_signals_of_streams, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_signals_of_polls, desk_setup, desk_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
