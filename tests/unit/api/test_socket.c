/* unit/api/test_socket.c - WebSocket: events and verbs in frames, bounds, and how it ends */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "desk.h"
#include "fake/websocket.h"
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void open_socket(struct world *w, int who, const char *target, struct exchange *x)
{
    desk_prepare(w, who, METHOD_GET, target, NULL);
    w->x.head.is_websocket = true;
    w->x.head.websocket_version = TEXT("13");
    w->x.head.websocket_protocol = TEXT("chat, posthorn.v1");
    *x = w->x;
    api_request(x, &w->api);
    fake_chat_run(&w->f);
}

/* A message of the client. */
static void say(struct world *w, const char *text)
{
    fake_websocket_say(fake_websocket(), text);
    fake_chat_run(&w->f);
}

/* The next message of the server begins with this. */
static void said(const char *expected)
{
    struct buf *all = &fake_websocket()->said;
    const char *end = all->bytes ? memchr(all->at, '\n', all->bytes) : NULL;

    assert_non_null(end);
    if ((size_t)(end - all->at) < strlen(expected) || memcmp(all->at, expected, strlen(expected)) != 0)
        fail_msg("%s is not the beginning of %.*s", expected, (int)(end - all->at), all->at);
    buf_drop(all, (size_t)(end - all->at) + 1);
}

static void said_nothing(void)
{
    assert_int_equal(fake_websocket()->said.bytes, 0);
}

static void lost(struct world *w)
{
    fake_websocket_end(fake_websocket());
    fake_chat_run(&w->f);
    assert_int_equal(hub_count(w->api.hub), 0);
}

static void test_a_socket(void **state)
{
    struct world *w = *state;
    struct exchange x;
    char frame[768];

    open_socket(w, B, "/v1/events?after=7.0", &x);
    assert_int_equal(x.status, 101);
    said("{\"events\":[],\"cursor\":\"7.0\"}");
    desk_send(w, 1, "one");
    said("{\"events\":[{\"i\":1,\"t\":\"message\"");
    said_nothing();
    say(w, "{\"ack\":\"7.1\"}");
    said_nothing();
    say(w, "{\"id\":9,\"do\":\"GET\",\"path\":\"/v1/users?handle=ada\"}");
    said("{\"id\":9,\"status\":200,\"body\":{\"id\":");
    desk_message(w, 7, "by frame");
    snprintf(frame, sizeof frame, "{\"id\":10,\"do\":\"POST\",\"path\":\"%s\",\"body\":%s}",
             desk_in_group(w, "/messages"), w->body);
    say(w, frame);
    said("{\"id\":10,\"status\":201,\"body\":{\"id\":");
    said("{\"events\":[{\"i\":2,");
    said_nothing();
    lost(w);
    for (int n = 0; n < 300 && !w->f.store->device[B].acknowledged; n++) {
        loop_wait(w->f.chat.loop, true);
        fake_chat_run(&w->f);
    }
    assert_int_equal(w->f.store->device[B].acknowledged, 1);
}

static void test_a_slow_socket_is_refilled(void **state)
{
    struct world *w = *state;
    struct exchange x;

    open_socket(w, B, "/v1/events?after=7.0", &x);
    said("{\"events\":[]");
    fake_websocket()->unsent = LIMIT_UNSENT_BYTES;
    desk_send(w, 1, "one"); /* was asked for before anybody knew */
    said("{\"events\":[{\"i\":1,");
    for (unsigned n = 2; n <= 90; n++)
        desk_send(w, n, "more");
    said_nothing();
    say(w, "{\"id\":9,\"do\":\"GET\",\"path\":\"/v1/discover\"}");
    said("{\"id\":9,\"status\":200,");
    assert_true(fake_websocket()->is_paused); /* whoever does not read is not read either */
    fake_websocket_room(fake_websocket());
    fake_chat_run(&w->f);
    assert_false(fake_websocket()->is_paused);
    said("{\"events\":[{\"i\":2,");
    said_nothing();
    desk_send(w, 91, "live again");
    said("{\"events\":[{\"i\":91,");
    lost(w);
}

