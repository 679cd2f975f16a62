/* api/anchor.c - pushed responses (RFC 9113 8.4): a request stays open, and polls that nobody asked are answered on it
 *
 * One promise is out at all times: GET /v1/events?after=<where the client stands>. What comes is its answer; then
 * the next one is promised. So a live event waits for no round trip, and a promise tells a client what it would
 * have asked. The anchor's own body is lines of JSON: where it began, heartbeats, and why it ends.
 */
#include "api/present.h"
#include "api/problem.h"
#include "api/receiver.h"
#include <stdio.h>
#include <stdlib.h>

enum { ANCHOR_LINE_BYTES = 256, ANCHOR_TARGET_BYTES = 32 + CURSOR_TEXT_MAX };

struct anchor {
    struct receiver r; /* first */
    struct exchange *promised; /* NULL: none, as too many are open */
    struct cursor after; /* where the next promise begins */
    bool has_begun;
};

/* Lines are written between these two. */
static void anchor_line(struct buf *out, struct json *j)
{
    buf_init(out, ANCHOR_LINE_BYTES);
    json_init(j, out);
    json_object(j, NULL);
}

static void anchor_line_end(struct anchor *a, struct buf *out, struct json *j)
{
    json_close(j);
    buf_put_text(out, TEXT("\n"));
    CHECK(!out->overflowed);
    exchange_write(a->r.x, blob_copy(buf_text(out)));
    buf_fini(out);
    receiver_said(&a->r);
}

static void anchor_beat(struct receiver *r)
{
    struct anchor *a = (struct anchor *)r;
    struct buf out;
    struct json j;

    if (!r->x)
        return;
    anchor_line(&out, &j);
    json_object(&j, "signal");
    receiver_head(r, &j);
    json_close(&j);
    anchor_line_end(a, &out, &j);
}

/* The client does not want it, or the anchor is lost, too. */
static void anchor_refused(struct exchange *promised, void *ctx)
{
    struct anchor *a = ctx;

    (void)promised;
    a->promised = NULL;
    channel_end(&a->r.channel, ERR_NOT_ACCEPTABLE);
}

/* Each promise takes a round trip, and only a few may be under way: what comes faster than that waits, and is one
 * answer then. */
static void anchor_promise(struct anchor *a)
{
    char target[ANCHOR_TARGET_BYTES], cursor[CURSOR_TEXT_MAX];

    a->promised = NULL;
    if (exchange_is_crowded(a->r.x))
        return;
    cursor_print(&a->after, cursor);
    snprintf(target, sizeof target, "/v1/events?after=%s", cursor);
    a->promised = exchange_promise(a->r.x, text_of(target));
    if (a->promised)
        exchange_on_gone(a->promised, anchor_refused, a);
    else
        channel_end(&a->r.channel, ERR_NOT_ACCEPTABLE);
}

static void anchor_room(struct exchange *x, void *ctx)
{
    struct anchor *a = ctx;

    (void)x;
    if (!a->promised)
        anchor_promise(a);
    if (a->promised)
        channel_room(&a->r.channel);
}

static void anchor_begin(struct anchor *a, struct cursor at)
{
    static const struct exchange_field fields[] = {
        { "content-type", TEXT_INIT("application/x-ndjson; charset=utf-8") },
    };
    struct buf out;
    struct json j;

    a->has_begun = true;
    a->r.api->stats.anchors++;
    exchange_trusted(a->r.x);
    exchange_forget(a->r.x);
    exchange_begin(a->r.x, 200, fields, 1);
    exchange_on_room(a->r.x, anchor_room, a);
    receiver_begun(&a->r, anchor_beat);
    anchor_line(&out, &j);
    present_cursor(&j, "cursor", at.timeline, at.i);
    anchor_line_end(a, &out, &j);
    a->after = at;
    anchor_promise(a);
    if (!a->promised) /* other anchors of the connection have taken all: this batch would have no answer */
        channel_end(&a->r.channel, ERR_NOT_ACCEPTABLE);
}

static bool anchor_batch(struct channel *ch, const struct channel_batch *b)
{
    struct anchor *a = (struct anchor *)ch;
    struct cursor before = { .timeline = b->cursor.timeline, .i = { b->cursor.i.n - b->count } };
    struct exchange *promised;

    if (!a->r.x)
        return false;
    if (!a->has_begun)
        anchor_begin(a, before);
    promised = a->promised;
    if (!promised) /* it has ended: nothing is given while there is no room */
        return false;
    if (b->count + b->signals_count == 0)
        return true;
    exchange_on_gone(promised, NULL, NULL);
    exchange_respond(promised, 200, NULL, 0, receiver_events(a->r.api, b, true));
    receiver_said(&a->r);
    a->after = b->cursor;
    anchor_promise(a);
    return a->promised && exchange_unsent(a->r.x) < LIMIT_UNSENT_BYTES;
}

static void anchor_bye(struct anchor *a, enum err why)
{
    const char *word = why == ERR_NOT_ACCEPTABLE ? "refused" : receiver_end_word(why);
    struct buf out;
    struct json j;

    anchor_line(&out, &j);
    json_object(&j, "bye");
    if (word)
        json_string(&j, "code", text_of(word));
    json_number(&j, "retry_ms", receiver_retry_ms(why));
    json_close(&j);
    anchor_line_end(a, &out, &j);
}

static void anchor_ended(struct channel *ch, enum err why)
{
    struct anchor *a = (struct anchor *)ch;
    struct exchange *x = a->r.x;

    if (a->promised) {
        exchange_on_gone(a->promised, NULL, NULL);
        exchange_abort(a->promised);
    }
    if (x && a->has_begun) {
        anchor_bye(a, why);
        exchange_finish(x);
    } else if (x) {
        receiver_refuse(&a->r, why);
    }
    receiver_fini(&a->r);
    free(a);
}

void anchor_open(struct api *api, struct exchange *x, const struct receiver_ask *ask)
{
    static const struct channel_kind kind = { "anchor", HUB_STREAM, anchor_batch, anchor_ended };
    struct anchor *a;

    if (!exchange_can_push(x) || !exchange_is_authoritative(x)) {
        bool takes = exchange_can_push(x);

        problem_respond(x, takes ? ERR_MISDIRECTED : ERR_BAD_REQUEST, takes ? "" : "query.push");
        return;
    }
    a = calloc(1, sizeof *a);
    CHECK(a);
    a->r.channel.events_max = LIMIT_STREAM_EVENTS;
    a->r.channel.bytes_max = LIMIT_STREAM_BYTES;
    receiver_start(&a->r, api, x, &kind, ask);
}
