/* lib/feed.h - one way to receive, held open: events come from a cursor on until it ends */
#pragma once
#include "lib/http.h"
#include "posthorn_types.h"

enum feed_way { FEED_WS, FEED_SSE, FEED_PUSH, FEED_LONGPOLL, FEED_POLL };
enum feed_http { FEED_HTTP_ANY, FEED_HTTP_1, FEED_HTTP_2 };

enum feed_end {
    FEED_OPEN,
    FEED_MOVED,      /* 1012, bye, GOAWAY, 1001/replaced: go elsewhere at retry_ms; not an error */
    FEED_REFUSED,    /* the server answered with a problem (status, code): e.g. 401, 410, 406, 421, 501 */
    FEED_BROKEN,     /* connection lost, or never made, or the proxy refused (why says it) */
    FEED_MUTE,       /* no byte for longer than its heartbeat allows */
    FEED_GARBLED,    /* what came is not what the way promises (captive portal, Upgrade stripped, buffered) */
};

struct feed {
    enum feed_end end;
    struct posthorn_problem problem;
    uint32_t retry_ms;
};

struct feed_events {
    /* From http_step() only. a is the callee's; of the opening frame the events are empty. */
    void (*batch)(void *context, struct feed *f, struct posthorn_answer *a);
    void (*signal)(void *context, struct feed *f, struct posthorn_answer *a);
    void (*ended)(void *context, struct feed *f); /* once; f->end, f->problem, f->retry_ms */
};

struct feed *feed_open(struct http *h, enum feed_way way, const char *cursor, const char *token,
                       uint32_t hold_s, const struct feed_events *e, void *context);
/* Something proved that it works. */
bool feed_is_live(const struct feed *f);
/* Everything up to the cursor was taken. */
void feed_ack(struct feed *f, const char *cursor);
void feed_step(struct feed *f, uint64_t now_ms);
uint64_t feed_due_ms(const struct feed *f);
/* Ends it without ended(). */
void feed_close(struct feed **f);

/* "direct", or which proxy is in between. */
const char *http_path(const struct http *h);
bool http_overrides_method(const struct http *h);
void http_override_methods(struct http *h, bool on);
