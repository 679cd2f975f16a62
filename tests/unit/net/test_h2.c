/* unit/net/test_h2.c - HTTP/2 on real sockets, frame by frame: streams, hang-ups, deadlines, drain */
#include "wire.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, KINDS };
enum { END_STREAM = 1, END_HEADERS = 4 };

/* What the server said. */
struct said {
    unsigned frames[KINDS];
    size_t data_bytes;
    unsigned ends; /* frames with END_STREAM */
    uint32_t last_reset, goaway_code, goaway_last[4], goaways;
    bool closed;
    char body[4096];
};

static void send_frame(int fd, unsigned kind, unsigned flags, uint32_t stream, const void *payload,
                       size_t bytes)
{
    unsigned char head[9] = { (unsigned char)(bytes >> 16),  (unsigned char)(bytes >> 8),
                              (unsigned char)bytes,          (unsigned char)kind,
                              (unsigned char)flags,          (unsigned char)(stream >> 24),
                              (unsigned char)(stream >> 16), (unsigned char)(stream >> 8),
                              (unsigned char)stream };

    assert_int_equal(send(fd, head, sizeof(head), MSG_NOSIGNAL), (ssize_t)sizeof(head));
    if (bytes)
        assert_int_equal(send(fd, payload, bytes, MSG_NOSIGNAL), (ssize_t)bytes);
}