static void type(struct world *w, int who)
{
    assert_int_equal(desk_ask(w, who, METHOD_POST, desk_in_group(w, "/typing"), NULL), 202);
    desk_says(w, "{}");
    fake_chat_run(&w->f);
}

/* Signals end long before the room for events does; the device that types is not told. */
static void test_signals(void **state)
{
    struct world *w = *state;
    struct exchange x;
    char frame[96];

    open_socket(w, B, "/v1/events?after=7.0", &x);
    said("{\"events\":[],");
    type(w, A);
    said("{\"signal\":{\"t\":\"typing\",\"c\":\"");
    said_nothing();
    fake_websocket()->unsent = LIMIT_SIGNALS_UNSENT_BYTES;
    type(w, A);
    said_nothing();
    assert_int_equal(w->api.stats.signals_dropped, 1);
    desk_send(w, 1, "one");
    said("{\"events\":[{\"i\":1,");
    fake_websocket()->unsent--;
    type(w, A);
    said("{\"signal\":{\"t\":\"typing\",");
    snprintf(frame, sizeof frame, "{\"id\":9,\"do\":\"POST\",\"path\":\"%s\"}", desk_in_group(w, "/typing"));
    say(w, frame);
    said("{\"id\":9,\"status\":202,\"body\":{}}");
    said_nothing();
    lost(w);
}

static void test_frames_at_their_edges(void **state)
{
    static const struct {
        const char *frame, *answer;
    } all[] = {
        { "{\"id\":1,\"do\":\"GET\",\"path\":\"/v1/nothing\"}",
          "{\"id\":1,\"status\":404,\"body\":{\"type\"" },
        { "{\"id\":2,\"do\":\"PUT\",\"path\":\"/v1/snapshot\"}", "{\"id\":2,\"status\":405," },
        { "{\"id\":3,\"do\":\"GET\"}", "{\"id\":3,\"status\":400,\"body\":{\"type\":\"about:blank\"" },
        { "{\"do\":\"GET\",\"path\":\"/v1/snapshot\"}", "{\"error\":{\"type\":\"about:blank\"" },
        { "{\"ack\":\"7.1\"}", "{\"error\":{\"type\"" }, /* more than it was given */
        { "{\"ack\":\"junk\"}", "{\"error\":{\"type\"" },
        { "{\"ack\":\"7.0\",\"id\":4}", "{\"id\":4,\"status\":400" },
        { "[]", "{\"error\":" },
        { "{\"id\":5,\"do\":\"GET\",\"path\":\"/v1/events?after=7.0&wait=30\"}",
          "{\"id\":5,\"status\":200,\"body\":{\"events\":[]" },
        { "{\"id\":7,\"do\":\"POST\",\"path\":\"/v1/batch\",\"body\":{\"requests\":[{\"do\":\"GET\","
          "\"path\":\"/v1/discover\"}]}}",
          "{\"id\":7,\"status\":200,\"body\":{\"responses\":[{\"status\":200," },
        { "{\"id\":6,\"do\":\"POST\",\"path\":\"/v1/sessions\",\"body\":{\"handle\":\"ada\","
          "\"password\":\"12345678\",\"device\":{\"name\":\"x\",\"platform\":\"web\"},\"cookie\":true}}",
          "{\"id\":6,\"status\":400" },
    };
    struct world *w = *state;
    struct exchange x;

    open_socket(w, B, "/v1/events?after=7.0", &x);
    said("{\"events\":[]");
    for (size_t n = 0; n < sizeof all / sizeof *all; n++) {
        say(w, all[n].frame);
        said(all[n].answer);
        said_nothing();
    }
    lost(w);
}

