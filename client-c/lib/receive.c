/* lib/receive.c - events come: dense, each handed on once, the cursor written after that */
#include "lib/receive.h"
#include "lib/clock.h"
#include "lib/files.h"
#include <string.h>
#include <unistd.h>

/* The story: while ON the ways of lanes.c bring batches, which wait in a queue until the program takes them in
 * receive_dispatch(); then the cursor is written. Without a usable cursor we are DUE to ask for a snapshot,
 * are ASKING, and the answer is a RESYNC until the dispatch; then we are ON. A number that is not the last one
 * plus one is never handed on: all ways are closed, and begun again at the old cursor. A number that was
 * handed on is skipped: that is what makes any change of ways seamless. */

static void due_in(struct posthorn *p, uint64_t wait_ms)
{
    p->receive.state = RECEIVE_DUE;
    p->receive.at_ms = clock_ms() + wait_ms;
}

static void drop_queue(struct receive *r)
{
    struct receive_batch *b;
    while ((b = TAILQ_FIRST(&r->queue))) {
        TAILQ_REMOVE(&r->queue, b, entry);
        wire_free(&b->answer);
        free(b);
    }
    r->queued_bytes = 0;
}

void receive_resync(struct posthorn *p)
{
    lanes_restart(p, 0);
    due_in(p, 0);
}

void receive_batch(struct posthorn *p, struct posthorn_answer *a)
{
    struct receive *r = &p->receive;
    struct receive_batch *b = buf_zeroed(1, sizeof *b);
    b->answer = a;
    b->bytes = strlen(wire_json(a));
    r->queued_bytes += b->bytes;
    r->is_behind |= r->queued_bytes > RECEIVE_QUEUED_MOST;
    r->head[0] = 0;
    TAILQ_INSERT_TAIL(&r->queue, b, entry);
}

static void typing(struct posthorn *p, const char *conversation, const char *user)
{
    const struct client_note *old;
    unsigned waiting = 0;
    TAILQ_FOREACH(old, &p->notes, entry)
    waiting += old->kind == NOTE_TYPING;
    if (!p->on.on_typing || !client_is_id(conversation) || !client_is_id(user) ||
        waiting >= RECEIVE_TYPING_MOST)
        return;
    struct client_note *n = client_note(p, NOTE_TYPING);
    snprintf(n->conversation, sizeof n->conversation, "%s", conversation);
    snprintf(n->id, sizeof n->id, "%s", user);
}

void receive_signal(struct posthorn *p, struct posthorn_answer *a)
{
    struct receive *r = &p->receive;
    const char *type = wire_string(a, "t"), *cursor = wire_string(a, "cursor");
    if (type && cursor && strcmp(type, "head") == 0 && r->head[0] == 0) {
        snprintf(r->head, sizeof r->head, "%s", cursor);
        r->head_ms = clock_ms();
    }
    if (type && strcmp(type, "typing") == 0)
        typing(p, wire_string(a, "c"), wire_string(a, "user"));
    wire_free(&a);
}

static void answered(void *context, struct exchange *x)
{
    struct posthorn *p = context;
    struct receive *r = &p->receive;
    struct posthorn_problem why;
    enum posthorn_status status = client_verdict(p, x, &why);
    r->request = NULL;
    p->is_http_failing = x->end != EXCHANGE_ANSWERED;
    if (status == POSTHORN_OK) {
        r->snapshot = wire_parse(x->response.body.at, x->response.body.bytes);
        client_online(p, r->snapshot != NULL, NULL);
        if (r->snapshot)
            r->state = RECEIVE_RESYNC;
        else
            due_in(p, backoff_next(&r->backoff, 0)); /* a captive portal's page, perhaps */
        return;
    }
    client_online(p, false, &why);
    due_in(p, backoff_next(&r->backoff, why.retry_ms));
    if (status == POSTHORN_LOGGED_OUT)
        receive_stop(p);
}

static void ask(struct posthorn *p, uint64_t now_ms)
{
    struct receive *r = &p->receive;
    struct exchange *x = exchange_new("GET", "/v1/snapshot?limit=100", client_token(p), NULL);
    x->done = answered;
    x->context = p;
    if (!http_start(p->http, x, now_ms + RECEIVE_GRACE_MS)) {
        exchange_free(&x);
        due_in(p, backoff_next(&r->backoff, 0));
        return;
    }
    r->request = x;
    r->state = RECEIVE_ASKING;
}

/* What the server spoke of did not come. */
static bool is_missing(const struct posthorn *p)
{
    return p->receive.head[0] && strcmp(p->receive.head, p->cursor.text) != 0;
}

static void acknowledge(struct posthorn *p, uint64_t now_ms)
{
    struct receive *r = &p->receive;
    if (r->unacked == 0 || (r->unacked < RECEIVE_ACK_EVENTS && now_ms - r->unacked_ms < RECEIVE_ACK_MS))
        return;
    lanes_ack(p);
    r->unacked = 0;
}

void receive_step(struct posthorn *p, uint64_t now_ms)
{
    struct receive *r = &p->receive;
    if (r->state == RECEIVE_DUE && now_ms >= r->at_ms && !receive_has_news(p))
        ask(p, now_ms);
    if (r->state != RECEIVE_ON)
        return;
    bool is_missing_some = is_missing(p) && now_ms - r->head_ms >= RECEIVE_BEHIND_MS;
    if (r->is_behind || is_missing_some) {
        lanes_restart(p, now_ms);
        r->is_behind = false;
        r->head[0] = 0;
    }
    acknowledge(p, now_ms);
    lanes_step(p, now_ms);
}

