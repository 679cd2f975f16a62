/* lib/deliver.c - the outbox is sent: again and again, in order, until each message is answered */
#include "lib/deliver.h"
#include "lib/clock.h"
#include "lib/discovery.h"
#include <string.h>

/* Order: the next message of a conversation begins when the one before is answered, so no retry can
 * overtake. Conversations do not wait for each other. A failure that is not the message's own fault (no
 * connection, 408, 429, 5xx but 501 and 505) makes everything wait; any other answer ends the message. */

static bool is_worth_retrying(const struct exchange *x)
{
    int s = x->response.status;
    if (x->end != EXCHANGE_ANSWERED || s < 200)
        return true;
    return s == 408 || s == 425 || s == 429 || s == 499 || (s >= 500 && s != 501 && s != 505);
}

static struct outbox_entry *entry_of(struct posthorn *p, const struct exchange *x)
{
    struct outbox_entry *e;
    TAILQ_FOREACH(e, &p->outbox.list, entry)
    if (e->sending == x)
        return e;
    return NULL;
}

static void tell(struct posthorn *p, const struct outbox_entry *e, const struct exchange *x,
                 const struct posthorn_problem *why, bool is_stored)
{
    struct client_note *n = client_note(p, is_stored ? NOTE_SENT : NOTE_REFUSED);
    memcpy(n->key, e->key, sizeof n->key);
    memcpy(n->conversation, e->conversation, sizeof n->conversation);
    n->why = *why;
    if (!is_stored)
        return;
    struct posthorn_answer *a = wire_parse(x->response.body.at, x->response.body.bytes);
    if (a) {
        snprintf(n->id, sizeof n->id, "%s", wire_string(a, "id") ? wire_string(a, "id") : "");
        n->seq = wire_number(a, "seq");
    }
    wire_free(&a);
}

/* A captive portal answers 200 with a page: only an answer that names the message's place counts. */
static bool is_receipt(const struct exchange *x)
{
    struct posthorn_answer *a = wire_parse(x->response.body.at, x->response.body.bytes);
    bool is_one = a && client_is_id(wire_string(a, "id")) && wire_number(a, "seq") > 0;
    wire_free(&a);
    return is_one;
}

/* Silent, or again and again not able to serve us: another node may be. */
static void leave(struct posthorn *p, const struct exchange *x)
{
    if (x->end == EXCHANGE_LATE)
        nodes_silent(&p->nodes, x->moves);
    else if (x->end == EXCHANGE_ANSWERED && x->response.status >= 500)
        nodes_refused(&p->nodes, x->moves);
    if (x->moves != p->nodes.moves)
        discovery_follow(p);
}

/* A connection that broke under a request: its node may be ending, and another takes the same key at once. Only the
 * first time: what breaks again is not mended by haste. Those who had nothing under way do not come with it. */
static bool may_hurry(struct posthorn *p, const struct exchange *x)
{
    bool is_first = x->end == EXCHANGE_LOST && !p->deliver.has_hurried && !p->deliver.backoff.tries;
    p->deliver.has_hurried |= is_first;
    return is_first;
}

/* All that was under way fails for one reason: it counts once. */
static void wait_after(struct posthorn *p, const struct exchange *x, const struct posthorn_problem *why)
{
    uint64_t now_ms = clock_ms();
    if (now_ms < p->deliver.not_before_ms)
        return;
    leave(p, x);
    uint32_t wait_ms;
    if (may_hurry(p, x))
        wait_ms = clock_dice(DELIVER_HURRY_MS);
    else if (x->end == EXCHANGE_LOST)
        wait_ms = backoff_broken(&p->deliver.backoff);
    else
        wait_ms = backoff_next(&p->deliver.backoff, why->retry_ms);
    p->deliver.not_before_ms = now_ms + wait_ms;
}

static void sent(void *context, struct exchange *x)
{
    struct posthorn *p = context;
    struct outbox_entry *e = entry_of(p, x);
    CHECK(e);
    p->deliver.sending--;
    p->is_http_failing = x->end != EXCHANGE_ANSWERED;
    e->sending = NULL;
    struct posthorn_problem why;
    enum posthorn_status status = client_verdict(p, x, &why);
    bool is_stored = status == POSTHORN_OK && is_receipt(x);
    if (status == POSTHORN_LOGGED_OUT) {
        p->deliver.is_stopped = true;
        client_online(p, false, &why);
    } else if (is_stored || (status != POSTHORN_OK && !is_worth_retrying(x))) {
        backoff_reset(&p->deliver.backoff);
        p->deliver.has_hurried = false;
        nodes_served(&p->nodes);
        client_online(p, true, NULL);
        tell(p, e, x, &why, is_stored);
        outbox_done(&p->outbox, e);
    } else {
        client_online(p, x->end == EXCHANGE_ANSWERED && x->response.status == 429, &why);
        wait_after(p, x, &why);
    }
}

static bool begin(struct posthorn *p, struct outbox_entry *e, uint64_t now_ms)
{
    struct buf path = { 0 };
    buf_format(&path, "/v1/conversations/%s/messages", e->conversation);
    struct exchange *x = exchange_new("POST", path.at, client_token(p), e->body);
    buf_fini(&path);
    x->done = sent;
    x->context = p;
    if (!http_start(p->http, x, now_ms + DELIVER_ANSWER_MS)) {
        exchange_free(&x);
        return false;
    }
    e->sending = x;
    p->deliver.sending++;
    return true;
}

/* Whether an older message of the same conversation has no answer yet. */
static bool is_blocked(const struct posthorn *p, const struct outbox_entry *e)
{
    const struct outbox_entry *before;
    TAILQ_FOREACH(before, &p->outbox.list, entry)
    {
        if (before == e)
            return false;
        if (strcmp(before->conversation, e->conversation) == 0)
            return true;
    }
    return false;
}

static bool may_send(const struct posthorn *p)
{
    return p->outbox.count && !p->deliver.is_stopped && client_token(p);
}

void deliver_step(struct posthorn *p, uint64_t now_ms)
{
    struct outbox_entry *e;
    unsigned looked_at = 0;
    if (!may_send(p) || now_ms < p->deliver.not_before_ms)
        return;
    TAILQ_FOREACH(e, &p->outbox.list, entry)
    {
        if (p->deliver.sending >= DELIVER_AT_ONCE || ++looked_at > 4 * DELIVER_AT_ONCE)
            return;
        if (!e->sending && !is_blocked(p, e) && !begin(p, e, now_ms))
            return;
    }
}

uint64_t deliver_due_ms(const struct posthorn *p)
{
    if (!may_send(p) || p->deliver.sending)
        return UINT64_MAX;
    return p->deliver.not_before_ms;
}

void deliver_resume(struct posthorn *p)
{
    p->deliver.is_stopped = false;
    p->deliver.not_before_ms = 0;
    backoff_reset(&p->deliver.backoff);
}

void deliver_forget(struct posthorn *p)
{
    struct outbox_entry *e;
    TAILQ_FOREACH(e, &p->outbox.list, entry)
    {
        if (e->sending)
            http_cancel(p->http, e->sending);
        e->sending = NULL;
    }
    p->deliver.sending = 0;
}
