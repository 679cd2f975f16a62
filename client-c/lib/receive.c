/* lib/receive.c - events come: a long poll at a time, dense, the cursor written after they were handed on */
#include "lib/receive.h"
#include "lib/clock.h"
#include "lib/files.h"
#include <string.h>
#include <unistd.h>

/* The story of the states: DUE asks, when its time has come, for events after the cursor (or, without a
 * usable cursor, for a snapshot) and is ASKING. An answer with events is a BATCH until the program took them
 * in receive_dispatch(); then the cursor is written and we are DUE at once. 410 leads through a snapshot
 * (RESYNC). Every failure is DUE again after a pause. A number that is not the last one plus one is never
 * handed on: reconnect, and ask again with the old cursor. */

static void due_in(struct posthorn *p, uint64_t wait_ms)
{
    p->receive.state = RECEIVE_DUE;
    p->receive.at_ms = clock_ms() + wait_ms;
}

static void pause_after(struct posthorn *p, uint32_t asked_ms)
{
    due_in(p, backoff_next(&p->receive.backoff, asked_ms));
}

/* Proxies cut polls that wait too long for them; a broken poll waits half as long the next time. */
static void adapt_hold(struct posthorn *p, bool was_cut, uint64_t lasted_ms)
{
    struct receive *r = &p->receive;
    if (was_cut && lasted_ms > 3000 && r->hold_s > RECEIVE_HOLD_LEAST_S)
        r->hold_s = r->hold_s / 2 < RECEIVE_HOLD_LEAST_S ? RECEIVE_HOLD_LEAST_S : r->hold_s / 2;
    else if (!was_cut && lasted_ms + 500 >= (uint64_t)r->hold_s * 1000 && r->hold_s < p->poll_s)
        r->hold_s++;
}

/* A poll was answered with events or without. */
static void take_events(struct posthorn *p, struct posthorn_answer *a, uint64_t lasted_ms)
{
    struct receive *r = &p->receive;
    const struct posthorn_event *at;
    size_t count;
    struct cursor next = p->cursor;
    if (!wire_events(a, "events", &at, &count) || !cursor_set(&next, wire_string(a, "cursor"))) {
        wire_free(&a);
        pause_after(p, 0);
        return;
    }
    uint64_t asked_ms = wire_number(a, "retry_ms");
    if (count) {
        r->answer = a;
        r->state = RECEIVE_BATCH;
        return;
    }
    /* Empty long before its time, and no word when to come back: another client polls with our session. */
    bool is_early = asked_ms == 0 && lasted_ms + 1000 < (uint64_t)r->hold_s * 1000;
    wire_free(&a);
    if (asked_ms || is_early) {
        pause_after(p, (uint32_t)asked_ms);
    } else {
        backoff_reset(&r->backoff);
        due_in(p, 0);
    }
}

static void answered(void *context, struct exchange *x)
{
    struct posthorn *p = context;
    struct receive *r = &p->receive;
    uint64_t lasted_ms = clock_ms() - r->at_ms;
    struct posthorn_problem why;
    enum posthorn_status status = client_verdict(p, x, &why);
    r->request = NULL;
    adapt_hold(p, x->end == EXCHANGE_LOST || x->end == EXCHANGE_LATE, lasted_ms);
    if (status == POSTHORN_OK) {
        struct posthorn_answer *a = wire_parse(x->response.body.at, x->response.body.bytes);
        client_online(p, a != NULL, NULL);
        if (a && r->needs_snapshot) {
            r->answer = a;
            r->state = RECEIVE_RESYNC;
        } else if (a) {
            take_events(p, a, lasted_ms);
        } else {
            pause_after(p, 0); /* a captive portal's page, perhaps */
        }
    } else if (why.http_status == 410 || strcmp(why.code, "bad_cursor") == 0) {
        client_online(p, true, NULL);
        r->needs_snapshot = true;
        due_in(p, 0);
    } else {
        client_online(p, false, &why);
        pause_after(p, why.retry_ms);
        if (status == POSTHORN_LOGGED_OUT)
            receive_stop(p);
    }
}

static void ask(struct posthorn *p, uint64_t now_ms)
{
    struct receive *r = &p->receive;
    struct buf path = { 0 };
    uint64_t deadline = now_ms + RECEIVE_GRACE_MS;
    if (r->needs_snapshot) {
        buf_text(&path, "/v1/snapshot?limit=100");
    } else {
        buf_text(&path, "/v1/events?after=");
        client_escape(&path, p->cursor.text);
        buf_format(&path, "&wait=%u", r->hold_s);
        deadline += (uint64_t)r->hold_s * 1000;
    }
    struct exchange *x = exchange_new("GET", path.at, client_token(p), NULL);
    buf_fini(&path);
    x->done = answered;
    x->context = p;
    if (!http_start(p->http, x, deadline)) {
        exchange_free(&x);
        pause_after(p, 0);
        return;
    }
    r->request = x;
    r->state = RECEIVE_ASKING;
    r->at_ms = now_ms;
}

