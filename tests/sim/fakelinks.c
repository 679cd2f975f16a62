/* sim/fakelinks.c - node/links.h without sockets: streams of frames that take their time, break and come back
 *
 * Frames of a stream are numbered; the receiver remembers which it wants next, so a stream that comes back goes on
 * where it broke, unless one of the two is another incarnation.
 */
#include "sim/fakelinks.h"
#include "base/check.h"
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { PEERS = 16 };

struct fakelinks_frame {
    TAILQ_ENTRY(fakelinks_frame) queue;
    uint64_t number;
    struct blob *bytes;
};

struct fakelinks_stream {
    struct links *links;
    bool is_used, is_up;
    uint32_t node, process; /* the peer's; process: once it was up */
    uint64_t incarnation, generation, numbers, sent, bytes, last_us;
    TAILQ_HEAD(fakelinks_queue, fakelinks_frame) queue; /* said and not acknowledged */
};

struct links {
    LIST_ENTRY(links) all;
    struct loop *loop;
    uint32_t process;
    uint64_t era;
    struct links_self self;
    const struct links_events *events;
    void *ctx;
    struct links_stats stats;
    bool is_freed;
    struct fakelinks_stream *to[PEERS];
    struct {
        uint64_t incarnation, next;
    } from[PEERS];
};

struct fakelinks_packet {
    struct fakelinks_stream *stream;
    struct links *target;
    uint64_t generation, first;
    uint32_t count;
    struct blob *bytes[64];
};

LIST_HEAD(fakelinks_list, links);
static struct fakelinks_list fakelinks_all;

void fakelinks_reset(void)
{
    LIST_INIT(&fakelinks_all);
}

static bool fakelinks_is_alive(const struct links *l)
{
    return !l->is_freed && world_it()->era[l->process] == l->era;
}

static struct links *fakelinks_find(uint32_t node, uint64_t incarnation)
{
    struct links *l;

    LIST_FOREACH(l, &fakelinks_all, all)
    {
        if (l->self.node == node && l->self.incarnation == incarnation && fakelinks_is_alive(l))
            return l;
    }
    return NULL;
}

struct links *links_new(struct loop *loop, const struct config *c, struct links_self self,
                        const struct links_events *events, void *ctx)
{
    struct links *l = calloc(1, sizeof *l);

    CHECK(l && self.node < PEERS);
    l->loop = loop;
    l->process = (uint32_t)c->node_id;
    l->era = world_it()->era[l->process];
    l->self = self;
    l->events = events;
    l->ctx = ctx;
    LIST_INSERT_HEAD(&fakelinks_all, l, all);
    return l;
}

/* Streams are kept: what is on its way points to them. */
void links_free(struct links **l)
{
    if (!*l)
        return;
    LIST_REMOVE(*l, all);
    (*l)->is_freed = true;
    for (uint32_t n = 0; n < PEERS; n++) {
        if ((*l)->to[n])
            (*l)->to[n]->generation++, (*l)->to[n]->is_used = (*l)->to[n]->is_up = false;
    }
    *l = NULL;
}

static bool fakelinks_is_cut(uint32_t a, uint32_t b)
{
    struct world *w = world_it();

    return w->cut_us[a][b] > w->now_us || w->cut_us[b][a] > w->now_us;
}

struct fakelinks_stranger {
    struct links *links;
    uint32_t node;
};

static void fakelinks_is_strange(void *ctx)
{
    struct fakelinks_stranger *s = ctx;

    if (fakelinks_is_alive(s->links) && s->links->events->stranger)
        s->links->events->stranger(s->links->ctx, s->node);
    free(s);
}

/* The target does not know who that is. */
static void fakelinks_refuse(struct links *target, uint32_t node)
{
    struct fakelinks_stranger *s = calloc(1, sizeof *s);

    CHECK(s);
    *s = (struct fakelinks_stranger){ target, node };
    world_at(world_between(100, 800), target->process, fakelinks_is_strange, s);
}

static bool fakelinks_knows(const struct links *l, struct links_self who)
{
    return l->to[who.node] && l->to[who.node]->incarnation == who.incarnation;
}

