/* unit/net/test_tunnel.c - WebSocket requests over both versions: accepted, refused, early bytes, pauses, ends */
#include "frames.h"
#include "limits.h"
#include "net/tunnel.h"
#include "wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
#define GET(path, fields) "GET " path " HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

static void test_keys(void **state)
{
    static const char *const bad[] = { "",
                                       "dGhlIHNhbXBsZSBub25jZQ=",
                                       "dGhlIHNhbXBsZSBub25jZQ===",
                                       "dGhlIHNhbXBsZSBub25jZQAA",
                                       "dGhlIHNhbXBsZSBub25jZ===",
                                       "dGhlIHNhbXBsZSB b25jZQ==",
                                       "=GhlIHNhbXBsZSBub25jZQ==",
                                       "dGhlIHNhbXBsZSBub25j-Q==" };

    (void)state;
    assert_true(tunnel_key_is_good(TEXT("dGhlIHNhbXBsZSBub25jZQ==")));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(tunnel_key_is_good(text_of(bad[i])));
}

static void test_accepted(void **state)
{
    struct wire *w = *state;
    const char *got;
    bool closed = false;
    int fd;

    wire_listen(w);
    fd = wire_connect(w);
    /* what comes behind the head is the tunnel's, even if it looks like a request */
    wire_send(fd, GET("/tunnel", UPGRADE KEY) "GET /now HTTP/1.1\r\n");
    got = wire_read(w, fd, "\r\n\r\n", NULL);
    assert_int_equal(strncmp(got, "HTTP/1.1 101 Switching Protocols\r\n", 34), 0);
    assert_non_null(strstr(got, "\r\nconnection: Upgrade\r\n"));
    assert_non_null(strstr(got, "\r\nupgrade: websocket\r\n"));
    assert_non_null(strstr(got, "\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(strstr(got, "\r\nsec-websocket-protocol: posthorn.v1\r\n"));
    assert_null(strstr(got, "content-"));
    assert_null(strstr(got, "transfer-encoding"));
    WIRE_UNTIL(w, w->input_bytes == 19);
    wire_send(fd, "more");
    WIRE_UNTIL(w, w->input_bytes == 23);
    assert_string_equal(w->input, "GET /now HTTP/1.1\r\nmore");
    wire_write(w->waiting[0], 'a', 3);
    wire_write(w->waiting[0], 'b', 3);
    assert_string_equal(wire_read(w, fd, "bbb", NULL), "aaabbb");
    shutdown(fd, SHUT_WR);
    WIRE_UNTIL(w, w->ends_count == 1);
    wire_run(w, 30);
    assert_int_equal(w->gone_count, 0);
    wire_write(w->waiting[0], 'c', 3); /* our side is still open */
    exchange_finish(wire_take(w));
    assert_string_equal(wire_read(w, fd, NULL, &closed), "ccc");
    assert_true(closed);
    close(fd);
    WIRE_UNTIL(w, wire_stats(w).connections == 0);
    assert_int_equal(w->gone_count, 0);
    assert_int_equal(w->handled_count, 1);
}

/* Neither the silence of a tunnel nor an open half of it is anybody's deadline. */
static void test_silence(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(100);
    int fd;

    d.unauthenticated = 60000;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, GET("/tunnel", UPGRADE KEY));
    wire_read(w, fd, "\r\n\r\n", NULL);
    wire_run(w, 400);
    assert_int_equal(w->gone_count, 0);
    close(fd);
    WIRE_UNTIL(w, w->ends_count == 1); /* a FIN */
    exchange_abort(wire_take(w));
    WIRE_UNTIL(w, wire_stats(w).connections == 0);
    fd = wire_connect(w);
    w->ends_count = 0;
    wire_send(fd, GET("/tunnel", UPGRADE KEY));
    wire_read(w, fd, "\r\n\r\n", NULL);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
    close(fd); /* an RST */
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_int_equal(w->ends_count, 0);
}

/* Half a WebSocket is refused; what is none is served as what it is. */
static void test_no_websockets(void **state)
{
    static const struct {
        const char *request, *answer;
        unsigned tunnels;
    } cases[] = {
        { GET("/tunnel", UPGRADE), "400 Bad Request", 0 },
        { GET("/tunnel", UPGRADE KEY KEY), "400 Bad Request", 0 },
        { GET("/tunnel", UPGRADE "Sec-WebSocket-Key: short\r\n"), "400 Bad Request", 0 },
        { GET("/tunnel", UPGRADE KEY "Upgrade: websocket\r\n"), "400 Bad Request", 0 },
        { GET("/tunnel", UPGRADE KEY "Content-Length: 2\r\n") "hi", "400 Bad Request", 0 },
        { GET("/tunnel", UPGRADE KEY "Transfer-Encoding: chunked\r\n") "0\r\n\r\n", "400 Bad Request", 0 },
        { GET("/tunnel", UPGRADE KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n"),
          "400 Bad Request", 0 },
        { GET("/tunnel", "Connection: upgrade\r\nUpgrade: h2c, WebSocket\r\n" KEY), "101 Switching", 1 },
        { GET("/tunnel", "Connection: upgrade\r\nUpgrade: h2c\r\n" KEY), "200 OK", 0 },
        { GET("/tunnel", "Connection: keep-alive\r\nUpgrade: websocket\r\n" KEY), "200 OK", 0 },
        { GET("/tunnel", "Upgrade: websocket\r\n" KEY), "200 OK", 0 },
        { "GET /tunnel HTTP/1.0\r\nHost: a\r\n" UPGRADE KEY "\r\n", "200 OK", 0 },
        { "HEAD /tunnel HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY "\r\n", "200 OK", 0 },
        { "POST /tunnel HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" UPGRADE KEY "\r\nhi", "200 OK", 0 },
    };
    struct wire *w = *state;

    wire_listen(w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int fd = wire_connect(w);

        wire_send(fd, cases[i].request);
        assert_non_null(strstr(wire_read(w, fd, "\r\n\r\n", NULL), cases[i].answer));
        assert_int_equal(w->waiting_count, cases[i].tunnels);
        if (w->waiting_count)
            exchange_abort(wire_take(w));
        close(fd);
    }
}

/* A handler that does not want it answers, and the connection goes on. */
static void test_refused(void **state)
{
    struct wire *w = *state;
    int fd;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, GET("/wait", UPGRADE KEY) GET("/now", ""));
    WIRE_UNTIL(w, w->waiting_count == 1);
    assert_true(exchange_head(w->waiting[0])->is_websocket);
    assert_int_equal(exchange_head(w->waiting[0])->method, METHOD_GET);
    wire_answer(w);
    assert_non_null(strstr(wire_read(w, fd, "waited", NULL), "200 OK"));
    WIRE_UNTIL(w, w->handled_count == 2);
    close(fd);
}

/* Who speaks before it was accepted is not lost. */
static void test_early_bytes(void **state)
{
    struct wire *w = *state;
    int fd, h2;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, GET("/later", UPGRADE KEY) "one");
    WIRE_UNTIL(w, w->waiting_count == 1);
    wire_send(fd, "two");
    wire_run(w, 30);
    assert_int_equal(w->input_bytes, 0);
    wire_tunnel(w, w->waiting[0]);
    wire_send(fd, "three");
    WIRE_UNTIL(w, w->input_bytes == 11);
    assert_string_equal(w->input, "onetwothree");
    exchange_abort(wire_take(w));
    close(fd);
    w->input_bytes = 0;
    h2 = frames_connect(w, true, 65535);
    frames_websocket(h2, 1, "websocket", "/later", 0);
    frames_send(h2, DATA, 0, 1, "one", 3);
    WIRE_UNTIL(w, w->waiting_count == 1);
    frames_send(h2, DATA, END_STREAM, 1, "two", 3);
    wire_run(w, 30);
    assert_int_equal(w->input_bytes + w->ends_count, 0);
    wire_tunnel(w, w->waiting[0]);
    WIRE_UNTIL(w, w->ends_count == 1);
    assert_string_equal(w->input, "onetwo");
    close(h2);
    WIRE_UNTIL(w, w->gone_count == 1);
}

/* Nothing comes while it is paused, but what is under way; then all of it. */
static void test_pause(void **state)
{
    static char much[1000 * 1000];
    struct wire *w = *state;
    size_t sent = 0, paused;
    int fd;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, GET("/tunnel", UPGRADE KEY));
    wire_read(w, fd, "\r\n\r\n", NULL);
    exchange_pause(w->waiting[0], true);
    memset(much, 'm', sizeof(much));
    sent = (size_t)send(fd, much, WIRE_INPUT_BYTES - 1, MSG_NOSIGNAL);
    assert_true(sent > 128 * 1024);
    wire_run(w, 50);
    paused = w->input_bytes;
    assert_true(paused <= 64 * 1024);
    exchange_pause(w->waiting[0], false);
    WIRE_UNTIL(w, w->input_bytes == sent);
    assert_int_equal(strspn(w->input, "m"), sent);
    close(fd);
    WIRE_UNTIL(w, w->ends_count == 1);
}

