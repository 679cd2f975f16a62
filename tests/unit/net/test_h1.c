/* unit/net/test_h1.c - HTTP/1.1 on real sockets: order, back-pressure, hang-ups, deadlines, bounds */
#include "wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static unsigned count(const char *in, const char *what)
{
    unsigned n = 0;

    for (in = strstr(in, what); in; in = strstr(in + 1, what))
        n++;
    return n;
}

static void test_keep_alive(void **state)
{
    struct wire *w = *state;
    int fd;

    wire_listen(w);
    fd = wire_connect(w);
    for (int i = 0; i < 3; i++) {
        const char *got;

        wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
        got = wire_read(w, fd, "{\"a\":1}", NULL);
        assert_int_equal(strncmp(got, "HTTP/1.1 200 OK\r\n", 17), 0);
        assert_non_null(strstr(got, "\r\ncontent-length: 7\r\n"));
        assert_non_null(strstr(got, "\r\ndate: "));
        assert_non_null(strstr(got, "\r\ncache-control: no-store\r\n"));
        assert_non_null(strstr(got, "\r\nx-content-type-options: nosniff\r\n"));
        assert_non_null(strstr(got, "\r\nx-path: /echo\r\n"));
        assert_null(strstr(got, "connection:"));
    }
    assert_int_equal(wire_stats(w).requests_h1, 3);
    assert_int_equal(wire_stats(w).accepted, 1);
    assert_int_equal(wire_stats(w).exchanges, 0);
    close(fd);
    WIRE_UNTIL(w, wire_stats(w).connections == 0);
}

/* A request behind a pending one is not handled before that one is answered. */
static void test_pipelining(void **state)
{
    struct wire *w = *state;
    int fd;
    const char *got;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, GET("/wait") GET("/now") GET("/wait"));
    WIRE_UNTIL(w, w->handled_count == 1);
    wire_run(w, 30);
    assert_int_equal(w->handled_count, 1);
    wire_answer(w);
    got = wire_read(w, fd, "/now", NULL);
    assert_true(strstr(got, "waited") < strstr(got, "/now"));
    WIRE_UNTIL(w, w->handled_count == 3);
    wire_answer(w);
    assert_non_null(strstr(wire_read(w, fd, "waited", NULL), "waited"));
    close(fd);
}

/* What is pipelined while an answer is pending stops being read; nothing of it is lost. */
static void test_pipelining_is_bounded(void **state)
{
    enum { GET_BYTES = sizeof(GET("/now")) - 1, GETS = 1000, SENT_MAX = 30 * 1000 * 1000 };
    static char piece[GETS * GET_BYTES + 1];
    struct wire *w = *state;
    size_t sent = 0, whole;
    int fd;

    wire_listen(w);
    for (size_t i = 0; i < GETS; i++)
        memcpy(piece + i * GET_BYTES, GET("/now"), GET_BYTES);
    fd = wire_connect(w);
    wire_send(fd, GET("/wait"));
    for (int quiet = 0; quiet < 20 && sent < SENT_MAX; quiet++) { /* until neither side takes more */
        size_t at = sent % (GETS * GET_BYTES);
        ssize_t r = send(fd, piece + at, GETS * GET_BYTES - at, MSG_NOSIGNAL);

        wire_run(w, 2);
        sent += r > 0 ? (size_t)r : 0;
        quiet = r > 0 ? 0 : quiet;
    }
    assert_true(sent < SENT_MAX);
    assert_int_equal(w->handled_count, 1);
    wire_answer(w);
    whole = sent / GET_BYTES;
    for (int i = 0; i < 100 * 1000 && w->handled_count < 1 + whole && w->handled_count <= 800; i++)
        wire_read(w, fd, "/now", NULL);
    assert_true(w->handled_count == 1 + whole || w->handled_count > 800);
    assert_int_equal(wire_stats(w).bad_requests, 0);
    close(fd);
}

static void test_head(void **state)
{
    struct wire *w = *state;
    int fd;
    const char *got;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, "HEAD /now HTTP/1.1\r\nHost: a\r\n\r\n" GET("/two"));
    got = wire_read(w, fd, "/two\r\n\r\n{}", NULL);
    assert_non_null(strstr(got, "content-length: 2\r\n"));
    assert_int_equal(count(got, "{}"), 1);
    close(fd);
}

