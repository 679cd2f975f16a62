/* api/events.c - GET /v1/events: plain and long polling
 *
 *   1 get     what is asked; a long poll registers at the hub first: nothing falls between reading and waiting
 *   2 read    what came behind the cursor                                                          Postgres
 *   3 answer  if there is anything, or nobody waits                                                end
 *   4 wait    for news, the deadline, another poll of this device, a revocation, or a hang-up
 *   5 woken   news that are next rode along: answered as they are; a gap is read: back to 2
 */
#include "api/handlers.h"
#include "api/present.h"
#include "api/seen.h"
#include "model/cursor.h"

struct events_state {
    struct hub_waiter waiter;
    struct loop_timer timer;
    struct inbox_read read;
    struct cursor after;
    uint32_t limit, wait_ms;
    bool is_watching;
};

static op_step events_read, events_was_read, events_woken;
static void events_gone(struct call *c);

/* Whoever ends the wait, it ends here. */
static void events_end(struct call *c, enum err err)
{
    struct events_state *s = c->state;

    c->gone = NULL;
    if (s->is_watching) {
        loop_timer_clear(&s->timer);
        hub_unwatch(c->api->hub, &s->waiter);
        s->is_watching = false;
    }
    call_end(c, 200, err);
}

static void events_deadline(void *ctx)
{
    struct call *c = ctx;
    struct events_state *s = c->state;

    hub_end_wait(&s->waiter, ERR_WAIT_OVER);
}

static void events_gone(struct call *c)
{
    struct events_state *s = c->state;

    hub_end_wait(&s->waiter, ERR_CANCELLED);
}

static bool events_cursor(struct call *c, struct text text, struct cursor *after)
{
    uint64_t timeline = store_timeline(c->api->chat->store);
    enum err err = cursor_parse(text, after);

    /* Without a word from Postgres the timeline is not known; the reading will say that it is down. */
    if (!err && !after->is_now && timeline && after->timeline != timeline)
        err = ERR_RESYNC;
    if (err)
        call_refuse(c, err, "query.after");
    return !err;
}

static void events_watch(struct call *c)
{
    struct events_state *s = c->state;

    s->waiter.user = call_user(c);
    s->waiter.device = c->who.session.device;
    s->waiter.after = s->after.i;
    hub_watch(c->api->hub, &s->waiter);
    loop_timer_init(&s->timer, c->api->chat->loop, events_deadline, c);
    loop_timer_set(&s->timer, s->wait_ms);
    s->is_watching = true;
    c->gone = events_gone;
}

void events_get(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct call_param params[] = { { .name = "after", .is_required = true },
                                   { .name = "wait", .is_number = true, .most = LIMIT_WAIT_S },
                                   { .name = "limit",
                                     .is_number = true,
                                     .least = 1,
                                     .most = LIMIT_EVENTS,
                                     .number = LIMIT_EVENTS_DEFAULT },
                                   { 0 } };
    struct events_state *s = arena_alloc(&c->arena, sizeof *s);

    CHECK(!err);
    c->state = s;
    if (!call_query(c, params) || !events_cursor(c, params[0].text, &s->after))
        return;
    /* One answer of many can't wait for the others. */
    s->wait_ms = c->is_batched || c->api->is_draining ? 0 : (uint32_t)params[1].number * 1000;
    s->limit = (uint32_t)params[2].number;
    s->read.arena = &c->arena;
    s->read.bytes_max = LIMIT_EVENTS_ANSWER_BYTES;
    c->api->stats.polls++;
    if (!s->after.is_now)
        seen_note(c->api->seen, call_user(c), c->who.session.device, s->after.i);
    if (s->wait_ms && !s->after.is_now)
        events_watch(c);
    events_read(op, ERR_OK);
}

static void events_read(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct events_state *s = c->state;

    CHECK(!err);
    s->read.limit = s->after.is_now ? 0 : s->limit;
    store_inbox_after(c->api->chat->store, call_user(c), s->after.i, &s->read, op_then(op, events_was_read));
}

static void events_answer(struct call *c, struct inbox_seq last, bool more)
{
    struct events_state *s = c->state;
    struct json *j = &c->json;

    json_close(j);
    present_cursor(j, "cursor", s->read.timeline, last);
    json_bool(j, "more", more);
    json_number(j, "retry_ms", c->api->is_draining ? 500 + secret_random_u64() % 2500 : 0);
    events_end(c, ERR_OK);
}

static void events_was_read(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct events_state *s = c->state;
    struct inbox_read *r = &s->read;

    if (!err && !s->after.is_now && r->timeline != s->after.timeline)
        err = ERR_RESYNC;
    if (!op->asker) /* hung up while it read: nobody is left to wait for */
        err = ERR_CANCELLED;
    if (err) {
        events_end(c, err);
        return;
    }
    if (s->after.is_now) {
        s->after = (struct cursor){ .timeline = r->timeline, .i = r->head };
        if (s->wait_ms) {
            events_watch(c);
            events_read(op, ERR_OK);
            return;
        }
    }
    if (r->count == 0 && s->is_watching) {
        hub_wait(&s->waiter, op_then(op, events_woken));
        return;
    }
    json_array(&c->json, "events");
    for (uint32_t k = 0; k < r->count; k++)
        present_event(&c->json, r->at[k].i, &r->at[k].event);
    c->api->stats.events += r->count;
    struct inbox_seq last = { s->after.i.n + r->count };
    events_answer(c, last, last.n < r->head.n && r->count > 0);
}

/* What rode along is what the inbox says, in its order: encoded once for all, "i" added here. */
static void events_answer_ride(struct call *c)
{
    struct events_state *s = c->state;
    const struct hub_waiter *w = &s->waiter;
    uint32_t count = w->ride_count < s->limit ? w->ride_count : s->limit, put = 0;

    json_array(&c->json, "events");
    for (; put < count && (put == 0 || c->out.bytes + w->ride[put]->bytes < LIMIT_EVENTS_ANSWER_BYTES); put++)
        present_encoded(&c->json, (struct inbox_seq){ w->after.n + put + 1 }, blob_text(w->ride[put]));
    c->api->stats.events += put;
    events_answer(c, (struct inbox_seq){ w->after.n + put }, put < w->ride_count || w->has_gap);
}

static void events_woken(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct events_state *s = c->state;

    if (err == ERR_OK && s->waiter.ride_count == 0) {
        loop_timer_clear(&s->timer);
        hub_unwatch(c->api->hub, &s->waiter);
        s->is_watching = false;
        c->gone = NULL;
        events_read(op, ERR_OK);
    } else if (err == ERR_OK || err == ERR_WAIT_OVER) {
        events_answer_ride(c);
    } else {
        events_end(c, err);
    }
}