static void test_h2_accepted(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    s = frames_hear_until(w, fd, SETTINGS, 2); /* ours, and the acknowledgement of theirs */
    assert_true(s.has_connect_protocol);
    frames_websocket(fd, 1, "websocket", "/tunnel", 0);
    s = frames_hear_until(w, fd, HEADERS, 1);
    assert_int_equal(s.blocks[0].at[0], 0x88); /* :status 200 */
    assert_int_equal(s.ends, 0);
    frames_send(fd, DATA, 0, 1, "hello", 5);
    WIRE_UNTIL(w, w->input_bytes == 5);
    assert_string_equal(w->input, "hello");
    wire_write(w->waiting[0], 'a', 3);
    assert_string_equal(frames_hear_until(w, fd, DATA, 1).bodies[1], "aaa");
    frames_send(fd, DATA, END_STREAM, 1, "bye", 3);
    WIRE_UNTIL(w, w->ends_count == 1);
    assert_string_equal(w->input, "hellobye");
    wire_write(w->waiting[0], 'b', 3);
    exchange_finish(wire_take(w));
    s = frames_hear(w, fd, 3000, 1);
    assert_string_equal(s.bodies[1], "bbb");
    assert_true(s.stream_ended[1]);
    assert_int_equal(s.frames[RST], 0);
    assert_int_equal(w->gone_count, 0);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 0);
    frames_websocket(fd, 3, "websocket", "/tunnel", 0);
    WIRE_UNTIL(w, w->waiting_count == 1);
    frames_send(fd, RST, 0, 3, "\0\0\0\x08", 4);
    WIRE_UNTIL(w, w->gone_count == 1);
    close(fd);
}

