/* unit/net/test_promise.c - pushed responses: order behind the ping, refusals, ends, for whom we may speak */
#include "frames.h"
#include "limits.h"
#include "wire.h"
#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int open_anchor(struct wire *w, bool takes_pushes)
{
    int fd = frames_connect(w, takes_pushes, 65535);

    frames_request(fd, 1, false, "/stream", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 1);
    return fd;
}

static struct exchange *promise(struct wire *w)
{
    struct exchange *x = exchange_promise(w->waiting[0], TEXT("/v1/events?after=3.4"));

    if (x)
        wire_keep(w, x);
    return x;
}

/* "name: value\n" of each field of a block; blocks of one connection in their order. */
static void inflate(nghttp2_hd_inflater *inflater, const unsigned char *at, size_t bytes,
                    char into[static 1024])
{
    size_t have = 0;
    int flags = 0;

    into[0] = 0;
    while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
        nghttp2_nv nv;
        ssize_t used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, at, bytes, 1);

        assert_true(used >= 0);
        at += used;
        bytes -= (size_t)used;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            have += (size_t)snprintf(into + have, 1024 - have, "%.*s: %.*s\n", (int)nv.namelen,
                                     (char *)nv.name, (int)nv.valuelen, (char *)nv.value);
    }
    nghttp2_hd_inflate_end_headers(inflater);
}

/* The head, the promise, the ping; the answer was there at once, and leaves only when the ping is acknowledged. */
static void test_order(void **state)
{
    struct wire *w = *state;
    nghttp2_hd_inflater *inflater = NULL;
    struct frames_said s;
    char fields[1024];
    int fd;

    wire_listen(w);
    fd = open_anchor(w, true);
    exchange_forget(w->waiting[0]);
    assert_int_equal(exchange_head(w->waiting[0])->authority.bytes, 0);
    assert_true(exchange_is_authoritative(w->waiting[0]));
    promise(w);
    exchange_respond(w->waiting[1], 200, NULL, 0, blob_copy(TEXT("pushed")));
    w->waiting_count--;
    wire_write(w->waiting[0], 'a', 3);
    s = frames_hear_until(w, fd, PING, 1);
    assert_non_null(strstr(s.order, "H1 u1 p0 "));
    assert_int_equal(s.promised, 2);
    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    inflate(inflater, s.blocks[0].at, s.blocks[0].bytes, fields);
    inflate(inflater, s.blocks[1].at, s.blocks[1].bytes, fields);
    assert_string_equal(fields,
                        ":method: GET\n:scheme: http\n:authority: localhost\n:path: /v1/events?after=3.4\n");
    nghttp2_hd_inflate_del(inflater);
    frames_send(fd, PING, ACK, 0, "\0\0\0\2pull", 8); /* not ours */
    s = frames_hear(w, fd, 100, 0);
    assert_int_equal(s.stream_bytes[2] + s.frames[HEADERS], 0);
    frames_send(fd, PING, ACK, 0, "\0\0\0\2push", 8);
    s = frames_hear(w, fd, 3000, 1);
    assert_non_null(strstr(s.order, "H2 D2 "));
    assert_string_equal(s.bodies[2], "pushed");
    assert_true(s.stream_ended[2]);
    assert_int_equal(wire_stats(w).exchanges, 1);
    assert_int_equal(w->gone_count, 0);
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
}

/* Acknowledged long before there is an answer, and longer than any request may take. */
static void test_answered_later(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(200);
    struct frames_said s;
    int fd;

    d.unauthenticated = 60000;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = open_anchor(w, true);
    promise(w);
    s = frames_hear_until(w, fd, PING, 1);
    frames_send(fd, PING, ACK, 0, s.ping, 8);
    wire_run(w, 600);
    assert_int_equal(w->gone_count, 0);
    exchange_respond(w->waiting[1], 200, NULL, 0, blob_copy(TEXT("pushed")));
    w->waiting_count--;
    s = frames_hear(w, fd, 3000, 1);
    assert_string_equal(s.bodies[2], "pushed");
    promise(w); /* and the next */
    s = frames_hear_until(w, fd, PING, 1);
    assert_int_equal(s.promised, 4);
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 2);
}