static void test_continue(void **state)
{
    struct wire *w = *state;
    int fd;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_string_equal(wire_read(w, fd, "\r\n\r\n", NULL), "HTTP/1.1 100 Continue\r\n\r\n");
    wire_send(fd, "ok");
    assert_non_null(strstr(wire_read(w, fd, "\r\n\r\nok", NULL), "200 OK"));
    /* no word needed when the body is there already */
    wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    assert_null(strstr(wire_read(w, fd, "\r\n\r\nhi", NULL), "100"));
    /* nor when it began */
    wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nwe");
    wire_run(w, 30);
    wire_send(fd, "ll");
    assert_null(strstr(wire_read(w, fd, "\r\n\r\nwell", NULL), "100"));
    close(fd);
}

static void test_error_closes(void **state)
{
    struct wire *w = *state;
    bool closed = false;
    int fd;
    const char *got;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n" GET("/now"));
    got = wire_read(w, fd, NULL, &closed);
    assert_true(closed);
    assert_int_equal(count(got, "HTTP/1.1 "), 1);
    assert_non_null(strstr(got, "400 Bad Request"));
    assert_non_null(strstr(got, "connection: close\r\n"));
    assert_non_null(strstr(got, "\"code\":\"bad_request\""));
    assert_int_equal(w->handled_count, 0);
    assert_int_equal(wire_stats(w).bad_requests, 1);
    close(fd);
}

/* The peer hangs up while it waits: told once, and the answer that comes too late goes nowhere. */
static void test_hang_up(void **state)
{
    struct wire *w = *state;
    int fd;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, GET("/wait"));
    WIRE_UNTIL(w, w->waiting_count == 1);
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_int_equal(wire_stats(w).exchanges, 0);
    assert_int_equal(wire_stats(w).connections, 0);
}

/* A handler without a gone function still holds its pointer, and may answer into nothing. */
static void test_late_answer(void **state)
{
    struct wire *w = *state;
    int fd;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, GET("/orphan"));
    WIRE_UNTIL(w, w->waiting_count == 1);
    close(fd);
    WIRE_UNTIL(w, wire_stats(w).connections == 0);
    assert_int_equal(wire_stats(w).exchanges, 1);
    wire_answer(w);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 0);
}

/* gone() of one answers another, both in the same flush. */
static void test_gone_answers_another(void **state)
{
    struct wire *w = *state;
    int first, second;

    wire_listen(w);
    w->answers_when_gone = true;
    first = wire_connect(w);
    wire_send(first, GET("/wait"));
    WIRE_UNTIL(w, w->waiting_count == 1);
    second = wire_connect(w);
    wire_send(second, GET("/wait"));
    WIRE_UNTIL(w, w->waiting_count == 2);
    close(first);
    assert_non_null(strstr(wire_read(w, second, "waited", NULL), "waited"));
    assert_int_equal(w->gone_count, 1);
    close(second);
}

static void test_both_gone_and_answered_in_one_flush(void **state)
{
    struct wire *w = *state;
    int fds[2];

    wire_listen(w);
    w->answers_when_gone = true;
    for (int i = 0; i < 2; i++) {
        fds[i] = wire_connect(w);
        wire_send(fds[i], GET("/wait"));
        WIRE_UNTIL(w, w->waiting_count == (unsigned)i + 1);
    }
    close(fds[0]);
    close(fds[1]);
    WIRE_UNTIL(w, w->waiting_count == 0);
    assert_int_equal(wire_stats(w).exchanges, 0);
}

static void test_slow_head(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    bool closed = false;
    int fd, drips = 0;
    char peeked;

    d.head = 150;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, "GET /now HTTP/1.1\r\nX: ");
    while (drips < 100 &&
           recv(fd, &peeked, 1, MSG_PEEK) < 0) { /* each byte is early enough, the head is not */
        send(fd, "a", 1, MSG_NOSIGNAL);
        wire_run(w, 20);
        drips++;
    }
    assert_true(drips < 100);
    assert_non_null(strstr(wire_read(w, fd, NULL, &closed), "408 "));
    assert_true(closed);
    assert_int_equal(wire_stats(w).timeouts, 1);
    close(fd);
}

static void test_slow_body(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    bool closed = false;
    int fd;

    d.body = 100;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    assert_non_null(strstr(wire_read(w, fd, NULL, &closed), "\"code\":\"request_timeout\""));
    assert_true(closed);
    close(fd);
}