uint64_t receive_due_ms(const struct posthorn *p)
{
    const struct receive *r = &p->receive;
    if (r->state == RECEIVE_DUE)
        return receive_has_news(p) ? UINT64_MAX : r->at_ms;
    if (r->state != RECEIVE_ON)
        return UINT64_MAX;
    uint64_t due = lanes_due_ms(p);
    if (r->is_behind)
        return 0;
    if (r->unacked && r->unacked_ms + RECEIVE_ACK_MS < due)
        due = r->unacked >= RECEIVE_ACK_EVENTS ? 0 : r->unacked_ms + RECEIVE_ACK_MS;
    if (is_missing(p) && r->head_ms + RECEIVE_BEHIND_MS < due)
        due = r->head_ms + RECEIVE_BEHIND_MS;
    return due;
}

bool receive_has_news(const struct posthorn *p)
{
    return p->receive.snapshot || !TAILQ_EMPTY(&p->receive.queue);
}

/* Hands on what is next; false: a number is missing. */
static bool hand_on(struct posthorn *p, const struct posthorn_event *at, size_t count)
{
    struct receive *r = &p->receive;
    for (size_t n = 0; n < count; n++) {
        struct cursor *c = &p->cursor;
        if (at[n].i) {
            if (c->knows_i && at[n].i <= c->i)
                continue; /* another way, or a connection that broke, had brought it */
            if (c->knows_i && at[n].i != c->i + 1)
                return false;
            c->i = at[n].i;
            c->knows_i = true;
            r->is_unsaved = true;
            r->unacked_ms = r->unacked++ ? r->unacked_ms : clock_ms();
        }
        if (p->on.on_event)
            p->on.on_event(p->on.context, &at[n]);
        if (r->lock == RECEIVE_LOCK_NONE)
            return true; /* the callback has had enough: c->i says where to go on */
    }
    return true;
}

static void save(struct posthorn *p)
{
    if (p->receive.is_unsaved && !cursor_save(&p->cursor, p->state_dir)) {
        client_fail(p, POSTHORN_FAILED, "state", "the cursor can't be written");
        client_online(p, false, &p->why);
    }
    p->receive.is_unsaved = false;
}

/* False: it does not continue what was handed on. */
static bool dispatch_batch(struct posthorn *p, struct posthorn_answer *a)
{
    struct receive *r = &p->receive;
    const struct posthorn_event *at;
    struct cursor next = p->cursor;
    size_t count;
    if (!wire_events(a, "events", &at, &count) || !cursor_set(&next, wire_string(a, "cursor")))
        return false;
    uint64_t newest = count ? at[count - 1].i : 0;
    bool is_old = count == 0 || (p->cursor.knows_i && newest <= p->cursor.i);
    if (!hand_on(p, at, count))
        return false;
    r->gaps = count ? 0 : r->gaps;
    /* Stopped in the middle: the old cursor with the new number gives the rest the next time. What a slower
     * way repeats does not take the cursor back. */
    if (r->lock == RECEIVE_LOCK_NONE)
        return true;
    if (!is_old)
        memcpy(p->cursor.text, next.text, sizeof next.text);
    lanes_heard(p, count == 0, clock_ms());
    return true;
}

static void dispatch_queue(struct posthorn *p)
{
    struct receive *r = &p->receive;
    struct receive_batch *b;
    while (r->lock != RECEIVE_LOCK_NONE && (b = TAILQ_FIRST(&r->queue))) {
        TAILQ_REMOVE(&r->queue, b, entry);
        r->queued_bytes -= b->bytes;
        bool is_next = dispatch_batch(p, b->answer);
        wire_free(&b->answer);
        free(b);
        if (is_next)
            continue;
        drop_queue(r); /* the rest can't continue it either */
        lanes_restart(p, clock_ms() + backoff_next(&r->backoff, 0));
        if (++r->gaps >= RECEIVE_GAPS_MOST)
            receive_resync(p);
    }
    save(p);
}

static void dispatch_snapshot(struct posthorn *p, struct posthorn_answer *a)
{
    struct receive *r = &p->receive;
    const struct posthorn_conversation *at;
    size_t count;
    struct cursor next = { 0 };
    if (!wire_conversations(a, &at, &count) || !cursor_set(&next, wire_string(a, "cursor"))) {
        due_in(p, backoff_next(&r->backoff, 0));
        return;
    }
    if (p->on.on_resync)
        p->on.on_resync(p->on.context, at, count);
    p->cursor = next;
    r->gaps = 0;
    r->is_unsaved = true;
    save(p);
    if (r->lock == RECEIVE_LOCK_NONE)
        return; /* the callback stopped receiving */
    backoff_reset(&r->backoff);
    r->state = RECEIVE_ON;
    lanes_start(p, clock_ms());
}

void receive_dispatch(struct posthorn *p)
{
    struct receive *r = &p->receive;
    dispatch_queue(p);
    struct posthorn_answer *a = r->snapshot;
    if (!a)
        return;
    r->snapshot = NULL; /* the state stays: nothing is asked while a callback asks the server something */
    dispatch_snapshot(p, a);
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
    r->hold_s = p->poll_s;
    r->unacked = 0;
    r->head[0] = 0;
    if (p->cursor.text[0] == 0) {
        due_in(p, 0);
        return 0;
    }
    r->state = RECEIVE_ON;
    lanes_start(p, clock_ms());
    return 0;
}

void receive_stop(struct posthorn *p)
{
    struct receive *r = &p->receive;
    if (r->request)
        http_cancel(p->http, r->request);
    lanes_stop(p);
    drop_queue(r);
    wire_free(&r->snapshot);
    save(p);
    if (r->lock >= 0)
        close(r->lock);
    r->lock = RECEIVE_LOCK_NONE;
    r->request = NULL;
    r->is_behind = false;
    r->state = RECEIVE_OFF;
}
