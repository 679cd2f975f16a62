/* lib/feed.h - one way to receive, held open: events come from a cursor on until it ends */
#pragma once
#include "lib/http.h"
#include "posthorn_types.h"

enum {
    FEED_FIRST_MS = 10 * 1000,      /* a way that works says something by then, once it is connected */
    FEED_CONNECT_MS = 30 * 1000,    /* name, proxy, TCP and TLS, each with a deadline of its own */
    FEED_MUTE_MS = 35 * 1000,       /* two heartbeats and a bit */
    FEED_GRACE_MS = 15 * 1000,      /* a poll may be this much later than its hold */
    FEED_POLL_MS = 2 * 1000, FEED_POLL_QUIET_MS = 5 * 1000, FEED_POLL_QUIET = 10,
    FEED_PUSHES_MOST = 4096,    /* that have come or are promised, and were not told yet */
};

enum feed_way { FEED_WS, FEED_SSE, FEED_PUSH, FEED_LONGPOLL, FEED_POLL };
enum feed_http { FEED_HTTP_ANY, FEED_HTTP_1, FEED_HTTP_2 };

enum feed_end {
    FEED_OPEN,
    FEED_MOVED,      /* 1012, bye, GOAWAY, 1001/replaced: go elsewhere at retry_ms; not an error */
    FEED_REFUSED,    /* the server answered with a problem (status, code): e.g. 401, 410, 406, 421, 501 */
    FEED_BROKEN,     /* connection lost, or never made, or the proxy refused (problem.detail says it) */
    FEED_MUTE,       /* no byte for longer than its heartbeat allows */
    FEED_GARBLED,    /* what came is not what the way promises (captive portal, Upgrade stripped, buffered) */
};

struct feed {
    enum feed_end end;
    struct posthorn_problem problem;
    uint32_t retry_ms;
};

struct feed_events {    /* called from http_step() and feed_step(); the feed may not be closed in them */
    /* {"events":[..],"cursor":".."}, owned by the callee; empty for the opening frame */
    void (*batch)(void *context, struct feed *f, struct posthorn_answer *a);
    /* {"t":"head",...}, owned by the callee; those of a poll's answer come before its batch */
    void (*signal)(void *context, struct feed *f, struct posthorn_answer *a);
    void (*ended)(void *context, struct feed *f); /* once; f->end, f->problem, f->retry_ms */
};

/* Begins at cursor ("now": at the head). hold_s: how long a long poll waits. h, e are borrowed, strings
 * copied. It is told by feed_step() or http_step() if it could not begin. */
struct feed *feed_open(struct http *h, enum feed_way way, const char *cursor, const char *token,
                       uint32_t hold_s, const struct feed_events *e, void *context);
/* Something proved that it works: the first byte of the way's own came. */
bool feed_is_live(const struct feed *f);
/* Everything up to the cursor was taken: said to the server over WebSocket; nothing elsewhere. */
void feed_ack(struct feed *f, const char *cursor);
/* The watch on mute ways, and the next poll. */
void feed_step(struct feed *f, uint64_t now_ms);
uint64_t feed_due_ms(const struct feed *f);
/* Ends it without ended(). */
void feed_close(struct feed **f);
