/* unit/client/stage.h - a feed and a peer that says what the test wants, in one thread over loopback */
#pragma once
#include "lib/clock.h"
#include "lib/feed.h"
#include "lib/wire.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20 * 1000 };

/* A client and the peer that it talks to, in one thread. */
struct stage {
    int listener, fd; /* of the peer; fd -1: nobody is connected */
    unsigned accepted;
    struct buf got; /* by the peer */
    struct url url;
    struct nodes nodes;
    struct proxy proxy;
    struct http *http;
    struct feed *feed;
    unsigned ended;
    struct buf log; /* "batch {...}" and "signal {...}" lines */
};

static inline void batch(void *context, struct feed *f, struct posthorn_answer *a)
{
    struct stage *s = context;
    assert_ptr_equal(f, s->feed);
    assert_int_equal(s->ended, 0); /* nothing comes after the end */
    buf_format(&s->log, "batch %s\n", wire_json(a));
    wire_free(&a);
}

static inline void heard_signal(void *context, struct feed *f, struct posthorn_answer *a)
{
    struct stage *s = context;
    assert_ptr_equal(f, s->feed);
    assert_int_equal(s->ended, 0);
    buf_format(&s->log, "signal %s\n", wire_json(a));
    wire_free(&a);
}

static inline void ended(void *context, struct feed *f)
{
    struct stage *s = context;
    assert_ptr_equal(f, s->feed);
    s->ended++;
}

/* proxy: what stands before the address of the peer, which is one; NULL: it is the server. */
static inline struct stage *stage_new(const char *proxy)
{
    struct stage *s = buf_zeroed(1, sizeof *s);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof at;
    char text[64], why[200];
    s->fd = -1;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &bytes), 0);
    snprintf(text, sizeof text, "%s127.0.0.1:%u", proxy ? proxy : "http://", ntohs(at.sin_port));
    if (proxy) {
        assert_true(proxy_read(&s->proxy, text, why, sizeof why));
        snprintf(text, sizeof text, "http://chat.example");
    }
    assert_true(url_read(&s->url, text));
    nodes_init(&s->nodes, &s->url);
    s->http = http_new(&s->nodes, &s->proxy, NULL, CONN_H1, false);
    buf_add(&s->log, "", 0);
    buf_add(&s->got, "", 0);
    return s;
}

static inline void stage_free(struct stage *s)
{
    if (s->feed)
        feed_close(&s->feed);
    http_free(&s->http);
    if (s->fd >= 0)
        close(s->fd);
    close(s->listener);
    buf_fini(&s->got);
    buf_fini(&s->log);
    free(s);
}

static inline void peer_step(struct stage *s)
{
    char part[4096];
    ssize_t count;
    if (s->fd < 0) {
        s->fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        s->accepted += s->fd >= 0;
    }
    while (s->fd >= 0 && (count = recv(s->fd, part, sizeof part, 0)) >= 0) {
        if (count == 0) {
            close(s->fd);
            s->fd = -1;
            return;
        }
        buf_add(&s->got, part, (size_t)count);
    }
}

static inline void turn(struct stage *s)
{
    struct pollfd fds[6];
    size_t count = http_fds(s->http, fds, 4);
    fds[count++] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
    if (s->fd >= 0)
        fds[count++] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
    poll(fds, count, 5);
    peer_step(s);
    if (s->feed && !s->ended)
        feed_step(s->feed, clock_ms());
    http_step(s->http, clock_ms());
}

/* Turns until the condition holds; it must, in the end. */
#define AWAIT(s, condition)                                                                                  \
    do {                                                                                                     \
        uint64_t until_ = clock_ms() + PATIENCE_MS;                                                          \
        while (!(condition) && clock_ms() < until_)                                                          \
            turn(s);                                                                                         \
        assert_true(condition);                                                                              \
    } while (0)

static inline void say_bytes(struct stage *s, const char *bytes, size_t count)
{
    assert_true(s->fd >= 0);
    while (count) {
        ssize_t sent = send(s->fd, bytes, count, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            count -= (size_t)sent;
        }
        turn(s);
    }
}

static inline void say(struct stage *s, const char *text)
{
    say_bytes(s, text, strlen(text));
}

/* Opens a feed and waits for the head of its request. */
static inline void open_feed(struct stage *s, enum feed_way way)
{
    static const struct feed_events events = { batch, heard_signal, ended };
    s->feed = feed_open(s->http, way, "3.6", "secret", 20, &events, s);
    AWAIT(s, s->ended || strstr(s->got.at, "\r\n\r\n"));
}

static inline void ends_as(struct stage *s, enum feed_end end, const char *detail)
{
    AWAIT(s, s->ended);
    assert_int_equal(s->feed->end, end);
    if (!strstr(s->feed->problem.detail, detail))
        fail_msg("\"%s\" is not in \"%s\"", detail, s->feed->problem.detail);
    for (int n = 0; n < 3; n++) /* it is said once */
        turn(s);
    assert_int_equal(s->ended, 1);
}

#define SSE_HEAD                                                                                             \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: "               \
    "chunked\r\n\r\n"

/* One chunk of a body. */
static inline void chunk(struct stage *s, const char *text)
{
    struct buf b = { 0 };
    buf_format(&b, "%zx\r\n%s\r\n", strlen(text), text);
    say_bytes(s, b.at, b.bytes);
    buf_fini(&b);
}