/* Who has shown who it is, or asked for what is public, may stay; nobody else. */
static void test_unauthenticated(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    bool closed = false;
    int stranger, friend, silent;

    d.unauthenticated = d.head = 200;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    stranger = wire_connect(w);
    friend = wire_connect(w);
    silent = wire_connect(w);
    wire_send(stranger, GET("/now"));
    wire_send(friend, GET("/trusted"));
    assert_string_equal(wire_read(w, silent, NULL, &closed), "");
    assert_true(closed);
    wire_read(w, stranger, NULL, &closed);
    assert_true(closed);
    close(stranger);
    close(silent);
    WIRE_UNTIL(w, wire_stats(w).connections == 1);
    wire_send(friend, GET("/trusted"));
    wire_read(w, friend, "{}", &closed);
    assert_false(closed);
    close(friend);
}

static void test_idle(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    bool closed = false;
    int fd;

    d.idle = 150;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, GET("/wait"));
    wire_run(w, 400);
    assert_int_equal(w->gone_count, 0); /* who waits is not idle */
    wire_answer(w);
    wire_read(w, fd, "waited", &closed);
    assert_false(closed);
    wire_read(w, fd, NULL, &closed);
    assert_true(closed);
    close(fd);
}

/* A handler that never answers: 503 for the peer, gone() for the handler. */
static void test_request_deadline(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    const char *got;
    int fd;

    d.request = 100;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, GET("/wait"));
    got = wire_read(w, fd, "}", NULL);
    assert_non_null(strstr(got, "503 Service Unavailable"));
    assert_non_null(strstr(got, "retry-after: 1\r\n"));
    assert_non_null(strstr(got, "\"code\":\"timeout\",\"retry_ms\":1000}"));
    assert_int_equal(w->gone_count, 1);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 0);
    close(fd);
}

static void test_write_stall(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    int fd, small = 4096;

    d.write_stall = 200;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = wire_connect(w);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    for (int i = 0; i < 4; i++) /* more than the kernel buffers */
        wire_send(fd, GET("/big"));
    wire_run(w, 100);
    assert_int_equal(wire_stats(w).connections, 1);
    wire_run(w, 400);
    assert_int_equal(wire_stats(w).connections, 0);
    assert_int_equal(wire_stats(w).timeouts, 1);
    close(fd);
}

static void test_big_answer(void **state)
{
    struct wire *w = *state;
    bool closed = false;
    const char *got;
    int fd;

    wire_listen(w);
    fd = wire_connect(w);
    wire_send(fd, "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    got = wire_read(w, fd, NULL, &closed);
    assert_true(closed);
    got = strstr(got, "\r\n\r\n") + 4;
    assert_int_equal(strlen(got), WIRE_BIG_BYTES);
    assert_int_equal(strspn(got, "b"), WIRE_BIG_BYTES);
    close(fd);
}

static void test_drain(void **state)
{
    struct wire *w = *state;
    bool closed = false;
    int idle, busy;

    wire_listen(w);
    idle = wire_connect(w);
    busy = wire_connect(w);
    wire_send(idle, GET("/now"));
    wire_read(w, idle, "{}", NULL);
    wire_send(busy, GET("/wait"));
    WIRE_UNTIL(w, w->waiting_count == 1);
    net_drain(w->net);
    assert_string_equal(wire_read(w, idle, NULL, &closed), "");
    assert_true(closed);
    assert_int_equal(w->gone_count, 0);
    wire_answer(w);
    assert_non_null(strstr(wire_read(w, busy, NULL, &closed), "connection: close\r\n"));
    assert_true(closed);
    close(idle);
    close(busy);
}

int main(void)
{
#define WIRED(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)
    const struct CMUnitTest tests[] = {
        WIRED(test_keep_alive),
        WIRED(test_pipelining),
        WIRED(test_pipelining_is_bounded),
        WIRED(test_head),
        WIRED(test_continue),
        WIRED(test_error_closes),
        WIRED(test_hang_up),
        WIRED(test_late_answer),
        WIRED(test_gone_answers_another),
        WIRED(test_both_gone_and_answered_in_one_flush),
        WIRED(test_slow_head),
        WIRED(test_slow_body),
        WIRED(test_unauthenticated),
        WIRED(test_idle),
        WIRED(test_request_deadline),
        WIRED(test_write_stall),
        WIRED(test_big_answer),
        WIRED(test_drain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
