/* check/spans.c - memberships, conversation by conversation */
#include "check/spans.h"
#include "base/check.h"
#include <inttypes.h>
#include <stdlib.h>

/* Those who are in, while a conversation is walked back. */
struct spans_walk {
    struct spans *s;
    size_t room;
    const struct database_conversation *c;
    struct verdicts *v;
    struct spans_now {
        uint64_t user, to, joined; /* joined: as the member table has it, 0 for who left later */
    } * now;
    size_t count, now_room;
};

static void spans_enter(struct spans_walk *w, uint64_t user, uint64_t to, uint64_t joined)
{
    w->now = database_more(w->now, w->count, &w->now_room, sizeof *w->now);
    w->now[w->count++] = (struct spans_now){ user, to, joined };
}

static size_t spans_look(const struct spans_walk *w, uint64_t user)
{
    size_t k = 0;

    while (k < w->count && w->now[k].user != user)
        k++;
    return k;
}

static void spans_add(struct spans_walk *w, size_t k, uint64_t from)
{
    struct spans_now now = w->now[k];

    if (now.joined && now.joined != from)
        verdict_bad(w->v, VERDICT_I4, 0,
                    "the member table says that user %" PRIu64 " joined %" PRIu64 " at seq %" PRIu64
                    ", by its events it was %" PRIu64,
                    now.user, w->c->id, now.joined, from);
    w->s->span = database_more(w->s->span, w->s->count, &w->room, sizeof *w->s->span);
    w->s->span[w->s->count++] = (struct span){ .user = now.user, .from = from, .to = now.to };
    w->now[k] = w->now[--w->count];
}

static void spans_back(struct spans_walk *w, const struct database_event *e, uint64_t seq)
{
    size_t k = spans_look(w, e->user);

    if (e->change == CHANGE_JOINED && k < w->count)
        spans_add(w, k, seq);
    else if (e->change == CHANGE_GONE && k == w->count)
        spans_enter(w, e->user, seq, 0);
    else
        verdict_bad(w->v, VERDICT_I4, 0,
                    "%" PRIu64 "/%" PRIu64 " says that user %" PRIu64 " %s, but they %s afterwards", w->c->id,
                    seq, e->user, e->change == CHANGE_JOINED ? "joined" : "went",
                    e->change == CHANGE_JOINED ? "are no member" : "are a member");
}

static int spans_order(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    return x->from < y->from ? -1 : x->from > y->from;
}

/* A conversation whose seqs leap gets no more bits than a few for each of its rows. */
static uint64_t spans_top(const struct database_conversation *c)
{
    return 4 * (uint64_t)c->count + 64;
}

bool spans_has_seen(const struct spans *s, const struct database_conversation *c, const struct span *span,
                    uint64_t seq)
{
    size_t bit = span->bit + (seq - span->from);

    return seq > spans_top(c) || (s->seen[bit / 64] >> bit % 64 & 1);
}

void spans_see(struct spans *s, const struct database_conversation *c, const struct span *span, uint64_t seq)
{
    size_t bit = span->bit + (seq - span->from);

    if (seq <= spans_top(c))
        s->seen[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* Bits for the seqs that have rows. */
static void spans_make_room(struct spans *s, const struct database *d)
{
    size_t bits = 0;

    for (size_t n = 0; n < d->conversations; n++) {
        const struct database_conversation *c = &d->conversation[n];
        uint64_t top = c->count ? d->message[c->first + c->count - 1].seq : 0;
        top = top < spans_top(c) ? top : spans_top(c);
        for (struct span *span = &s->span[c->span]; span < &s->span[c->span + c->spans]; span++) {
            uint64_t to = span->to < top ? span->to : top;
            span->bit = bits;
            bits += to >= span->from ? to - span->from + 1 : 0;
        }
    }
    s->seen = calloc(bits / 64 + 1, sizeof *s->seen);
    CHECK(s->seen);
}

void spans_make(struct spans *s, struct database *d, struct verdicts *v)
{
    struct spans_walk w = { .s = s, .v = v };
    size_t member = d->members, event = d->events;

    *s = (struct spans){ 0 };
    for (size_t n = d->conversations; n-- > 0;) {
        struct database_conversation *c = &d->conversation[n];
        w.c = c;
        w.count = 0;
        c->span = (uint32_t)s->count;
        while (member > 0 && d->member[member - 1].conversation == n) {
            member--;
            spans_enter(&w, d->member[member].user, UINT64_MAX, d->member[member].joined_seq);
        }
        while (event > 0 && d->message[d->event[event - 1].message].conversation == n) {
            event--;
            spans_back(&w, &d->event[event], d->message[d->event[event].message].seq);
        }
        while (w.count)
            spans_add(&w, w.count - 1, 1);
        c->spans = (uint32_t)s->count - c->span;
        if (c->spans)
            qsort(&s->span[c->span], c->spans, sizeof *s->span, spans_order);
    }
    free(w.now);
    spans_make_room(s, d);
}

struct span *spans_find(const struct spans *s, const struct database_conversation *c, uint64_t user,
                        uint64_t seq)
{
    uint32_t low = c->span, high = c->span + c->spans;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->span[middle].user < user || (s->span[middle].user == user && s->span[middle].to < seq))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == c->span + c->spans || s->span[low].user != user || s->span[low].from > seq)
        return NULL;
    return &s->span[low];
}

void spans_compare(const struct spans *s, const struct database *d, uint64_t conversation, uint64_t user,
                   uint64_t seq, uint64_t to, uint64_t ns, struct verdicts *v)
{
    uint32_t n = database_conversation(d, conversation);
    const struct span *span = NULL;

    for (uint32_t k = 0; n != INDEX_NONE && k < d->conversation[n].spans && !span; k++) {
        const struct span *here = &s->span[d->conversation[n].span + k];
        if (here->user == user && (!seq || here->from == seq) && (!to || here->to == to))
            span = here;
    }
    verdict_checked(v, VERDICT_I4);
    if (!span)
        verdict_bad(v, VERDICT_I4, ns,
                    "the driver saw user %" PRIu64 " in %" PRIu64 " from seq %" PRIu64 " to %" PRIu64
                    " (0: not known); the database knows of no such membership",
                    user, conversation, seq, to);
}

void spans_fini(struct spans *s)
{
    free(s->span);
    free(s->seen);
    *s = (struct spans){ 0 };
}
