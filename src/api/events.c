/* api/events.c - GET /v1/events: which way to receive is asked for; plain polling is done here
 *
 *   1 get     what is asked; whoever can be held open goes on in poll.c, sse.c, socket.c or anchor.c      end
 *   2 read    a plain poll: what came behind the cursor, now                                         Postgres
 *   3 answer                                                                                              end
 */
#include "api/handlers.h"
#include "api/present.h"
#include "api/receiver.h"
#include "api/seen.h"
#include "store/store.h"

enum events_way { EVENTS_NOW, EVENTS_POLL, EVENTS_SSE, EVENTS_SOCKET, EVENTS_ANCHOR };

struct events_state {
    struct inbox_read read;
    struct cursor after;
    uint32_t limit;
};

enum { AFTER, WAIT, LIMIT, PUSH, PAD, PARAMS };

static op_step events_was_read;

static bool events_cursor(struct call *c, struct text text, const char *field, struct cursor *after)
{
    uint64_t timeline = store_timeline(c->api->chat->store);
    enum err err = cursor_parse(text, after);

    /* Without a word from Postgres the timeline is not known; the reading will say that it is down. */
    if (!err && !after->is_now && timeline && after->timeline != timeline)
        err = ERR_RESYNC;
    if (err)
        call_refuse(c, err, field);
    return !err;
}

static bool events_takes_stream(struct text accept)
{
    static const char type[] = "text/event-stream";

    return accept.bytes && memmem(accept.at, accept.bytes, type, sizeof type - 1);
}

static enum events_way events_way(const struct call *c, const struct call_param *p)
{
    const struct exchange_head *h = c->x ? exchange_head(c->x) : NULL;

    if (!h || h->method == METHOD_HEAD)
        return EVENTS_NOW; /* one of several, or in a frame: others need what carries it */
    if (h->is_websocket)
        return EVENTS_SOCKET;
    if (p[PUSH].number)
        return EVENTS_ANCHOR;
    if (p[WAIT].text.at)
        return p[WAIT].number && !api_sends_away(c->api) ? EVENTS_POLL : EVENTS_NOW;
    return events_takes_stream(h->accept) ? EVENTS_SSE : EVENTS_NOW;
}

static void events_hold(struct call *c, enum events_way way, const struct call_param *p, struct cursor after)
{
    static void (*const open[])(struct api *, struct exchange *, const struct receiver_ask *) = {
        [EVENTS_POLL] = poll_open,
        [EVENTS_SSE] = sse_open,
        [EVENTS_SOCKET] = socket_open,
        [EVENTS_ANCHOR] = anchor_open,
    };
    struct receiver_ask ask = { .user = call_user(c),
                                .device = c->who.session.device,
                                .after = after,
                                .limit = (uint32_t)p[LIMIT].number,
                                .wait_ms = (uint32_t)p[WAIT].number * 1000,
                                .wants_pad = p[PAD].number,
                                .by_cookie = c->by_cookie,
                                .token = c->token };
    struct api *api = c->api;

    if (way != EVENTS_POLL && api_sends_away(api))
        call_end(c, 0, ERR_DRAINING);
    else
        open[way](api, call_take_exchange(c), &ask);
}

/* Where to go on: what a stream's last event said goes before what its first request did. */
static bool events_after(struct call *c, const struct call_param *after, bool is_stream, struct cursor *into)
{
    struct text last = is_stream ? exchange_head(c->x)->last_event_id : TEXT("");

    if (last.bytes)
        return events_cursor(c, last, "last-event-id", into);
    if (after->text.at)
        return events_cursor(c, after->text, "query.after", into);
    call_refuse(c, ERR_MISSING_FIELD, "query.after");
    return false;
}

/* Who polls without waiting gets what came since the last time, if that was within LIMIT_TAIL_MS. Not those whose
 * requests come in frames: signals do, too. */
static void events_signals(struct call *c)
{
    const struct blob *signals[LIMIT_SIGNALS];
    uint32_t count;

    if (c->is_framed)
        return;
    count = hub_pass(c->api->hub, call_user(c), c->who.session.device, signals);
    receiver_put_signals(&c->json, signals, count);
    c->api->stats.signals += count;
}

void events_get(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct call_param params[PARAMS + 1] = {
        [AFTER] = { .name = "after" },
        [WAIT] = { .name = "wait", .is_number = true, .most = LIMIT_WAIT_S },
        [LIMIT] = { .name = "limit",
                    .is_number = true,
                    .least = 1,
                    .most = LIMIT_EVENTS,
                    .number = LIMIT_EVENTS_DEFAULT },
        [PUSH] = { .name = "push", .is_number = true, .most = 1 },
        [PAD] = { .name = "pad", .is_number = true, .most = 1 },
    };
    struct cursor after;

    CHECK(!err);
    if (!call_query(c, params))
        return;
    enum events_way way = events_way(c, params);
    if (!events_after(c, &params[AFTER], way == EVENTS_SSE, &after))
        return;
    if (way != EVENTS_NOW) {
        c->api->stats.polls += way == EVENTS_POLL;
        events_hold(c, way, params, after);
        return;
    }
    struct events_state *s = arena_alloc(&c->arena, sizeof *s);
    struct inbox_seq nothing = { 0 };
    c->state = s;
    s->after = after;
    s->read = (struct inbox_read){ .arena = &c->arena,
                                   .bytes_max = LIMIT_EVENTS_ANSWER_BYTES,
                                   .limit = after.is_now ? 0 : (uint32_t)params[LIMIT].number };
    c->api->stats.polls++;
    seen_note(c->api->seen, call_user(c), c->who.session.device, after.is_now ? nothing : after.i);
    store_inbox_after(c->api->chat->store, call_user(c), after.i, &s->read, op_then(op, events_was_read));
}

static void events_was_read(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct events_state *s = c->state;
    struct inbox_read *r = &s->read;
    struct json *j = &c->json;

    if (!err && !s->after.is_now && r->timeline != s->after.timeline)
        err = ERR_RESYNC;
    if (err) {
        call_end(c, 0, err);
        return;
    }
    struct inbox_seq last = { (s->after.is_now ? r->head.n : s->after.i.n) + r->count };
    json_array(j, "events");
    for (uint32_t k = 0; k < r->count; k++)
        present_event(j, r->at[k].i, &r->at[k].event);
    json_close(j);
    c->api->stats.events += r->count;
    present_cursor(j, "cursor", r->timeline, last);
    events_signals(c);
    json_bool(j, "more", last.n < r->head.n && r->count > 0);
    json_number(j, "retry_ms", api_sends_away(c->api) ? receiver_retry_ms(ERR_DRAINING) : 0);
    call_end(c, 200, ERR_OK);
}