void receive_step(struct posthorn *p, uint64_t now_ms)
{
    if (p->receive.state == RECEIVE_DUE && now_ms >= p->receive.at_ms)
        ask(p, now_ms);
}

uint64_t receive_due_ms(const struct posthorn *p)
{
    return p->receive.state == RECEIVE_DUE ? p->receive.at_ms : UINT64_MAX;
}

bool receive_has_news(const struct posthorn *p)
{
    return p->receive.answer != NULL;
}

/* Hands on what is next; false: a number is missing. */
static bool hand_on(struct posthorn *p, const struct posthorn_event *at, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        struct cursor *c = &p->cursor;
        if (at[n].i) {
            if (c->knows_i && at[n].i <= c->i)
                continue; /* handed on before the connection broke */
            if (c->knows_i && at[n].i != c->i + 1)
                return false;
            c->i = at[n].i;
            c->knows_i = true;
        }
        if (p->on.on_event)
            p->on.on_event(p->on.context, &at[n]);
        if (p->receive.lock == RECEIVE_LOCK_NONE)
            return true; /* the callback has had enough: c->i says where to go on */
    }
    return true;
}

static void dispatch_batch(struct posthorn *p, struct posthorn_answer *a)
{
    struct receive *r = &p->receive;
    const struct posthorn_event *at;
    size_t count;
    if (!wire_events(a, "events", &at, &count) || !hand_on(p, at, count)) {
        /* c->i is remembered, so nothing comes twice when the old cursor gives these again. */
        http_reset(p->http);
        r->needs_snapshot = ++r->gaps >= RECEIVE_GAPS_MOST;
        pause_after(p, 0);
        return;
    }
    r->gaps = 0;
    backoff_reset(&r->backoff);
    bool is_stopped = r->lock == RECEIVE_LOCK_NONE;
    /* Stopped in the middle: the old cursor with the new number gives the rest the next time. */
    if ((!is_stopped && !cursor_set(&p->cursor, wire_string(a, "cursor"))) ||
        !cursor_save(&p->cursor, p->state_dir)) {
        client_fail(p, POSTHORN_FAILED, "state", "the cursor can't be written");
        client_online(p, false, &p->why);
    }
    due_in(p, wire_number(a, "retry_ms"));
}

static void dispatch_snapshot(struct posthorn *p, struct posthorn_answer *a)
{
    struct receive *r = &p->receive;
    const struct posthorn_conversation *at;
    size_t count;
    struct cursor next = { 0 };
    if (!wire_conversations(a, &at, &count) || !cursor_set(&next, wire_string(a, "cursor"))) {
        pause_after(p, 0);
        return;
    }
    if (p->on.on_resync)
        p->on.on_resync(p->on.context, at, count);
    p->cursor = next;
    r->needs_snapshot = false;
    r->gaps = 0;
    if (!cursor_save(&p->cursor, p->state_dir))
        client_fail(p, POSTHORN_FAILED, "state", "the cursor can't be written");
    due_in(p, 0);
}

void receive_dispatch(struct posthorn *p)
{
    struct receive *r = &p->receive;
    struct posthorn_answer *a = r->answer;
    if (!a)
        return;
    r->answer = NULL; /* the state stays: no poll begins while a callback asks the server something */
    if (r->state == RECEIVE_BATCH)
        dispatch_batch(p, a);
    else
        dispatch_snapshot(p, a);
    if (r->lock == RECEIVE_LOCK_NONE)
        r->state = RECEIVE_OFF; /* a callback stopped receiving */
    wire_free(&a);
}

int receive_start(struct posthorn *p)
{
    struct receive *r = &p->receive;
    if (r->state != RECEIVE_OFF)
        return 0;
    r->lock = p->state_dir ? files_lock(p->state_dir, "receive.lock") : RECEIVE_LOCK_MEMORY;
    if (r->lock == RECEIVE_LOCK_NONE)
        return -1;
    if (p->state_dir)
        cursor_load(&p->cursor, p->state_dir); /* another process may have read on meanwhile */
    r->needs_snapshot = p->cursor.text[0] == 0;
    r->hold_s = p->poll_s;
    due_in(p, 0);
    return 0;
}

void receive_stop(struct posthorn *p)
{
    struct receive *r = &p->receive;
    if (r->request)
        http_cancel(p->http, r->request);
    wire_free(&r->answer);
    if (r->lock >= 0)
        close(r->lock);
    r->lock = RECEIVE_LOCK_NONE;
    r->request = NULL;
    r->state = RECEIVE_OFF;
}