static void fakelinks_try(void *ctx)
{
    struct fakelinks_stream *s = ctx;
    struct links *l = s->links, *target;

    if (!s->is_used || s->is_up || l->is_freed)
        return;
    target = fakelinks_find(s->node, s->incarnation);
    bool is_there = target && !fakelinks_is_cut(l->process, target->process) &&
                    world_it()->pause_us[target->process] <= world_it()->now_us;
    if (is_there && !fakelinks_knows(target, l->self))
        fakelinks_refuse(target, l->self.node);
    if (!is_there || !fakelinks_knows(target, l->self)) {
        world_at(world_between(50, 1000) * WORLD_MS, l->process, fakelinks_try, s);
        return;
    }
    if (target->from[l->self.node].incarnation != l->self.incarnation) {
        target->from[l->self.node].incarnation = l->self.incarnation;
        target->from[l->self.node].next = 1;
    }
    s->process = target->process;
    s->sent = target->from[l->self.node].next - 1;
    s->is_up = true;
    l->stats.connects++;
    l->events->up(l->ctx, s->node);
}

static void fakelinks_drop_queue(struct fakelinks_stream *s)
{
    struct fakelinks_frame *f;

    while ((f = TAILQ_FIRST(&s->queue))) {
        TAILQ_REMOVE(&s->queue, f, queue);
        blob_free(&f->bytes);
        free(f);
    }
    s->bytes = 0;
}

static void fakelinks_end(struct links *l, struct fakelinks_stream *s)
{
    uint32_t node = s->node;

    s->is_used = s->is_up = false;
    s->generation++;
    fakelinks_drop_queue(s);
    l->to[node] = NULL;
    l->events->down(l->ctx, node, true);
}

static void fakelinks_begin(struct links *l, const struct links_peer *p)
{
    struct fakelinks_stream *s = calloc(1, sizeof *s);

    CHECK(s && p->node < PEERS);
    s->links = l;
    s->is_used = true;
    s->node = p->node;
    s->incarnation = p->incarnation;
    TAILQ_INIT(&s->queue);
    l->to[p->node] = s;
    world_at(world_between(1, 20) * WORLD_MS, l->process, fakelinks_try, s);
}

void links_set(struct links *l, const struct links_peer *peers, uint32_t count)
{
    for (uint32_t node = 0; node < PEERS; node++) {
        const struct links_peer *is = NULL;
        for (uint32_t k = 0; k < count; k++) {
            if (peers[k].node == node)
                is = &peers[k];
        }
        if (l->to[node] && (!is || is->incarnation != l->to[node]->incarnation))
            fakelinks_end(l, l->to[node]);
        if (is && !l->to[node])
            fakelinks_begin(l, is);
    }
}

bool links_is_up(const struct links *l, uint32_t node)
{
    return node < PEERS && l->to[node] && l->to[node]->is_up;
}

bool links_send(struct links *l, uint32_t node, struct blob *frame)
{
    struct fakelinks_stream *s = node < PEERS ? l->to[node] : NULL;

    if (!s || s->bytes + frame->bytes > world_it()->link_bytes_max) {
        l->stats.dropped++;
        return false;
    }
    struct fakelinks_frame *f = calloc(1, sizeof *f);
    CHECK(f);
    f->number = ++s->numbers;
    f->bytes = blob_ref(frame);
    s->bytes += frame->bytes;
    TAILQ_INSERT_TAIL(&s->queue, f, queue);
    return true;
}

struct fakelinks_ack {
    struct fakelinks_stream *stream;
    uint64_t generation, number;
};

static void fakelinks_acked(void *ctx)
{
    struct fakelinks_ack *a = ctx;
    struct fakelinks_stream *s = a->stream;
    struct fakelinks_frame *f;

    while (s->generation == a->generation && (f = TAILQ_FIRST(&s->queue)) && f->number <= a->number) {
        TAILQ_REMOVE(&s->queue, f, queue);
        s->bytes -= f->bytes->bytes;
        blob_free(&f->bytes);
        free(f);
    }
    free(a);
}

/* Whether a broken rule swallows the frame. */
static bool fakelinks_swallows(const struct frame *f)
{
    enum mutant m = world_it()->mutant;

    if (world_it()->is_large && f->type == FRAME_CHECK)
        return world_chance(950);
    if (m == MUTANT_NOT_HANDED_ON && f->type == FRAME_NOTICE && f->hops >= 2)
        return true;
    if (m == MUTANT_HOME_FORGETS && f->type == FRAME_REGISTER)
        return true;
    if (m == MUTANT_FRAMES_LOST && (f->type == FRAME_NOTICE || f->type == FRAME_DELIVER))
        return world_chance(300);
    return m == MUTANT_NO_ANTI_ENTROPY &&
           (f->type == FRAME_CHECK || f->type == FRAME_DOUBT || f->type == FRAME_HEADS);
}

