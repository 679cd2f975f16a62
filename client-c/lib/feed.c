/* lib/feed.c - one way to receive, held open: events come from a cursor on until it ends */
#include "lib/feed.h"
#include "lib/clock.h"
#include "lib/wire.h"
#include <string.h>

/* For the time being: polls. */

struct open {
    struct feed feed;
    struct http *http;
    enum feed_way way;
    char cursor[64];
    char *token;
    uint32_t hold_s;
    const struct feed_events *on;
    void *context;
    struct exchange *request;
    uint64_t at_ms;
    bool is_live;
};

static struct open *of(const struct feed *f)
{
    return (struct open *)(uintptr_t)f;
}

static void end(struct open *o, enum feed_end how)
{
    o->feed.end = how;
    o->on->ended(o->context, &o->feed);
}

static void done(void *context, struct exchange *x)
{
    struct open *o = context;
    o->request = NULL;
    if (x->end != EXCHANGE_ANSWERED) {
        end(o, FEED_BROKEN);
        return;
    }
    struct posthorn_answer *a = wire_parse(x->response.body.at, x->response.body.bytes);
    const char *cursor = a ? wire_string(a, "cursor") : NULL;
    if (x->response.status == 200 && cursor && strlen(cursor) < sizeof o->cursor) {
        o->is_live = true;
        o->at_ms = clock_ms() + wire_number(a, "retry_ms") + (o->way == FEED_POLL ? 2000 : 0);
        strcpy(o->cursor, cursor);
        o->on->batch(o->context, &o->feed, a);
        return;
    }
    o->feed.problem.http_status = x->response.status;
    const char *code = a ? wire_string(a, "code") : NULL, *detail = a ? wire_string(a, "detail") : NULL;
    snprintf(o->feed.problem.code, sizeof o->feed.problem.code, "%s", code ? code : "bad_answer");
    snprintf(o->feed.problem.detail, sizeof o->feed.problem.detail, "%s", detail ? detail : "");
    o->feed.retry_ms = a ? (uint32_t)wire_number(a, "retry_ms") : 0;
    wire_free(&a);
    end(o, x->response.status >= 400 ? FEED_REFUSED : FEED_GARBLED);
}

struct feed *feed_open(struct http *h, enum feed_way way, const char *cursor, const char *token,
                       uint32_t hold_s, const struct feed_events *e, void *context)
{
    struct open *o = buf_zeroed(1, sizeof *o);
    o->http = h;
    o->way = way;
    o->token = buf_copy(token);
    o->hold_s = hold_s;
    o->on = e;
    o->context = context;
    snprintf(o->cursor, sizeof o->cursor, "%s", cursor);
    return &o->feed;
}

bool feed_is_live(const struct feed *f)
{
    return of(f)->is_live;
}

void feed_ack(struct feed *f, const char *cursor)
{
    (void)f, (void)cursor;
}

void feed_step(struct feed *f, uint64_t now_ms)
{
    struct open *o = of(f);
    if (o->feed.end != FEED_OPEN || o->request || now_ms < o->at_ms)
        return;
    if (o->way != FEED_LONGPOLL && o->way != FEED_POLL) {
        end(o, FEED_GARBLED);
        return;
    }
    struct buf path = { 0 };
    buf_format(&path, "/v1/events?after=%s&wait=%u", o->cursor,
               o->way == FEED_POLL ? 0
               : o->is_live        ? o->hold_s
                                   : 1);
    struct exchange *x = exchange_new("GET", path.at, o->token, NULL);
    buf_fini(&path);
    x->done = done;
    x->context = o;
    if (http_start(o->http, x, now_ms + 15000 + (uint64_t)o->hold_s * 1000)) {
        o->request = x;
        return;
    }
    exchange_free(&x);
    end(o, FEED_BROKEN);
}

uint64_t feed_due_ms(const struct feed *f)
{
    const struct open *o = of(f);
    return o->feed.end != FEED_OPEN || o->request ? UINT64_MAX : o->at_ms;
}

void feed_close(struct feed **f)
{
    struct open *o = of(*f);
    if (o->request)
        http_cancel(o->http, o->request);
    free(o->token);
    free(o);
    *f = NULL;
}
