/* lib/feed_stream.c - answers that stay open: WebSocket, server-sent events, and the anchor of pushed responses */
#include "lib/clock.h"
#include "lib/feed_inner.h"
#include <string.h>

/* The story: one exchange is begun whose body comes in pieces. The first piece shows whether its head is what
 * the way promises; each piece goes to the codec of the way, whose messages end in feed_inner_batch(), in a
 * signal, or in a bye. Pushed responses are exchanges of their own that hang on the anchor. */

enum { LINE_MOST = 64 * 1024, OUT_MOST = 64 * 1024, BATCH_MOST = 1024 * 1024 };

static void signal_came(struct feed_inner *f, struct posthorn_answer *a)
{
    if (a)
        f->on->signal(f->context, &f->feed, a);
}

/* A JSON object on its own: {"events"..}, {"signal"..}, {"bye"..}, {"cursor"..}. */
static void take_object(struct feed_inner *f, const char *json, size_t bytes)
{
    struct posthorn_answer *a = wire_parse(json, bytes), *part;
    if (!a) {
        feed_inner_end(f, FEED_GARBLED, "what comes is not from a Posthorn server");
        return;
    }
    if (wire_has_array(a, "events") && wire_string(a, "cursor")) {
        feed_inner_batch(f, a);
        return;
    }
    if ((part = wire_part(a, "signal"))) {
        signal_came(f, part);
    } else if ((part = wire_part(a, "bye"))) {
        feed_inner_bye(f, wire_string(part, "code"), wire_number(part, "retry_ms"));
        wire_free(&part);
    }
    wire_free(&a); /* anything else is of a later version */
}

/* The opening frame of a way that tells the cursor alone. */
static void opened(struct feed_inner *f, const char *cursor)
{
    struct buf json = { 0 };
    buf_format(&json, "{\"events\":[],\"cursor\":\"%s\"}", cursor);
    take_object(f, json.at, json.bytes);
    buf_fini(&json);
}

/* ---- WebSocket ---- */

static void ws_text(void *context, const char *bytes, size_t count)
{
    struct feed_inner *f = context;
    if (!f->is_over)
        take_object(f, bytes, count);
}

static void ws_ping(void *context, const char *bytes, size_t count)
{
    struct feed_inner *f = context;
    if (f->request && f->request->out.bytes < OUT_MOST)
        websocket_write(&f->request->out, WEBSOCKET_PONG, bytes, count);
}

static void ws_closed(void *context, unsigned code, const char *reason)
{
    struct feed_inner *f = context;
    const char *retry = strstr(reason, "retry=");
    uint64_t retry_ms = retry ? strtoull(retry + 6, NULL, 10) : 0;
    char detail[64];
    switch (code) {
    case 1001:
        feed_inner_bye(f, "replaced", retry_ms);
        break;
    case 1008:
        feed_inner_bye(f, "revoked", 0);
        break;
    case 1012:
    case 1013:
        feed_inner_bye(f, code == 1013 ? "slow" : "", retry_ms);
        break;
    default:
        snprintf(detail, sizeof detail, "the server closed the WebSocket (%u)", code);
        feed_inner_end(f, FEED_BROKEN, detail);
    }
}

/* ---- server-sent events ---- */

static void flush_batch(struct feed_inner *f)
{
    if (f->batch.bytes == 0)
        return;
    buf_format(&f->batch, "],\"cursor\":\"%s\"}", f->batch_cursor);
    take_object(f, f->batch.at, f->batch.bytes);
    buf_drop(&f->batch, f->batch.bytes);
}

static void sse_bye(struct feed_inner *f, const char *data, size_t bytes)
{
    struct posthorn_answer *a = wire_parse(data, bytes);
    feed_inner_bye(f, a ? wire_string(a, "code") : NULL, a ? wire_number(a, "retry_ms") : 0);
    wire_free(&a);
}

static void sse_came(void *context, const char *type, const char *id, const char *data, size_t bytes)
{
    struct feed_inner *f = context;
    if (f->is_over)
        return;
    if (!data) {
        if (!f->is_live)
            opened(f, id);
    } else if (strcmp(type, "signal") == 0) {
        signal_came(f, wire_parse(data, bytes));
    } else if (strcmp(type, "bye") == 0) {
        flush_batch(f);
        sse_bye(f, data, bytes);
    } else if (*id && strlen(id) < sizeof f->batch_cursor) {
        /* What came in one piece is one batch. */
        buf_format(&f->batch, "%s%s", f->batch.bytes ? "," : "{\"events\":[", data);
        memcpy(f->batch_cursor, id, strlen(id) + 1);
        if (f->batch.bytes > BATCH_MOST)
            flush_batch(f);
    }
}

/* ---- the anchor of pushed responses ---- */

static void anchor_line(struct feed_inner *f, char *line, size_t bytes)
{
    struct posthorn_answer *a = bytes ? wire_parse(line, bytes) : NULL;
    const char *cursor = a ? wire_string(a, "cursor") : NULL;
    if (cursor && !f->is_live)
        opened(f, cursor);
    else if (bytes)
        take_object(f, line, bytes);
    wire_free(&a);
}

static void anchor_read(struct feed_inner *f, const char *bytes, size_t count)
{
    while (count && !f->is_over) {
        const char *end = memchr(bytes, '\n', count);
        size_t part = end ? (size_t)(end - bytes) : count;
        if (f->line.bytes + part > LINE_MOST) {
            feed_inner_end(f, FEED_GARBLED, "a line without end");
            return;
        }
        buf_add(&f->line, bytes, part);
        bytes += part;
        count -= part;
        if (!end)
            return;
        bytes++;
        count--;
        anchor_line(f, f->line.at, f->line.bytes);
        buf_drop(&f->line, f->line.bytes);
    }
}

