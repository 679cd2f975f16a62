/* unit/net/test_exchange.c - answers in pieces over both versions: order, back-pressure, stalls, ends */
#include "frames.h"
#include "limits.h"
#include "wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static int open_stream(struct wire *w, const char *request)
{
    int fd = wire_connect(w), small = 4096;
    unsigned before = w->waiting_count;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    wire_send(fd, request);
    WIRE_UNTIL(w, w->waiting_count == before + 1);
    return fd;
}

static void test_chunks(void **state)
{
    struct wire *w = *state;
    const char *got;
    int fd;

    wire_listen(w);
    fd = open_stream(w, GET("/stream"));
    got = wire_read(w, fd, "\r\n\r\n", NULL); /* the head goes at once */
    assert_non_null(strstr(got, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(got, "\r\ntransfer-encoding: chunked\r\n"));
    assert_non_null(strstr(got, "\r\ncontent-type: text/event-stream\r\n"));
    assert_non_null(strstr(got, "\r\ncache-control: no-store\r\n"));
    assert_null(strstr(got, "content-length"));
    assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n");
    wire_write(w->waiting[0], 'a', 3);
    wire_write(w->waiting[0], 'b', 20);
    assert_string_equal(wire_read(w, fd, "bbb\r\n", NULL), "3\r\naaa\r\n14\r\nbbbbbbbbbbbbbbbbbbbb\r\n");
    wire_write(w->waiting[0], 'c', 1);
    exchange_finish(wire_take(w));
    assert_string_equal(wire_read(w, fd, "0\r\n\r\n", NULL), "1\r\nc\r\n0\r\n\r\n");
    wire_send(fd, GET("/now")); /* and the connection goes on */
    assert_non_null(strstr(wire_read(w, fd, "{}", NULL), "content-length: 2\r\n"));
    assert_int_equal(w->gone_count, 0);
    assert_int_equal(wire_stats(w).exchanges, 0);
    assert_int_equal(wire_stats(w).unsent_bytes, 0);
    close(fd);
}

static void test_http_10(void **state)
{
    struct wire *w = *state;
    bool closed = false;
    const char *got;
    int fd;

    wire_listen(w);
    fd = open_stream(w, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    wire_write(w->waiting[0], 'a', 3);
    exchange_finish(wire_take(w));
    got = wire_read(w, fd, NULL, &closed);
    assert_true(closed);
    assert_non_null(strstr(got, "connection: close\r\n"));
    assert_null(strstr(got, "transfer-encoding"));
    assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\naaa");
    close(fd);
}

/* Longer than any patience with requests and idle connections. */
static void test_silence_is_no_stall(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(100);
    int fd, h2;

    d.unauthenticated = d.linger = 60000;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = open_stream(w, GET("/stream"));
    h2 = frames_connect(w, true, 65535);
    frames_request(h2, 1, false, "/stream", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 2);
    wire_run(w, 400);
    assert_int_equal(w->gone_count, 0);
    wire_write(w->waiting[0], 'a', 3);
    wire_write(w->waiting[1], 'a', 3);
    assert_non_null(strstr(wire_read(w, fd, "aaa", NULL), "aaa"));
    assert_int_equal(frames_hear_until(w, h2, DATA, 1).data_bytes, 3);
    close(fd);
    close(h2);
    WIRE_UNTIL(w, w->gone_count == 2);
}

/* Writes until the socket takes nothing more, and least bytes are unsent. */
static size_t fill(struct wire *w, struct exchange *x, size_t piece, size_t least)
{
    size_t written = 0;

    for (int i = 0; i < 20000 && exchange_unsent(x) < least; i++) {
        wire_write(x, 'x', piece);
        written += piece;
        net_flush(w->net);
    }
    assert_true(exchange_unsent(x) >= least);
    return written;
}

/* The receiver that reads again gets all of it, and the writer is told once. */
static void test_room(void **state)
{
    struct wire *w = *state;
    size_t written, got = 0;
    char bytes[65536];
    int fd;

    wire_listen(w);
    fd = wire_connect(w); /* whose buffer is not small: the kernel would take half a minute */
    wire_send(fd, "GET /stream HTTP/1.0\r\n\r\n");
    wire_read(w, fd, "\r\n\r\n", NULL);
    written = fill(w, w->waiting[0], 8192, LIMIT_UNSENT_BYTES);
    wire_run(w, 50);
    assert_int_equal(w->room_count, 0);
    assert_true(wire_stats(w).unsent_bytes >= LIMIT_UNSENT_BYTES);
    for (int i = 0; i < 100000 && got < written; i++) {
        ssize_t r = recv(fd, bytes, sizeof(bytes), 0);

        got += r > 0 ? (size_t)r : 0;
        assert_true(r <= 0 || (bytes[0] == 'x' && memcmp(bytes, bytes + 1, (size_t)r - 1) == 0));
        loop_wait(w->loop, true);
        net_flush(w->net);
    }
    assert_int_equal(got, written);
    assert_int_equal(w->room_count, 1);
    assert_int_equal(exchange_unsent(w->waiting[0]), 0);
    assert_int_equal(wire_stats(w).unsent_bytes, 0);
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
}

static void test_stall(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    int fd;

    d.write_stall = 150;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = open_stream(w, GET("/stream"));
    fill(w, w->waiting[0], 8192, LIMIT_UNSENT_BYTES);
    assert_int_equal(w->gone_count, 0);
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_int_equal(wire_stats(w).timeouts, 1);
    assert_int_equal(wire_stats(w).unsent_bytes, 0);
    close(fd);
}

static void test_hang_up(void **state)
{
    struct wire *w = *state;
    int fd;

    wire_listen(w);
    fd = open_stream(w, GET("/stream"));
    wire_write(w->waiting[0], 'a', 3);
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_int_equal(wire_stats(w).connections, 0);
    assert_int_equal(wire_stats(w).exchanges, 0);
}

/* In the middle of an answer and before one; nobody is told. */
static void test_abort(void **state)
{
    struct wire *w = *state;
    bool closed = false;
    int fd;

    wire_listen(w);
    fd = open_stream(w, GET("/stream"));
    wire_write(w->waiting[0], 'a', 3);
    wire_read(w, fd, "aaa\r\n", NULL);
    exchange_abort(wire_take(w));
    assert_string_equal(wire_read(w, fd, NULL, &closed), "");
    assert_true(closed);
    close(fd);
    fd = open_stream(w, GET("/wait"));
    exchange_abort(wire_take(w));
    assert_string_equal(wire_read(w, fd, NULL, &closed), "");
    assert_true(closed);
    close(fd);
    assert_int_equal(w->gone_count, 0);
    assert_int_equal(wire_stats(w).exchanges, 0);
}

static void test_head(void **state)
{
    struct wire *w = *state;
    const char *got;
    int fd;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    WIRE_UNTIL(w, w->gone_count == 1);
    wire_send(fd, GET("/now"));
    got = wire_read(w, fd, "{}", NULL);
    assert_null(strstr(got, "aaa"));
    assert_non_null(strstr(got, "\r\n\r\nHTTP/1.1 200 OK"));
    close(fd);
}

/* Nobody listens any more: everything may still be called, until it is ended. */
static void test_writing_to_the_lost(void **state)
{
    struct wire *w = *state;
    struct exchange *x;
    int fd;

    wire_listen(w);
    fd = open_stream(w, GET("/stream"));
    x = wire_take(w);
    exchange_on_gone(x, NULL, NULL);
    close(fd);
    WIRE_UNTIL(w, wire_stats(w).connections == 0);
    assert_int_equal(wire_stats(w).exchanges, 1);
    wire_write(x, 'a', 100);
    assert_int_equal(exchange_unsent(x), 0);
    assert_false(exchange_can_push(x));
    exchange_pause(x, true);
    exchange_finish(x);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 0);
}

static void test_forget(void **state)
{
    struct wire *w = *state;
    struct exchange *x;
    int fd;

    wire_listen(w);
    fd = open_stream(w, "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    x = w->waiting[0];
    assert_int_equal(exchange_body(x).bytes, 2);
    exchange_forget(x);
    exchange_forget(x);
    assert_int_equal(exchange_body(x).bytes, 0);
    assert_int_equal(exchange_head(x)->path.bytes, 0);
    assert_string_equal(exchange_peer(x).at, "127.0.0.1");
    wire_answer(w);
    assert_non_null(strstr(wire_read(w, fd, "waited", NULL), "200 OK"));
    close(fd);
}

/* One receiver is far behind; over the worker's bound everybody who is behind at all is told to wait, and told when
 * it is over. */
static void test_bound_of_the_worker(void **state)
{
    struct wire *w = *state;
    int far, near;

    wire_listen(w);
    far = open_stream(w, GET("/stream"));
    near = open_stream(w, GET("/stream"));
    fill(w, w->waiting[1], 1000, 1);
    assert_true(exchange_unsent(w->waiting[1]) < LIMIT_UNSENT_BYTES / 2);
    net_set_unsent_max(w->net, LIMIT_UNSENT_BYTES);
    fill(w, w->waiting[0], 8192, LIMIT_UNSENT_BYTES + 1);
    assert_true(exchange_unsent(w->waiting[1]) >= LIMIT_UNSENT_BYTES);
    wire_run(w, 30);
    assert_int_equal(w->room_count, 0);
    close(far);
    WIRE_UNTIL(w, w->room_count == 1);
    assert_true(exchange_unsent(w->waiting[0]) < LIMIT_UNSENT_BYTES / 2);
    close(near);
    WIRE_UNTIL(w, w->gone_count == 2);
    assert_int_equal(wire_stats(w).unsent_bytes, 0);
}

static void test_h2_pieces(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_request(fd, 1, false, "/stream", END_STREAM);
    s = frames_hear_until(w, fd, HEADERS, 1);
    assert_int_equal(s.frames[DATA], 0);
    wire_write(w->waiting[0], 'a', 3);
    wire_write(w->waiting[0], 'b', 2);
    s = frames_hear_until(w, fd, DATA, 1);
    assert_string_equal(s.bodies[1], "aaabb");
    frames_request(fd, 3, false, "/now", END_STREAM); /* beside it */
    s = frames_hear(w, fd, 2000, 1);
    assert_string_equal(s.bodies[3], "{}");
    wire_write(w->waiting[0], 'c', 1);
    exchange_finish(wire_take(w));
    s = frames_hear(w, fd, 2000, 1);
    assert_true(s.stream_ended[1]);
    assert_string_equal(s.bodies[1], "c");
    assert_int_equal(w->gone_count, 0);
    assert_int_equal(wire_stats(w).exchanges, 0);
    close(fd);
}

/* A window of ten bytes: what is beyond waits with us; the client opens it. */
static void test_h2_room(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 10);
    frames_request(fd, 1, false, "/stream", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 1);
    wire_write(w->waiting[0], 'a', LIMIT_UNSENT_BYTES / 2 + 20);
    s = frames_hear_until(w, fd, DATA, 1);
    assert_int_equal(s.data_bytes, 10);
    assert_int_equal(exchange_unsent(w->waiting[0]), LIMIT_UNSENT_BYTES / 2 + 10);
    frames_send(fd, WINDOW, 0, 1, "\0\0\0\x09", 4);
    frames_hear_until(w, fd, DATA, 1);
    assert_int_equal(w->room_count, 0);
    frames_send(fd, WINDOW, 0, 1, "\0\0\0\x01", 4);
    frames_hear_until(w, fd, DATA, 1);
    assert_int_equal(w->room_count, 1);
    frames_send(fd, WINDOW, 0, 1, "\0\0\1\0", 4);
    frames_hear_until(w, fd, DATA, 1);
    assert_int_equal(w->room_count, 1); /* once for each time that it was above */
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_int_equal(wire_stats(w).unsent_bytes, 0);
}

static void test_h2_stall(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    struct frames_said s;
    int fd;

    d.write_stall = 150;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = frames_connect(w, true, 10);
    frames_request(fd, 1, false, "/stream", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 1);
    wire_run(w, 300); /* nothing to send is no stall */
    assert_int_equal(w->gone_count, 0);
    wire_write(w->waiting[0], 'a', 20);
    s = frames_hear_until(w, fd, RST, 1);
    assert_int_equal(s.last_reset, 8);
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_int_equal(wire_stats(w).unsent_bytes, 0);
    close(fd);
}

static void test_h2_abort(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_request(fd, 1, false, "/stream", END_STREAM);
    frames_request(fd, 3, false, "/wait", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 2);
    wire_write(w->waiting[0], 'a', 3);
    exchange_abort(wire_take(w));
    exchange_abort(wire_take(w));
    s = frames_hear_until(w, fd, RST, 2);
    assert_int_equal(s.last_reset, 8);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 0);
    assert_int_equal(w->gone_count, 0);
    frames_request(fd, 5, false, "/stream", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 1);
    frames_send(fd, RST, 0, 5, "\0\0\0\x08", 4);
    WIRE_UNTIL(w, w->gone_count == 1);
    close(fd);
}

static void test_h2_drain(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_request(fd, 1, false, "/stream", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 1);
    net_drain(w->net);
    s = frames_hear_until(w, fd, GOAWAY, 2);
    assert_false(s.closed);
    wire_write(w->waiting[0], 'a', 3);
    assert_string_equal(frames_hear_until(w, fd, DATA, 1).bodies[1], "aaa");
    exchange_finish(wire_take(w));
    s = frames_hear(w, fd, 3000, 0);
    assert_true(s.stream_ended[1]);
    assert_true(s.closed);
    assert_int_equal(w->gone_count, 0);
    close(fd);
}

int main(void)
{
#define WIRED(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)
    const struct CMUnitTest tests[] = {
        WIRED(test_chunks),
        WIRED(test_http_10),
        WIRED(test_silence_is_no_stall),
        WIRED(test_room),
        WIRED(test_stall),
        WIRED(test_hang_up),
        WIRED(test_abort),
        WIRED(test_head),
        WIRED(test_writing_to_the_lost),
        WIRED(test_forget),
        WIRED(test_bound_of_the_worker),
        WIRED(test_h2_pieces),
        WIRED(test_h2_room),
        WIRED(test_h2_stall),
        WIRED(test_h2_abort),
        WIRED(test_h2_drain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