/* window_bytes: what the client lets a stream have. */
static int h2_connect(struct wire *w, uint32_t window_bytes)
{
    const unsigned char entry[6] = { 0,
                                     4,
                                     (unsigned char)(window_bytes >> 24),
                                     (unsigned char)(window_bytes >> 16),
                                     (unsigned char)(window_bytes >> 8),
                                     (unsigned char)window_bytes };
    int fd = wire_connect(w);

    wire_send(fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    send_frame(fd, SETTINGS, 0, 0, entry, sizeof(entry));
    return fd;
}

/* :method GET or POST, :scheme http, :path, :authority a, without Huffman or indexing of our own. */
static void request(int fd, uint32_t stream, bool is_post, const char *path, unsigned flags)
{
    unsigned char block[128] = { is_post ? 0x83 : 0x82, 0x86, 0x01, 0x01, 'a', 0x04 };
    size_t path_bytes = strlen(path);

    block[6] = (unsigned char)path_bytes;
    memcpy(block + 7, path, path_bytes);
    send_frame(fd, HEADERS, END_HEADERS | flags, stream, block, 7 + path_bytes);
}

static uint32_t u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void take(struct said *s, unsigned kind, unsigned flags, const unsigned char *p, size_t bytes)
{
    if (kind < KINDS)
        s->frames[kind]++;
    if (kind == DATA) {
        if (s->data_bytes + bytes < sizeof(s->body))
            memcpy(s->body + s->data_bytes, p, bytes);
        s->data_bytes += bytes;
    }
    if ((kind == DATA || kind == HEADERS) && (flags & END_STREAM))
        s->ends++;
    if (kind == RST)
        s->last_reset = u32(p);
    if (kind == GOAWAY) {
        s->goaway_code = u32(p + 4);
        s->goaway_last[s->goaways++ % 4] = u32(p);
    }
}

/* Turns for at most ms, or until ends streams ended. */
static struct said hear(struct wire *w, int fd, unsigned ms, unsigned ends)
{
    static unsigned char inbox[256 * 1024];
    struct said s = { 0 };
    size_t have = 0, at = 0;

    for (unsigned i = 0; i * 5 < ms && !s.closed && !(ends && s.ends >= ends); i++) {
        ssize_t r;

        wire_run(w, 1);
        while ((r = recv(fd, inbox + have, sizeof(inbox) - have, 0)) > 0)
            have += (size_t)r;
        s.closed = r == 0 || errno != EAGAIN;
        while (have - at >= 9) {
            size_t bytes = (size_t)inbox[at] << 16 | (size_t)inbox[at + 1] << 8 | inbox[at + 2];

            if (have - at < 9 + bytes)
                break;
            take(&s, inbox[at + 3], inbox[at + 4], inbox + at + 9, bytes);
            at += 9 + bytes;
        }
    }
    return s;
}

static void test_request(void **state)
{
    struct wire *w = *state;
    struct said s;
    int fd;

    wire_listen(w);
    fd = h2_connect(w, 65535);
    request(fd, 1, false, "/now", END_STREAM);
    s = hear(w, fd, 1000, 1);
    assert_int_equal(s.frames[HEADERS], 1);
    assert_string_equal(s.body, "{}");
    request(fd, 3, true, "/echo", 0);
    send_frame(fd, DATA, 0, 3, "hel", 3);
    wire_run(w, 20);
    assert_int_equal(w->handled_count, 1); /* not before it is whole */
    send_frame(fd, DATA, END_STREAM, 3, "lo", 2);
    s = hear(w, fd, 1000, 1);
    assert_string_equal(s.body, "hello");
    assert_int_equal(wire_stats(w).requests_h2, 2);
    assert_int_equal(wire_stats(w).exchanges, 0);
    close(fd);
}

/* Answers come in the order of the handler, not of the streams; each ends with DATA. */
static void test_streams(void **state)
{
    struct wire *w = *state;
    struct said s;
    int fd;

    wire_listen(w);
    fd = h2_connect(w, 65535);
    for (uint32_t i = 0; i < 5; i++)
        request(fd, 1 + 2 * i, false, i < 3 ? "/wait" : "/now", END_STREAM);
    s = hear(w, fd, 1000, 2);
    assert_int_equal(s.ends, 2);
    assert_int_equal(w->waiting_count, 3);
    while (w->waiting_count)
        wire_answer(w);
    s = hear(w, fd, 1000, 3);
    assert_int_equal(s.ends, 3);
    assert_int_equal(s.frames[HEADERS], 3);
    assert_int_equal(s.frames[DATA], 3);
    close(fd);
}

static void test_reset_by_client(void **state)
{
    struct wire *w = *state;
    struct said s;
    int fd;

    wire_listen(w);
    fd = h2_connect(w, 65535);
    request(fd, 1, false, "/wait", END_STREAM);
    request(fd, 3, false, "/orphan", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 2);
    send_frame(fd, RST, 0, 1, "\0\0\0\x08", 4);
    send_frame(fd, RST, 0, 3, "\0\0\0\x08", 4);
    WIRE_UNTIL(w, w->gone_count == 1);
    assert_int_equal(wire_stats(w).exchanges, 1);
    wire_answer(w); /* into nothing */
    request(fd, 5, false, "/now", END_STREAM);
    s = hear(w, fd, 1000, 1);
    assert_int_equal(s.frames[HEADERS], 1);
    assert_int_equal(wire_stats(w).exchanges, 0);
    close(fd);
}

static void test_connection_lost(void **state)
{
    struct wire *w = *state;
    int fd;

    wire_listen(w);
    fd = h2_connect(w, 65535);
    for (uint32_t i = 0; i < 6; i++)
        request(fd, 1 + 2 * i, i >= 4, "/wait", i < 4 ? END_STREAM : 0);
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
    struct said s;
    int fd;

    d.request = 100;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = h2_connect(w, 65535);
    request(fd, 1, false, "/wait", END_STREAM);
    s = hear(w, fd, 2000, 1);
    assert_non_null(strstr(s.body, "\"code\":\"timeout\""));
    assert_int_equal(w->gone_count, 1);
    request(fd, 3, false, "/now", END_STREAM);
    assert_int_equal(hear(w, fd, 1000, 1).ends, 1);
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
    fd = h2_connect(w, 65535);
    request(fd, 1, true, "/echo", 0);
    assert_non_null(strstr(hear(w, fd, 2000, 1).body, "\"code\":\"request_timeout\""));
    assert_int_equal(w->handled_count, 0);
    close(fd);
}

static void test_header_block_deadline(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    struct said s;
    int fd;

    d.head = 100;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = h2_connect(w, 65535);
    send_frame(fd, HEADERS, END_STREAM, 1, "\x82\x86", 2);
    s = hear(w, fd, 2000, 0);
    assert_true(s.closed && s.goaways == 1);
    close(fd);
}

/* A window that never opens holds its stream, not the connection; then it is reset. */
static void test_closed_window(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    struct said s;
    int fd;

    d.write_stall = 150;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = h2_connect(w, 10);
    request(fd, 1, false, "/big", END_STREAM);
    s = hear(w, fd, 50, 0);
    assert_int_equal(s.data_bytes, 10);
    s = hear(w, fd, 600, 0);
    assert_int_equal(s.frames[RST], 1);
    assert_int_equal(s.last_reset, 8);
    assert_int_equal(wire_stats(w).exchanges, 0);
    request(fd, 3, false, "/now", END_STREAM);
    assert_string_equal(hear(w, fd, 1000, 1).body, "{}");
    close(fd);
}

/* Two steps: "no new ones, please" with the highest id, then what was really taken; answers still come. */
static void test_drain(void **state)
{
    struct wire *w = *state;
    struct said s;
    int fd;

    wire_listen(w);
    fd = h2_connect(w, 65535);
    request(fd, 1, false, "/wait", END_STREAM);
    WIRE_UNTIL(w, w->waiting_count == 1);
    net_drain(w->net);
    request(fd, 3, false, "/now", END_STREAM); /* crossed with the first GOAWAY: is still served */
    s = hear(w, fd, 1000, 1);
    assert_int_equal(s.goaway_last[0], 0x7fffffff);
    assert_int_equal(s.goaway_code, 0);
    assert_int_equal(s.ends, 1);
    s = hear(w, fd, 1400, 0);
    assert_int_equal(s.goaways, 1);
    assert_int_equal(s.goaway_last[0], 3);
    assert_false(s.closed);
    assert_int_equal(w->gone_count, 0);
    wire_answer(w);
    s = hear(w, fd, 1000, 0);
    assert_int_equal(s.ends, 1);
    assert_true(s.closed);
    close(fd);
}

static void test_idle(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    struct said s;
    int fd;

    d.idle = 150;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = h2_connect(w, 65535);
    request(fd, 1, false, "/wait", END_STREAM);
    s = hear(w, fd, 300, 0);
    assert_false(s.closed); /* who waits is not idle */
    wire_answer(w);
    s = hear(w, fd, 2000, 0);
    assert_true(s.closed && s.goaways == 1 && s.goaway_code == 0);
    close(fd);
}

/* A client that asks for much and does not read: what is unsent stays below the cap. */
static void test_unread_answers_are_bounded(void **state)
{
    struct wire *w = *state;
    int fd, small = 4096;

    wire_listen(w);
    fd = h2_connect(w, 0x7fffffff);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    send_frame(fd, WINDOW, 0, 0, "\x7f\xff\0\0", 4);
    for (uint32_t i = 0; i < 20; i++) /* far more than the kernel takes */
        request(fd, 1 + 2 * i, false, "/big", END_STREAM);
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