static void pushed_done(void *context, struct exchange *x)
{
    struct feed_inner *f = context;
    for (unsigned n = 0; n < f->pushed_room; n++)
        if (f->pushed[n] == x)
            f->pushed[n] = NULL;
    f->heard_ms = clock_ms();
    if (f->is_over)
        return;
    if (x->end == EXCHANGE_ANSWERED && x->response.status == 200)
        take_object(f, x->response.body.at, x->response.body.bytes);
    else if (x->end == EXCHANGE_ANSWERED)
        feed_inner_refused(f, x);
    else
        feed_inner_failed(f, x);
}

/* One is promised at a time; but in one step many may come whose end has not been told yet. */
static bool promised(void *context, struct exchange *pushed)
{
    struct feed_inner *f = context;
    unsigned n = 0;
    while (n < f->pushed_room && f->pushed[n])
        n++;
    if (n == FEED_PUSHES_MOST || f->is_over)
        return false;
    if (n == f->pushed_room) {
        struct exchange **grown = buf_zeroed(n ? 2 * n : 4, sizeof(struct exchange *));
        memcpy(grown, f->pushed ? f->pushed : grown, n * sizeof(struct exchange *));
        free(f->pushed);
        f->pushed = grown;
        f->pushed_room = n ? 2 * n : 4;
    }
    pushed->done = pushed_done;
    pushed->context = f;
    f->pushed[n] = pushed;
    return true;
}

/* ---- the exchange ---- */

/* NULL: the head is what the way promises. */
static const char *what_is_wrong(const struct feed_inner *f, const struct response *r)
{
    bool is_upgrade = f->request->ws_key[0] && strcmp(http_version(f->http), "2") != 0;
    switch (f->way) {
    case FEED_WS:
        if (is_upgrade && r->status != 101)
            return "the network strips Upgrade: the answer was not 101";
        if (is_upgrade && !websocket_accepts(f->request->ws_key, r->ws_accept))
            return "what answers is no WebSocket (Sec-WebSocket-Accept)";
        return strcmp(r->ws_protocol, "posthorn.v1") == 0 ? NULL : "what answers is not a Posthorn server";
    case FEED_SSE:
        if (r->status == 200 && strncmp(r->content_type, "text/event-stream", 17) == 0)
            return NULL;
        return "what answers are no server-sent events";
    case FEED_PUSH:
        if (r->status == 200 && strncmp(r->content_type, "application/x-ndjson", 20) == 0)
            return NULL;
        return "what answers is no anchor of pushed responses";
    case FEED_LONGPOLL:
    case FEED_POLL:
        break;
    }
    return NULL;
}

static void piece(void *context, const char *bytes, size_t count)
{
    static const struct websocket_events ws_events = { ws_text, ws_ping, ws_closed };
    static const struct sse_events sse_events = { sse_came };
    struct feed_inner *f = context;
    bool is_good = true;
    if (f->is_over)
        return;
    f->heard_ms = clock_ms();
    if (!f->is_checked) {
        const char *wrong = what_is_wrong(f, &f->request->response);
        f->is_checked = true;
        f->feed.problem.http_status = wrong ? f->request->response.status : 0;
        if (wrong) {
            feed_inner_end(f, FEED_GARBLED, wrong);
            return;
        }
    }
    if (f->way == FEED_WS) {
        is_good = websocket_read(&f->ws, bytes, count, &ws_events, f);
    } else if (f->way == FEED_SSE) {
        is_good = sse_read(&f->sse, bytes, count, &sse_events, f);
        flush_batch(f);
    } else {
        anchor_read(f, bytes, count);
    }
    if (!is_good)
        feed_inner_end(f, FEED_GARBLED, "what comes breaks the protocol of this way");
}

static void done(void *context, struct exchange *x)
{
    struct feed_inner *f = context;
    f->request = NULL;
    if (f->is_over)
        return;
    if (x->end != EXCHANGE_ANSWERED)
        feed_inner_failed(f, x);
    else if (x->response.status >= 200 && x->response.status < 300)
        feed_inner_end(f, f->is_live ? FEED_BROKEN : FEED_GARBLED, "the answer that should stay open ended");
    else
        feed_inner_refused(f, x);
}

void feed_stream_begin(struct feed_inner *f)
{
    struct buf path = { 0 };
    buf_text(&path, "/v1/events?after=");
    buf_escape(&path, f->cursor);
    buf_text(&path, f->way == FEED_PUSH ? "&push=1" : f->way == FEED_SSE ? "&pad=1" : "");
    struct exchange *x = exchange_new("GET", path.at, f->token, NULL);
    buf_fini(&path);
    x->done = done;
    x->context = f;
    x->response.wants_pieces = true;
    x->response.piece = piece;
    x->response.piece_context = f;
    if (f->way == FEED_WS) {
        x->response.wants_tunnel = true;
        x->accept = "*/*";
        websocket_key(x->ws_key);
    } else if (f->way == FEED_SSE) {
        x->accept = "text/event-stream";
    } else {
        x->accept = "application/x-ndjson";
        x->promised = promised;
    }
    f->request = x;
    if (!http_start(f->http, x, UINT64_MAX)) {
        f->request = NULL;
        exchange_free(&x);
    }
}