static void test_never_acknowledged(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    struct frames_said s;
    int fd;

    d.push_ack = 100;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = open_anchor(w, true);
    promise(w);
    s = frames_hear_until(w, fd, RST, 1);
    assert_int_equal(s.reset_stream, 2);
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_int_equal(w->waiting_count, 1); /* the anchor stays */
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 2);
}

static void test_refused(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    struct exchange *promised;
    int fd;

    wire_listen(w);
    fd = open_anchor(w, true);
    promised = promise(w);
    s = frames_hear_until(w, fd, PING, 1);
    frames_send(fd, RST, 0, 2, "\0\0\0\x07", 4);
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_ptr_equal(w->last_gone, promised);
    promise(w); /* whose answer waits, when it is refused */
    s = frames_hear_until(w, fd, PING, 1);
    exchange_respond(w->waiting[1], 200, NULL, 0, blob_copy(TEXT("pushed")));
    w->waiting_count--;
    frames_send(fd, RST, 0, 4, "\0\0\0\x08", 4);
    frames_send(fd, PING, ACK, 0, s.ping, 8);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 1);
    assert_int_equal(w->gone_count, 1);
    assert_int_equal(exchange_unsent(w->waiting[0]), 0);
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 2);
}

static void test_not_taken(void **state)
{
    struct wire *w = *state;
    int fd, h1;

    wire_listen(w);
    fd = open_anchor(w, false);
    assert_false(exchange_can_push(w->waiting[0]));
    assert_null(promise(w));
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
    h1 = wire_connect(w);
    wire_send(h1, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    WIRE_UNTIL(w, w->waiting_count == 1);
    assert_false(exchange_can_push(w->waiting[0]));
    assert_null(promise(w));
    close(h1);
    WIRE_UNTIL(w, w->gone_count == 2);
}

/* The client changes its mind while a connection lives. */
static void test_disabled_later(void **state)
{
    struct wire *w = *state;
    int fd;

    wire_listen(w);
    fd = open_anchor(w, true);
    assert_true(exchange_can_push(w->waiting[0]));
    frames_send(fd, SETTINGS, 0, 0, "\0\2\0\0\0\0", 6);
    WIRE_UNTIL(w, !exchange_can_push(w->waiting[0]));
    assert_null(promise(w));
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
}

static void test_bounded(void **state)
{
    struct wire *w = *state;
    int fd;

    wire_listen(w);
    fd = open_anchor(w, true);
    for (unsigned i = 0; i < LIMIT_PROMISES; i++)
        assert_non_null(promise(w));
    assert_null(promise(w));
    frames_hear_until(w, fd, PUSH, LIMIT_PROMISES);
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1 + LIMIT_PROMISES);
    assert_int_equal(wire_stats(w).exchanges, 0);
}

/* What was promised on it goes with it, unless it is answered. */
static void test_anchor_ends(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = open_anchor(w, true);
    promise(w);
    promise(w);
    s = frames_hear_until(w, fd, PING, 2);
    exchange_respond(w->waiting[2], 200, NULL, 0, blob_copy(TEXT("pushed")));
    w->waiting_count--;
    frames_send(fd, RST, 0, 1, "\0\0\0\x08", 4);
    WIRE_UNTIL(w, w->gone_count == 2); /* the anchor, and the one that was not answered */
    s = frames_hear_until(w, fd, RST, 1);
    assert_int_equal(s.reset_stream, 2);
    frames_send(fd, PING, ACK, 0, "\0\0\0\4push", 8);
    s = frames_hear(w, fd, 3000, 1);
    assert_string_equal(s.bodies[4], "pushed");
    assert_int_equal(wire_stats(w).exchanges, 0);
    /* our end of it: the handler lets go of both */
    frames_request(fd, 3, false, "/stream", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 1);
    promise(w);
    frames_hear_until(w, fd, PING, 1);
    exchange_on_gone(w->waiting[1], NULL, NULL);
    exchange_abort(w->waiting[1]);
    w->waiting_count--;
    exchange_finish(wire_take(w));
    s = frames_hear(w, fd, 3000, 1);
    assert_true(s.stream_ended[3]);
    WIRE_UNTIL(w, wire_stats(w).exchanges == 0);
    assert_int_equal(w->gone_count, 2);
    close(fd);
}

