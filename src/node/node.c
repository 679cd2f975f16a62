/* node/node.c - from being alone to being one of many: joining, peers, tables, and the last word */
#include "node/node.h"
#include "base/die.h"
#include "base/log.h"
#include "node/relay.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_SWEEP_MS = 200, NODE_SWEEP_SOME = 2000 };

struct node *node_new(const struct node_parts *parts)
{
    struct node *n = calloc(1, sizeof *n);

    CHECK(n);
    n->parts = *parts;
    n->heads = heads_new(parts->chat->loop, parts->chat->ops, parts->chat->store, parts->hub, relay_place, n);
    return n;
}

void node_stop(struct node *n)
{
    n->is_stopped = true;
    n->peers = 0;
    hub_set_alone(n->parts.hub, true);
    if (n->forwarder)
        forwarder_stop(n->forwarder);
    if (n->links)
        links_free(&n->links);
    if (n->cluster)
        cluster_stop(n->cluster);
    loop_timer_clear(&n->sweep);
}

void node_free(struct node **at)
{
    struct node *n = *at;

    if (!n)
        return;
    if (n->cluster) {
        forwarder_free(&n->forwarder);
        heir_free(&n->heir);
        here_free(&n->here);
        registry_free(&n->registry);
        cluster_free(&n->cluster);
    }
    heads_free(&n->heads);
    free(n);
    *at = NULL;
}

static void node_link_up(void *ctx, uint32_t node)
{
    struct node *n = ctx;

    here_link_up(n->here, node);
}

static void node_link_down(void *ctx, uint32_t node, bool is_lost)
{
    struct node *n = ctx;

    here_link_down(n->here, node, is_lost);
    if (is_lost)
        n->doubts[node] |= NODE_DOUBT_HOME | NODE_DOUBT_EDGE, n->has_doubts = true;
    forwarder_link_down(n->forwarder, node);
    cluster_hurry(n->cluster);
}

/* Somebody whom the list does not name yet, or not by that incarnation: it is read now. */
static void node_stranger(void *ctx, uint32_t node)
{
    struct node *n = ctx;

    (void)node;
    cluster_hurry(n->cluster);
}

static const struct links_events node_links_events = {
    .up = node_link_up, .down = node_link_down, .frame = relay_frame, .stranger = node_stranger
};

static void node_joined(void *ctx, uint32_t node, uint64_t incarnation, uint64_t replaced)
{
    struct node *n = ctx;
    struct links_self self = { node, incarnation };

    log_line(LOG_INFO, "joined", "node=%u incarnation=%" PRIu64 " replaced=%" PRIu64, node, incarnation,
             replaced);
    for (uint32_t id = 0; id < REGISTRY_NODES; id++) {
        if (n->is_peer[id]) /* what was said as somebody else counts no more */
            here_link_down(n->here, id, true);
        n->is_peer[id] = false;
    }
    n->self = node;
    n->incarnation = incarnation;
    if (n->links)
        links_free(&n->links);
    n->links = links_new(n->parts.chat->loop, n->parts.chat->config, self, &node_links_events, n);
    here_self(n->here, node);
    n->replaced = replaced;
}

/* The row of a node that can be linked: not of the dead, and with an address that reaches it from here. */
static bool node_peer_of(const struct node *n, const struct node_row *row, struct links_peer *into)
{
    bool is_near = text_equal(row->host, n->joined_as->host) && row->link_local.bytes > 0;
    struct text address = is_near ? row->link_local : row->link;

    if (row->id == n->self || row->state == NODE_DEAD || address.bytes == 0 ||
        address.bytes >= sizeof into->address)
        return false;
    *into = (struct links_peer){ .node = row->id, .incarnation = row->incarnation };
    memcpy(into->address, address.at, address.bytes);
    if (row->host.bytes < sizeof into->host) /* longer than a certificate's name can be: none will do */
        memcpy(into->host, row->host.at, row->host.bytes);
    return true;
}

static void node_forget_peer(struct node *n, uint32_t node)
{
    registry_forget(n->registry, node);
    n->is_peer[node] = false;
}

static void node_nodes(void *ctx, const struct node_list *now)
{
    struct node *n = ctx;
    struct links_peer *peer = calloc(now->count + 1, sizeof *peer);
    bool is_there[REGISTRY_NODES] = { false };

    CHECK(peer);
    n->peers = 0;
    for (uint32_t k = 0; k < now->count; k++) {
        uint32_t id = now->at[k].id;
        if (!node_peer_of(n, &now->at[k], &peer[n->peers]))
            continue;
        if (n->is_peer[id] && n->peer_incarnation[id] != now->at[k].incarnation)
            node_forget_peer(n, id);
        n->is_peer[id] = is_there[id] = true;
        n->peer_incarnation[id] = now->at[k].incarnation;
        n->peers++;
    }
    for (uint32_t id = 0; id < REGISTRY_NODES; id++) {
        if (n->is_peer[id] && !is_there[id])
            node_forget_peer(n, id);
    }
    hub_set_alone(n->parts.hub, n->peers == 0);
    if (n->peers == 0)
        here_alone(n->here);
    links_set(n->links, peer, n->peers);
    free(peer);
}

static void node_table(void *ctx, const struct ring *now, const struct ring *before, uint64_t epoch)
{
    struct node *n = ctx;

    log_line(LOG_INFO, "table", "epoch=%" PRIu64 " nodes=%u moved=%u", epoch, now ? now->count : 0,
             now && before ? ring_moves(before, now) : 0);
    here_table(n->here, now);
    if (n->replaced) /* not before: whom it concerns is known only now */
        heir_of(n->heir, n->self);
    n->replaced = 0;
}