static void fakelinks_arrived(void *ctx)
{
    struct fakelinks_packet *p = ctx;
    struct fakelinks_stream *s = p->stream;
    struct links *l = p->target;
    uint32_t from = s->links->self.node;
    bool is_good =
        s->generation == p->generation && fakelinks_is_alive(l) && fakelinks_knows(l, s->links->self);

    for (uint32_t k = 0; k < p->count; k++) {
        struct frame f;
        if (is_good && l->from[from].incarnation == s->links->self.incarnation &&
            l->from[from].next == p->first + k) {
            l->from[from].next++;
            l->stats.frames_in++;
            CHECK(frame_decode(blob_text(p->bytes[k]), &f) == ERR_OK);
            if (!fakelinks_swallows(&f))
                l->events->frame(l->ctx, from, &f);
        }
        blob_free(&p->bytes[k]);
    }
    if (is_good) {
        struct fakelinks_ack *a = calloc(1, sizeof *a);
        CHECK(a);
        *a = (struct fakelinks_ack){ s, p->generation, l->from[from].next - 1 };
        if (fakelinks_is_alive(s->links))
            world_at(world_between(100, 800), s->links->process, fakelinks_acked, a);
        else
            free(a);
    }
    free(p);
}

static void fakelinks_post(struct links *l, struct fakelinks_stream *s, struct fakelinks_packet *p)
{
    uint64_t now_us = world_it()->now_us, at_us = now_us + world_between(50, 800);

    if (at_us <= s->last_us)
        at_us = s->last_us + 1;
    s->last_us = at_us;
    p->stream = s;
    p->generation = s->generation;
    p->target = fakelinks_find(s->node, s->incarnation);
    l->stats.frames_out += p->count;
    if (p->target && !fakelinks_is_cut(l->process, s->process)) {
        world_at(at_us - now_us, s->process, fakelinks_arrived, p);
        return;
    }
    for (uint32_t k = 0; k < p->count; k++)
        blob_free(&p->bytes[k]);
    free(p);
}

static void fakelinks_flush(struct links *l, struct fakelinks_stream *s)
{
    struct fakelinks_packet *p = NULL;
    struct fakelinks_frame *f;

    TAILQ_FOREACH(f, &s->queue, queue)
    {
        if (f->number <= s->sent)
            continue;
        if (!p) {
            p = calloc(1, sizeof *p);
            CHECK(p);
            p->first = f->number;
        }
        p->bytes[p->count++] = blob_copy(blob_text(f->bytes));
        s->sent = f->number;
        if (p->count == 64) {
            fakelinks_post(l, s, p);
            p = NULL;
        }
    }
    if (p)
        fakelinks_post(l, s, p);
}

void links_flush(struct links *l)
{
    for (uint32_t node = 0; node < PEERS; node++) {
        if (l->to[node] && l->to[node]->is_up)
            fakelinks_flush(l, l->to[node]);
    }
}

void links_stats_read(const struct links *l, struct links_stats *into)
{
    *into = l->stats;
}

/* Nobody asks: there are no sockets here. */
void links_request(struct exchange *x, void *ctx)
{
    (void)x;
    (void)ctx;
    abort();
}

void exchange_abort(struct exchange *x)
{
    (void)x;
    abort();
}

/* The sender sees it. */
static void fakelinks_seen(void *ctx)
{
    struct fakelinks_stream *s = ctx;
    struct links *l = s->links;

    if (!s->is_used || l->is_freed || s->is_up)
        return;
    l->events->down(l->ctx, s->node, false);
    world_at(world_between(1, 50) * WORLD_MS, l->process, fakelinks_try, s);
}

static void fakelinks_cut(struct links *l, uint32_t process, uint64_t seen_us)
{
    for (uint32_t node = 0; node < PEERS; node++) {
        struct fakelinks_stream *s = l->to[node];
        if (!s || !s->is_up || s->process != process)
            continue;
        s->is_up = false;
        s->generation++;
        world_at(seen_us, l->process, fakelinks_seen, s);
    }
}

void fakelinks_break(uint32_t a, uint32_t b)
{
    struct links *l;

    LIST_FOREACH(l, &fakelinks_all, all)
    {
        if (fakelinks_is_alive(l) && l->process == a)
            fakelinks_cut(l, b, world_between(1, 1500) * WORLD_MS);
        if (fakelinks_is_alive(l) && l->process == b)
            fakelinks_cut(l, a, world_between(1, 1500) * WORLD_MS);
    }
}

void fakelinks_died(uint32_t process, bool is_seen)
{
    struct links *l;

    LIST_FOREACH(l, &fakelinks_all, all)
    {
        if (fakelinks_is_alive(l) && l->process != process)
            fakelinks_cut(l, process, is_seen ? world_between(1, 20) * WORLD_MS : 1500 * WORLD_MS);
    }
}
