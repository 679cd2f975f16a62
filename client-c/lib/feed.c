/* lib/feed.c - one way to receive, held open: its beginning, its watch, its ends */
#include "lib/clock.h"
#include "lib/feed_inner.h"
#include <string.h>

static struct feed_inner *inner(struct feed *f)
{
    return (struct feed_inner *)f;
}

static bool is_poll(const struct feed_inner *f)
{
    return f->way == FEED_LONGPOLL || f->way == FEED_POLL;
}

struct feed *feed_open(struct http *h, enum feed_way way, const char *cursor, const char *token,
                       uint32_t hold_s, const struct feed_events *e, void *context)
{
    struct feed_inner *f = buf_zeroed(1, sizeof *f);
    f->http = h;
    f->way = way;
    f->cursor = buf_copy(cursor);
    f->token = buf_copy(token);
    f->hold_s = hold_s;
    f->on = e;
    f->context = context;
    f->opened_ms = f->heard_ms = clock_ms();
    if (!is_poll(f))
        feed_stream_begin(f);
    return &f->feed;
}

bool feed_is_live(const struct feed *f)
{
    return ((const struct feed_inner *)f)->is_live;
}

void feed_ack(struct feed *at, const char *cursor)
{
    struct feed_inner *f = inner(at);
    if (f->way != FEED_WS || !f->is_live || f->is_over || !f->request)
        return;
    struct buf text = { 0 };
    buf_format(&text, "{\"ack\":\"%s\"}", cursor);
    websocket_write(&f->request->out, WEBSOCKET_TEXT, text.at, text.bytes);
    buf_fini(&text);
}

/* When silence has lasted too long. */
static uint64_t mute_due_ms(const struct feed_inner *f)
{
    if (f->is_over || (is_poll(f) && f->is_live))
        return UINT64_MAX; /* polls have deadlines of their own */
    if (f->is_live)
        return f->heard_ms + FEED_MUTE_MS;
    /* While there is no connection its own deadlines tell more. */
    uint64_t wait_ms = *http_version(f->http) ? FEED_FIRST_MS : FEED_CONNECT_MS;
    return f->opened_ms + wait_ms;
}

void feed_step(struct feed *at, uint64_t now_ms)
{
    struct feed_inner *f = inner(at);
    if (f->is_over)
        return;
    if (is_poll(f))
        feed_poll_step(f, now_ms);
    else if (!f->request)
        feed_inner_end(f, FEED_BROKEN, "too many requests wait already");
    if (now_ms >= mute_due_ms(f))
        feed_inner_end(f, FEED_MUTE,
                       f->is_live ? "not a byte for 35 s, although there is a heartbeat every 15 s"
                                  : "answers are held back: 10 s without a byte");
}

uint64_t feed_due_ms(const struct feed *at)
{
    const struct feed_inner *f = (const struct feed_inner *)at;
    uint64_t due = mute_due_ms(f);
    if (!f->is_over && !f->request && f->due_ms < due)
        due = f->due_ms;
    return due;
}

void feed_close(struct feed **at)
{
    struct feed_inner *f = inner(*at);
    for (unsigned n = 0; n < f->pushed_room; n++)
        if (f->pushed[n])
            http_cancel(f->http, f->pushed[n]);
    free(f->pushed);
    if (f->request)
        http_cancel(f->http, f->request);
    websocket_fini(&f->ws);
    sse_fini(&f->sse);
    buf_fini(&f->line);
    buf_fini(&f->batch);
    free(f->cursor);
    explicit_bzero(f->token, strlen(f->token));
    free(f->token);
    free(f);
    *at = NULL;
}

void feed_inner_end(struct feed_inner *f, enum feed_end end, const char *detail)
{
    struct posthorn_problem *why = &f->feed.problem;
    if (f->is_over)
        return;
    f->is_over = true;
    f->feed.end = end;
    if (detail)
        snprintf(why->detail, sizeof why->detail, "%s", detail);
    f->on->ended(f->context, &f->feed);
}

void feed_inner_refused(struct feed_inner *f, const struct exchange *x)
{
    const struct response *r = &x->response;
    struct posthorn_problem *why = &f->feed.problem;
    struct posthorn_answer *a = r->body.bytes ? wire_parse(r->body.at, r->body.bytes) : NULL;
    const char *code = a ? wire_string(a, "code") : NULL, *detail = a ? wire_string(a, "detail") : NULL;
    why->http_status = r->status;
    snprintf(why->code, sizeof why->code, "%s", code ? code : "bad_answer");
    snprintf(why->field, sizeof why->field, "%s",
             a && wire_string(a, "field") ? wire_string(a, "field") : "");
    if (code && detail)
        snprintf(why->detail, sizeof why->detail, "the server refused it: %s", detail);
    else
        snprintf(why->detail, sizeof why->detail, "%s answered %d",
                 code ? "the server" : "something on the way", r->status);
    uint64_t retry_ms = a ? wire_number(a, "retry_ms") : 0;
    retry_ms = retry_ms ? retry_ms : r->retry_after_ms; /* the same in whole seconds, rounded up */
    f->feed.retry_ms = retry_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)retry_ms;
    wire_free(&a);
    feed_inner_end(f, r->status >= 400 ? FEED_REFUSED : FEED_GARBLED, NULL);
}

void feed_inner_failed(struct feed_inner *f, const struct exchange *x)
{
    const char *why = http_why(f->http);
    if (x->end == EXCHANGE_UNFIT)
        feed_inner_end(f, FEED_GARBLED, "no WebSocket over HTTP/2 from here (RFC 8441)");
    else if (x->end == EXCHANGE_LATE)
        feed_inner_end(f, FEED_MUTE, "answers are held back");
    else if (x->was_told && f->is_live)
        feed_inner_end(f, FEED_MOVED, "moved");
    else
        feed_inner_end(f, FEED_BROKEN, *why ? why : "the connection was lost");
}

void feed_inner_bye(struct feed_inner *f, const char *code, uint64_t retry_ms)
{
    struct posthorn_problem *why = &f->feed.problem;
    f->feed.retry_ms = retry_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)retry_ms;
    snprintf(why->code, sizeof why->code, "%s", code ? code : "");
    if (strcmp(why->code, "revoked") == 0) {
        why->http_status = 401;
        feed_inner_end(f, FEED_REFUSED, "the session was ended from elsewhere");
    } else if (strcmp(why->code, "resync") == 0) {
        why->http_status = 410;
        feed_inner_end(f, FEED_REFUSED, "the cursor can't be continued");
    } else if (strcmp(why->code, "refused") == 0) {
        feed_inner_end(f, FEED_GARBLED, "pushed responses were refused on the way");
    } else {
        feed_inner_end(f, FEED_MOVED, "moved");
    }
}

void feed_inner_batch(struct feed_inner *f, struct posthorn_answer *a)
{
    struct posthorn_answer *signal;
    f->is_live = true;
    for (size_t n = 0; (signal = wire_item(a, "signals", n)); n++)
        f->on->signal(f->context, &f->feed, signal);
    f->on->batch(f->context, &f->feed, a);
}
