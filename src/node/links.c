/* node/links.c - a stream of frames to every other node, and one from each of them
 *
 * Who the others are, and one clock for all of them. What we say is linksout.c's, what they say linksin.c's.
 */
#include "node/links.h"
#include "base/log.h"
#include "limits.h"
#include "net/tls.h"
#include "node/links_inside.h"

static struct links_slot *slot_of(struct links *l, uint32_t node)
{
    struct links_slot *s;

    CHECK(node < LINKS_NODES);
    s = l->slot[node];
    if (s)
        return s;
    s = calloc(1, sizeof(*s));
    CHECK(s);
    s->links = l;
    s->node = node;
    linksout_init(s);
    l->slot[node] = s;
    l->nodes[l->nodes_count++] = node;
    return s;
}

bool links_is_local(const struct links_peer *p)
{
    return strncmp(p->address, "unix:", 5) == 0;
}

bool links_stood_still(const struct links *l)
{
    return loop_now_ms(l->loop) - l->ticked_ms > LIMIT_LINK_SILENT_MS;
}

/* As if nobody had said anything meanwhile, when it was we who stood still. */
static void on_tick(void *ctx)
{
    struct links *l = ctx;
    uint64_t now_ms = loop_now_ms(l->loop);
    bool looks_away = now_ms - l->ticked_ms > LIMIT_LINK_SILENT_MS / 2;

    if (links_stood_still(l))
        linksin_end_all(l, "stood_still");
    l->ticked_ms = now_ms;
    for (uint32_t k = 0; k < l->nodes_count; k++)
        linksout_tick(l->slot[l->nodes[k]], now_ms, looks_away);
    linksin_tick(l, now_ms, looks_away);
    loop_timer_set(&l->tick, LINKS_TICK_MS);
}

struct links *links_new(struct loop *loop, const struct config *c, struct links_self self,
                        const struct links_events *events, void *ctx)
{
    struct links *l = calloc(1, sizeof(*l));

    CHECK(l && self.node < LINKS_NODES && self.incarnation);
    l->loop = loop;
    l->config = c;
    l->self = self;
    l->events = events;
    l->ctx = ctx;
    TAILQ_INIT(&l->dirty);
    TAILQ_INIT(&l->ins);
    TAILQ_INIT(&l->due);
    TAILQ_INIT(&l->dead);
    l->ticked_ms = loop_now_ms(loop);
    loop_timer_init(&l->tick, loop, on_tick, l);
    loop_timer_set(&l->tick, LINKS_TICK_MS);
    return l;
}

void links_free(struct links **at)
{
    struct links *l = *at;

    if (!l)
        return;
    loop_timer_clear(&l->tick);
    linksin_end_all(l, "closing");
    linksin_flush(l);
    for (uint32_t k = 0; k < l->nodes_count; k++) {
        linksout_fini(l->slot[l->nodes[k]]);
        free(l->slot[l->nodes[k]]);
    }
    tls_free(&l->tls);
    free(l);
    *at = NULL;
}

static void leave_peer(struct links_slot *s)
{
    s->is_peer = false;
    s->links->stats.peers--;
    if (s->in)
        linksin_end(s->in, "not_a_peer");
    linksout_lose(s);
}

/* A new incarnation knows nothing of what was said to the one before. */
static void enter_peer(struct links_slot *s, const struct links_peer *p)
{
    if (s->peer.incarnation != p->incarnation) {
        s->out.number = 1;
        s->out.number_said = 0;
    }
    s->peer = *p;
    s->is_peer = true;
    s->links->stats.peers++;
    if (s->in && s->in_incarnation < p->incarnation)
        linksin_end(s->in, "old_incarnation");
    linksout_start(s);
}

static void set_peer(struct links *l, const struct links_peer *p)
{
    struct links_slot *s = slot_of(l, p->node);

    if (s->is_peer && s->peer.incarnation == p->incarnation) {
        if (strcmp(s->peer.address, p->address) == 0 && strcmp(s->peer.host, p->host) == 0)
            return;
        s->peer = *p;
        linksout_break(s, "address");
        return;
    }
    if (s->is_peer)
        leave_peer(s);
    enter_peer(s, p);
}

void links_set(struct links *l, const struct links_peer *peers, uint32_t count)
{
    bool is_there[LINKS_NODES] = { false };

    for (uint32_t k = 0; k < count; k++) {
        CHECK(peers[k].node < LINKS_NODES && peers[k].node != l->self.node && peers[k].incarnation);
        is_there[peers[k].node] = true;
    }
    for (uint32_t k = 0; k < l->nodes_count; k++) {
        struct links_slot *s = l->slot[l->nodes[k]];

        if (s->is_peer && !is_there[s->node])
            leave_peer(s);
    }
    for (uint32_t k = 0; k < count; k++)
        set_peer(l, &peers[k]);
}

bool links_is_up(const struct links *l, uint32_t node)
{
    return node < LINKS_NODES && l->slot[node] && l->slot[node]->out.state == LINKSOUT_UP;
}

bool links_send(struct links *l, uint32_t node, struct blob *frame)
{
    struct links_slot *s = node < LINKS_NODES ? l->slot[node] : NULL;
    bool is_kept = s && s->is_peer && linksout_keep(s, frame);

    l->stats.dropped += !is_kept;
    return is_kept;
}

void links_flush(struct links *l)
{
    struct links_slot *s;

    while ((s = TAILQ_FIRST(&l->dirty))) {
        TAILQ_REMOVE(&l->dirty, s, dirty);
        s->out.is_dirty = false;
        linksout_flush(s);
    }
    linksin_flush(l);
}

void links_request(struct exchange *x, void *ctx)
{
    linksin_request(ctx, x);
}

void links_stats_read(const struct links *l, struct links_stats *into)
{
    *into = l->stats;
}
