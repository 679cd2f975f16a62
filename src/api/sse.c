/* api/sse.c - server-sent events (WHATWG HTML 9.2): one for each event, its cursor as the id; signals have none */
#include "api/present.h"
#include "api/receiver.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SSE_SIGNAL "event: signal\ndata: "
enum { SSE_PAD_BYTES = 2048, SSE_RETRY_MS = 2000, SSE_BYTES_MAX = 1024 * 1024, SSE_SMALL_BYTES = 256 };

struct sse {
    struct receiver r; /* first */
    bool wants_pad, has_begun;
};

static void sse_write(struct sse *s, struct buf *out)
{
    CHECK(!out->overflowed);
    exchange_write(s->r.x, blob_copy(buf_text(out)));
    buf_fini(out);
    receiver_said(&s->r);
}

static void sse_room(struct exchange *x, void *ctx)
{
    struct sse *s = ctx;

    (void)x;
    channel_room(&s->r.channel);
}

/* A comment for what only looks at bytes, and an event that a page can see; it has no id. */
static void sse_beat(struct receiver *r)
{
    struct sse *s = (struct sse *)r;
    struct buf out;
    struct json j;

    if (!r->x)
        return;
    buf_init(&out, SSE_SMALL_BYTES);
    buf_put_text(&out, TEXT(":\n" SSE_SIGNAL));
    json_init(&j, &out);
    json_object(&j, NULL);
    receiver_head(r, &j);
    json_close(&j);
    buf_put_text(&out, TEXT("\n\n"));
    sse_write(s, &out);
}

/* The first bytes go at once: proxies wait for them, and a client learns its cursor. */
static void sse_begin(struct sse *s, struct cursor at)
{
    static const struct exchange_field fields[] = {
        { "content-type", TEXT_INIT("text/event-stream; charset=utf-8") },
        { "cache-control", TEXT_INIT("no-cache, no-transform") },
        { "x-accel-buffering", TEXT_INIT("no") }, /* nginx hands on what it gets */
    };
    char id[CURSOR_TEXT_MAX];
    struct buf out;

    s->has_begun = true;
    s->r.api->stats.streams++;
    exchange_trusted(s->r.x);
    exchange_forget(s->r.x);
    exchange_begin(s->r.x, 200, fields, sizeof fields / sizeof *fields);
    exchange_on_room(s->r.x, sse_room, s);
    receiver_begun(&s->r, sse_beat);
    buf_init(&out, SSE_PAD_BYTES + SSE_SMALL_BYTES);
    if (s->wants_pad)
        buf_printf(&out, ":%*s\n", SSE_PAD_BYTES, "");
    cursor_print(&at, id);
    buf_printf(&out, "retry: %d\nid: %s\n: ok\n\n", SSE_RETRY_MS, id);
    sse_write(s, &out);
}

/* The word behind "t", which the encoding begins with. */
static struct text sse_kind(struct text encoded)
{
    static const char head[] = "\"t\":\"";
    size_t skip = sizeof head - 1;
    const char *end;

    CHECK(encoded.bytes > skip && memcmp(encoded.at, head, skip) == 0);
    end = memchr(encoded.at + skip, '"', encoded.bytes - skip);
    CHECK(end);
    return (struct text){ encoded.at + skip, (size_t)(end - encoded.at) - skip };
}

static void sse_event(struct buf *out, uint64_t timeline, struct inbox_seq i, struct text encoded)
{
    struct text kind = sse_kind(encoded);
    struct json j;

    buf_printf(out, "id: %" PRIu64 ".%" PRIu64 "\nevent: %.*s\ndata: ", timeline, i.n, (int)kind.bytes,
               kind.at);
    json_init(&j, out);
    present_encoded(&j, i, encoded);
    buf_put_text(out, TEXT("\n\n"));
}

static bool sse_batch(struct channel *ch, const struct channel_batch *b)
{
    struct sse *s = (struct sse *)ch;
    struct cursor before = { .timeline = b->cursor.timeline, .i = { b->cursor.i.n - b->count } };
    uint32_t signals;
    struct buf out;

    if (!s->r.x)
        return false;
    if (!s->has_begun)
        sse_begin(s, before);
    signals = receiver_signals(s->r.api, b, exchange_unsent(s->r.x));
    if (b->count + signals == 0)
        return true;
    buf_init(&out, SSE_BYTES_MAX);
    for (uint32_t k = 0; k < b->count; k++) {
        struct blob *encoded = b->rows ? event_encode(&b->rows[k].event) : NULL;

        sse_event(&out, b->cursor.timeline, channel_batch_i(b, k),
                  blob_text(encoded ? encoded : b->encoded[k]));
        blob_free(&encoded);
    }
    for (uint32_t k = 0; k < signals; k++) {
        buf_put_text(&out, TEXT(SSE_SIGNAL));
        buf_put_text(&out, receiver_signal(b->signals[k]));
        buf_put_text(&out, TEXT("\n\n"));
    }
    s->r.api->stats.events += b->count;
    sse_write(s, &out);
    return exchange_unsent(s->r.x) < LIMIT_UNSENT_BYTES;
}

static void sse_bye(struct sse *s, enum err why)
{
    const char *word = receiver_end_word(why);
    uint32_t retry_ms = receiver_retry_ms(why);
    struct buf out;
    struct json j;

    buf_init(&out, SSE_SMALL_BYTES);
    if (retry_ms)
        buf_printf(&out, "retry: %u\n", retry_ms);
    buf_put_text(&out, TEXT("event: bye\ndata: "));
    json_init(&j, &out);
    json_object(&j, NULL);
    if (word)
        json_string(&j, "code", text_of(word));
    json_number(&j, "retry_ms", retry_ms);
    json_close(&j);
    buf_put_text(&out, TEXT("\n\n"));
    sse_write(s, &out);
}

static void sse_ended(struct channel *ch, enum err why)
{
    struct sse *s = (struct sse *)ch;
    struct exchange *x = s->r.x;

    if (x && s->has_begun) {
        sse_bye(s, why);
        exchange_finish(x);
    } else if (x) {
        receiver_refuse(&s->r, why);
    }
    receiver_fini(&s->r);
    free(s);
}

void sse_open(struct api *api, struct exchange *x, const struct receiver_ask *ask)
{
    static const struct channel_kind kind = { "sse", HUB_STREAM, sse_batch, sse_ended };
    struct sse *s = calloc(1, sizeof *s);

    CHECK(s);
    s->wants_pad = ask->wants_pad;
    s->r.channel.events_max = LIMIT_STREAM_EVENTS;
    s->r.channel.bytes_max = LIMIT_STREAM_BYTES;
    receiver_start(&s->r, api, x, &kind, ask);
}