static void test_how_a_socket_ends(void **state)
{
    struct world *w = *state;
    struct exchange x;

    open_socket(w, B, "/v1/events?after=7.0", &x);
    said("{\"events\":[]");
    say(w, "{\"id\":1,\"do\":\"DELETE\",\"path\":\"/v1/sessions/current\"}");
    said("{\"id\":1,\"status\":200,");
    assert_int_equal(fake_websocket()->code, 1008);
    assert_string_equal(fake_websocket()->reason, "revoked");
    lost(w);
    open_socket(w, A, "/v1/events?after=now", &x);
    said("{\"events\":[]");
    w->api.is_draining = true;
    hub_end(w->api.hub, 0, 1);
    fake_chat_run(&w->f);
    assert_int_equal(fake_websocket()->code, 1012);
    assert_memory_equal(fake_websocket()->reason, "retry=", 6);
    lost(w);
    assert_int_equal(w->f.ops.live, 0);
}

static void test_verbs_of_a_socket_have_a_bound(void **state)
{
    struct world *w = *state;
    struct exchange x;
    char frame[96];

    open_socket(w, B, "/v1/events?after=7.0", &x);
    said("{\"events\":[]");
    w->f.store->is_holding = true;
    for (int n = 0; n < LIMIT_SOCKET_CALLS; n++) {
        assert_false(fake_websocket()->is_paused);
        snprintf(frame, sizeof frame, "{\"id\":%d,\"do\":\"GET\",\"path\":\"/v1/users?handle=ada\"}", n);
        say(w, frame);
    }
    assert_true(fake_websocket()->is_paused);
    said_nothing();
    w->f.store->is_holding = false;
    fake_store_release(w->f.store);
    fake_chat_run(&w->f);
    assert_false(fake_websocket()->is_paused);
    for (int n = 0; n < LIMIT_SOCKET_CALLS; n++)
        said("{\"id\":");
    w->f.store->is_holding = true;
    say(w, frame); /* lost with the connection while it is under way */
    lost(w);
    w->f.store->is_holding = false;
    fake_store_release(w->f.store);
    fake_chat_run(&w->f);
    assert_int_equal(w->f.ops.live, 0);
}

static void test_sockets_that_are_refused(void **state)
{
    static const struct {
        const char *target;
        int status;
    } all[] = { { "/v1/events?after=7.5", 410 }, { "/v1/events", 400 }, { "/v1/snapshot", 404 } };
    struct world *w = *state;
    struct exchange x;

    open_socket(w, -1, "/v1/events?after=7.0", &x);
    assert_int_equal(x.status, 401);
    fake_net_fini(&x);
    for (size_t n = 0; n < sizeof all / sizeof *all; n++) {
        open_socket(w, B, all[n].target, &x);
        assert_int_equal(x.status, all[n].status);
        fake_net_fini(&x);
    }
    assert_null(fake_websocket());
}

static void test_handshakes_that_are_refused(void **state)
{
    static const struct {
        const char *version, *protocol, *origin;
        int status;
    } all[] = { { "8", "posthorn.v1", "", 426 },
                { "13", "posthorn.v2, chat", "", 400 },
                { "13", "posthorn.v1", "https://evil.example", 403 },
                { "13", "posthorn.v1", "https://b.example", 101 } };
    struct world *w = *state;

    for (size_t n = 0; n < sizeof all / sizeof *all; n++) {
        desk_prepare(w, B, METHOD_GET, "/v1/events?after=7.0", NULL);
        w->x.head.is_websocket = true;
        w->x.head.websocket_version = text_of(all[n].version);
        w->x.head.websocket_protocol = text_of(all[n].protocol);
        w->x.head.origin = text_of(all[n].origin);
        api_request(&w->x, &w->api);
        fake_chat_run(&w->f);
        assert_int_equal(w->x.status, all[n].status);
        if (all[n].status == 426)
            assert_non_null(strstr(w->x.fields, "sec-websocket-version: 13\nupgrade: websocket"));
    }
    lost(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_socket, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_a_slow_socket_is_refilled, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_signals, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_frames_at_their_edges, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_how_a_socket_ends, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_verbs_of_a_socket_have_a_bound, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_sockets_that_are_refused, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_handshakes_that_are_refused, desk_setup, desk_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
