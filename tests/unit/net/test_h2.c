/* unit/net/test_h2.c - HTTP/2 on real sockets, frame by frame: streams, hang-ups, deadlines, drain */
#include "frames.h"
#include "wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void test_request(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_request(fd, 1, false, "/now", END_STREAM);
    s = frames_hear(w, fd, 1000, 1);
    assert_int_equal(s.frames[HEADERS], 1);
    assert_string_equal(s.body, "{}");
    frames_request(fd, 3, true, "/echo", 0);
    frames_send(fd, DATA, 0, 3, "hel", 3);
    wire_run(w, 20);
    assert_int_equal(w->handled_count, 1); /* not before it is whole */
    frames_send(fd, DATA, END_STREAM, 3, "lo", 2);
    s = frames_hear(w, fd, 1000, 1);
    assert_string_equal(s.body, "hello");
    assert_int_equal(wire_stats(w).requests_h2, 2);
    assert_int_equal(wire_stats(w).exchanges, 0);
    close(fd);
}

/* Answers come in the order of the handler, not of the streams; each ends with DATA. */
static void test_streams(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    for (uint32_t i = 0; i < 5; i++)
        frames_request(fd, 1 + 2 * i, false, i < 3 ? "/wait" : "/now", END_STREAM);
    s = frames_hear(w, fd, 1000, 2);
    assert_int_equal(s.ends, 2);
    assert_int_equal(w->waiting_count, 3);
    while (w->waiting_count)
        wire_answer(w);
    s = frames_hear(w, fd, 1000, 3);
    assert_int_equal(s.ends, 3);
    assert_int_equal(s.frames[HEADERS], 3);
    assert_int_equal(s.frames[DATA], 3);
    close(fd);
}

static void test_reset_by_client(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_request(fd, 1, false, "/wait", END_STREAM);
    frames_request(fd, 3, false, "/orphan", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 2);
    frames_send(fd, RST, 0, 1, "\0\0\0\x08", 4);
    frames_send(fd, RST, 0, 3, "\0\0\0\x08", 4);
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_int_equal(wire_stats(w).exchanges, 1);
    wire_answer(w); /* into nothing */
    frames_request(fd, 5, false, "/now", END_STREAM);
    s = frames_hear(w, fd, 1000, 1);
    assert_int_equal(s.frames[HEADERS], 1);
    assert_int_equal(wire_stats(w).exchanges, 0);
    close(fd);
}

static void test_connection_lost(void **state)
{
    struct wire *w = *state;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    for (uint32_t i = 0; i < 6; i++)
        frames_request(fd, 1 + 2 * i, i >= 4, "/wait", i < 4 ? END_STREAM : 0);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 6);
    assert_int_equal(w->waiting_count, 4);
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 4);
    assert_int_equal(wire_stats(w).exchanges, 0);
    assert_int_equal(wire_stats(w).connections, 0);
}

/* 503 on the stream, gone() for the handler; the connection goes on. */
static void test_request_deadline(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    struct frames_said s;
    int fd;

    d.request = 100;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_request(fd, 1, false, "/wait", END_STREAM);
    s = frames_hear(w, fd, 2000, 1);
    assert_non_null(strstr(s.body, "\"code\":\"timeout\""));
    assert_int_equal(w->gone_count, 1);
    frames_request(fd, 3, false, "/now", END_STREAM);
    assert_int_equal(frames_hear(w, fd, 1000, 1).ends, 1);
    close(fd);
}

static void test_body_deadline(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    int fd;

    d.body = 100;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_request(fd, 1, true, "/echo", 0);
    assert_non_null(strstr(frames_hear(w, fd, 2000, 1).body, "\"code\":\"request_timeout\""));
    assert_int_equal(w->handled_count, 0);
    close(fd);
}

static void test_header_block_deadline(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    struct frames_said s;
    int fd;

    d.head = 100;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_send(fd, HEADERS, END_STREAM, 1, "\x82\x86", 2);
    s = frames_hear(w, fd, 2000, 0);
    assert_true(s.closed && s.goaways == 1);
    close(fd);
}

/* A window that never opens holds its stream, not the connection; then it is reset. */
static void test_closed_window(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    struct frames_said s;
    int fd;

    d.write_stall = 150;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = frames_connect(w, true, 10);
    frames_request(fd, 1, false, "/big", END_STREAM);
    s = frames_hear(w, fd, 50, 0);
    assert_int_equal(s.data_bytes, 10);
    s = frames_hear(w, fd, 600, 0);
    assert_int_equal(s.frames[RST], 1);
    assert_int_equal(s.last_reset, 8);
    assert_int_equal(wire_stats(w).exchanges, 0);
    frames_request(fd, 3, false, "/now", END_STREAM);
    assert_string_equal(frames_hear(w, fd, 1000, 1).body, "{}");
    close(fd);
}

/* Two steps: "no new ones, please" with the highest id, then what was really taken; answers still come. */
static void test_drain(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_request(fd, 1, false, "/wait", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 1);
    net_drain(w->net);
    frames_request(fd, 3, false, "/now", END_STREAM); /* crossed with the first GOAWAY: is still served */
    s = frames_hear(w, fd, 1000, 1);
    assert_int_equal(s.goaway_last[0], 0x7fffffff);
    assert_int_equal(s.goaway_code, 0);
    assert_int_equal(s.ends, 1);
    s = frames_hear(w, fd, 1400, 0);
    assert_int_equal(s.goaways, 1);
    assert_int_equal(s.goaway_last[0], 3);
    assert_false(s.closed);
    assert_int_equal(w->gone_count, 0);
    wire_answer(w);
    s = frames_hear(w, fd, 1000, 0);
    assert_int_equal(s.ends, 1);
    assert_true(s.closed);
    close(fd);
}

static void test_idle(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    struct frames_said s;
    int fd;

    d.idle = 150;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_request(fd, 1, false, "/wait", END_STREAM);
    s = frames_hear(w, fd, 300, 0);
    assert_false(s.closed); /* who waits is not idle */
    wire_answer(w);
    s = frames_hear(w, fd, 2000, 0);
    assert_true(s.closed && s.goaways == 1 && s.goaway_code == 0);
    close(fd);
}

/* A client that asks for much and does not read: what is unsent stays below the cap. */
static void test_unread_answers_are_bounded(void **state)
{
    struct wire *w = *state;
    int fd, small = 4096;

    wire_listen(w);
    fd = frames_connect(w, true, 0x7fffffff);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    frames_send(fd, WINDOW, 0, 0, "\x7f\xff\0\0", 4);
    for (uint32_t i = 0; i < 20; i++) /* far more than the kernel takes */
        frames_request(fd, 1 + 2 * i, false, "/big", END_STREAM);
    wire_run(w, 200);
    assert_int_equal(wire_stats(w).connections, 1);
    assert_true(wire_stats(w).exchanges >= 10); /* an unbounded queue would have swallowed their bodies */
    close(fd);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 0);
}

int main(void)
{
#define WIRED(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)
    const struct CMUnitTest tests[] = {
        WIRED(test_request),
        WIRED(test_streams),
        WIRED(test_reset_by_client),
        WIRED(test_connection_lost),
        WIRED(test_request_deadline),
        WIRED(test_body_deadline),
        WIRED(test_header_block_deadline),
        WIRED(test_closed_window),
        WIRED(test_drain),
        WIRED(test_idle),
        WIRED(test_unread_answers_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