static void node_made(void *ctx, const struct node_change *c)
{
    struct node *n = ctx;

    relay_epoch(n, c->made.epoch);
    for (uint32_t k = 0; k < c->evicted_count; k++)
        heir_of(n->heir, c->evicted[k].id);
}

/* Whoever thinks otherwise commits elsewhere; what is here goes on, and is registered anew when there is a lease. */
static void node_fenced(void *ctx)
{
    struct node *n = ctx;

    log_line(LOG_WARN, "fenced", "node=%u incarnation=%" PRIu64, n->self, n->incarnation);
    here_doubt_all(n->here);
}

static const struct cluster_events node_cluster_events = {
    .joined = node_joined, .nodes = node_nodes, .table = node_table, .made = node_made, .fenced = node_fenced
};

static void node_forwarded(void *ctx, const struct notices *notices)
{
    relay_tell(ctx, notices);
}

static const struct forwarder_calls node_forwarder_calls = { .tell = node_forwarded };
static const struct heir_calls node_heir_calls = { .place = relay_place, .too_many = relay_doubt_all };

static void node_sweep(void *ctx)
{
    struct node *n = ctx;

    registry_sweep(n->registry, NODE_SWEEP_SOME);
    loop_timer_set(&n->sweep, NODE_SWEEP_MS);
}

void node_join(struct node *n, const struct cluster_self *self)
{
    struct chat *chat = n->parts.chat;
    struct here_parts here = { chat->loop, n->parts.hub, n->heads, &n->links };

    n->joined_as = self;
    n->registry = registry_new();
    n->here = here_new(&here);
    n->forwarder = forwarder_new(chat, &n->links, &node_forwarder_calls, n);
    n->heir = heir_new(chat->loop, chat->ops, chat->store, &node_heir_calls, n);
    n->cluster = cluster_new(chat->loop, chat->ops, chat->store, chat->ids, self, &node_cluster_events, n);
    loop_timer_init(&n->sweep, chat->loop, node_sweep, n);
    loop_timer_set(&n->sweep, NODE_SWEEP_MS);
    cluster_start(n->cluster);
}

void node_look(struct node *n)
{
    relay_look_at_timeline(n);
    if (n->cluster && !n->is_stopped)
        cluster_turn(n->cluster);
}

void node_turn(struct node *n)
{
    if (!n->cluster || n->is_stopped)
        return;
    if (!n->links)
        return;
    here_turn(n->here);
    relay_tell_doubts(n);
    links_flush(n->links);
}

void node_link_request(struct exchange *x, void *ctx)
{
    struct node *n = ctx;

    if (n->links)
        links_request(x, n->links);
    else
        exchange_abort(x);
}

void node_tell(struct node *n, const struct notices *notices)
{
    die_at("telling");
    relay_tell(n, notices);
}

void node_signal(struct node *n, const struct members *to, struct device_id from, struct blob *encoded)
{
    relay_signal(n, to, from, encoded);
}

void node_revoked(struct node *n, struct user_id user, struct device_id device)
{
    relay_revoked(n, user, device);
}

void node_changed(struct node *n, struct conversation_id conversation)
{
    relay_changed(n, conversation);
}

bool node_may_send(const struct node *n)
{
    return !n->cluster || cluster_may_send(n->cluster);
}

bool node_is_left_behind(const struct node *n)
{
    return n->cluster && cluster_is_left_behind(n->cluster);
}

uint32_t node_standing(const struct node *n)
{
    return n->cluster ? 1 : 0;
}

bool node_is_ready(const struct node *n)
{
    return !n->cluster || (n->links && cluster_ring(n->cluster) && cluster_may_send(n->cluster));
}

const struct cluster *node_cluster(const struct node *n)
{
    return n->cluster;
}

bool node_is_elsewhere(const struct node *n, struct conversation_id conversation, uint32_t *home)
{
    if (n->peers == 0)
        return false;
    *home = relay_home(n, conversation.n);
    return *home != n->self && links_is_up(n->links, *home);
}

void node_forward(struct node *n, struct forwarder_send *s, uint32_t home, struct op *op)
{
    forwarder_start(n->forwarder, s, home, op);
}

void node_load(struct node *n, uint32_t load)
{
    if (n->cluster)
        cluster_load(n->cluster, load);
}

void node_drain(struct node *n, struct op *op)
{
    if (n->cluster)
        cluster_drain(n->cluster, op);
    else
        op_wake(op, ERR_OK);
}

void node_leave(struct node *n, struct op *op)
{
    if (n->cluster)
        cluster_leave(n->cluster, op);
    else
        op_wake(op, ERR_OK);
}

void node_stats_read(const struct node *n, struct node_stats *into)
{
    struct forwarder_stats forwarded;
    struct links_stats links;
    struct here_stats here;

    *into = n->stats;
    into->nodes = n->peers + 1;
    if (!n->links)
        return;
    links_stats_read(n->links, &links);
    here_stats_read(n->here, &here);
    forwarder_stats_read(n->forwarder, &forwarded);
    into->forwarded = forwarded.out;
    into->forward_lost = forwarded.lost;
    into->forwarded_in = forwarded.in;
    into->healed = here.healed;
    into->links_up = links.up;
    into->link_bytes_out = links.bytes_out;
    into->link_frames_out = links.frames_out;
    into->link_frames_dropped = links.dropped;
    into->registered = registry_count(n->registry);
    into->users_here = here.users;
}