/* A promise and its end in one turn, before anything was said. */
static void test_never_said(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = open_anchor(w, true);
    promise(w);
    exchange_abort(w->waiting[1]);
    w->waiting_count--;
    s = frames_hear_until(w, fd, HEADERS, 1);
    assert_int_equal(s.frames[PUSH] + s.frames[RST], 0);
    assert_int_equal(wire_stats(w).exchanges, 1);
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
}

/* The anchor's writer sees what its client has not taken of the answers, and is told when there is room. */
static void test_unsent(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    struct blob *big = blob_new(LIMIT_UNSENT_BYTES);
    int fd;

    memset(big->at, 'b', big->bytes);
    wire_listen(w);
    fd = open_anchor(w, true);
    promise(w);
    s = frames_hear_until(w, fd, PING, 1);
    exchange_respond(w->waiting[1], 200, NULL, 0, big);
    w->waiting_count--;
    wire_run(w, 30);
    assert_int_equal(exchange_unsent(w->waiting[0]), LIMIT_UNSENT_BYTES);
    assert_int_equal(w->room_count, 0);
    frames_send(fd, PING, ACK, 0, s.ping, 8);
    WIRE_UNTIL(w, w->room_count == 1);
    assert_true(exchange_unsent(w->waiting[0]) <= 1); /* the window is 65535 */
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_int_equal(wire_stats(w).unsent_bytes, 0);
}

/* An answer that one flush sends whole was too much all the same, when it was written. */
static void test_room_after_one_flush(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    struct blob *big = blob_new(LIMIT_UNSENT_BYTES - 1000);
    int fd;

    memset(big->at, 'b', big->bytes);
    wire_listen(w);
    fd = open_anchor(w, true);
    promise(w);
    s = frames_hear_until(w, fd, PING, 1);
    frames_send(fd, PING, ACK, 0, s.ping, 8);
    wire_run(w, 30);
    exchange_respond(w->waiting[1], 200, NULL, 0, big);
    w->waiting_count--;
    assert_true(exchange_unsent(w->waiting[0]) > LIMIT_UNSENT_BYTES / 2);
    s = frames_hear(w, fd, 3000, 1);
    assert_int_equal(s.stream_bytes[2], LIMIT_UNSENT_BYTES - 1000);
    assert_int_equal(w->room_count, 1);
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
}

static void test_authority(void **state)
{
    static const struct {
        const char *host;
        bool is_ours;
    } hosts[] = { { "localhost", true }, { "LOCALHOST:8080", true }, { "127.0.0.1:80", true },
                  { "127.9.9.9", true }, { "[::1]:80", true },       { "example.org", false },
                  { "10.1.2.3", false }, { "[2001:db8::1]", false }, { "localhost.example.org", false },
                  { "", false } };
    struct wire *w = *state;

    wire_listen(w);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        char request[128];
        int fd = wire_connect(w);

        snprintf(request, sizeof(request), "GET /wait HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i].host);
        wire_send(fd, request);
        WIRE_UNTIL(w, w->waiting_count == 1);
        assert_int_equal(exchange_is_authoritative(w->waiting[0]), hosts[i].is_ours);
        wire_answer(w);
        wire_run(w, 1);
        close(fd);
    }
}

int main(void)
{
#define WIRED(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)
    const struct CMUnitTest tests[] = {
        WIRED(test_order),
        WIRED(test_answered_later),
        WIRED(test_never_acknowledged),
        WIRED(test_refused),
        WIRED(test_not_taken),
        WIRED(test_disabled_later),
        WIRED(test_bounded),
        WIRED(test_anchor_ends),
        WIRED(test_never_said),
        WIRED(test_unsent),
        WIRED(test_room_after_one_flush),
        WIRED(test_authority),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