static void test_h2_refused(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_websocket(fd, 1, NULL, NULL, 0);
    s = frames_hear(w, fd, 2000, 1);
    assert_non_null(strstr(s.bodies[1], "\"code\":\"not_implemented\""));
    frames_websocket(fd, 3, "webtransport", "/tunnel", 0);
    s = frames_hear(w, fd, 2000, 1);
    assert_non_null(strstr(s.bodies[3], "\"code\":\"not_implemented\""));
    assert_int_equal(w->handled_count, 0);
    frames_websocket(fd, 5, "websocket", "/wait", 0);
    WIRE_UNTIL(w, w->waiting_count == 1);
    assert_true(exchange_head(w->waiting[0])->is_websocket);
    wire_answer(w);
    s = frames_hear(w, fd, 2000, 1);
    assert_string_equal(s.bodies[5], "{\"waited\":1}");
    assert_true(s.stream_ended[5]);
    frames_send(fd, DATA, END_STREAM, 5, "", 0);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 2); /* the first two did not end their side */
    close(fd);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 0);
}

/* The stream's window comes back only when the handler takes; the connection's at once, for the other streams. */
static void test_h2_pause(void **state)
{
    static char half[40 * 1000];
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_websocket(fd, 1, "websocket", "/tunnel", 0);
    WIRE_UNTIL(w, w->waiting_count == 1);
    exchange_pause(w->waiting[0], true);
    frames_hear_until(w, fd, HEADERS, 1);
    for (size_t i = 0; i < sizeof(half); i += 10000)
        frames_send(fd, DATA, 0, 1, half + i, 10000);
    s = frames_hear_until(w, fd, WINDOW, 1);
    assert_non_null(strstr(s.order, "W0 "));
    wire_run(w, 30);
    s = frames_hear(w, fd, 100, 0);
    assert_null(strstr(s.order, "W1 "));
    exchange_pause(w->waiting[0], false);
    s = frames_hear_until(w, fd, WINDOW, 1);
    assert_non_null(strstr(s.order, "W1 "));
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
}

int main(void)
{
#define WIRED(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys), WIRED(test_accepted),    WIRED(test_silence), WIRED(test_no_websockets),
        WIRED(test_refused),         WIRED(test_early_bytes), WIRED(test_pause),   WIRED(test_h2_accepted),
        WIRED(test_h2_refused),      WIRED(test_h2_pause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
