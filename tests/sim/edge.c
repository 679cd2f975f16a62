/* sim/edge.c - a process of the ring: the code under test, and the few lines between it and a client that api/ has
 *
 * A process that is killed is left behind as it is: what it had asked for may still be done by others, but nothing
 * happens to it any more.
 */
#include "sim/edge.h"
#include "base/check.h"
#include "chat/muster.h"
#include "chat/sessions.h"
#include "sim/edge_inside.h"
#include "sim/fakelinks.h"
#include "sim/fakeloop.h"
#include <stdlib.h>
#include <string.h>

enum {
    EDGE_EMPTY_MS = 800, /* for what was begun, when a process leaves */
    EDGE_AWAKE_US = 4000 * 1000, /* in that time it has heard everything */
};

static struct {
    struct edge_life *life[WORLD_NODES];
    uint64_t wake_us[WORLD_NODES];
    const struct edge_calls *calls;
    uint32_t processes;
    bool is_ring;
    struct node_stats gone;
} edge;

static void edge_nothing(void *ctx)
{
    (void)ctx;
}

struct edge_life *edge_life_of(uint32_t process)
{
    return edge.life[process];
}

const struct edge_calls *edge_calls_of(void)
{
    return edge.calls;
}

bool edge_is_up(uint32_t process)
{
    return edge.life[process] && !edge.life[process]->is_draining;
}

static void edge_wake_later(struct edge_life *l)
{
    uint64_t at_us, now_us = world_it()->now_us;

    if (!ops_idle(&l->ops)) {
        world_at(20, l->process, edge_nothing, NULL);
        return;
    }
    if (!fakeloop_next(l->loop, &at_us))
        return;
    if (at_us <= now_us)
        at_us = now_us + WORLD_MS;
    if (edge.wake_us[l->process] > now_us && edge.wake_us[l->process] <= at_us)
        return;
    edge.wake_us[l->process] = at_us;
    world_at(at_us - now_us, l->process, edge_nothing, NULL);
}

static void edge_gone(struct edge_life *l)
{
    struct node_stats s;

    node_stats_read(l->node, &s);
    edge.gone.handed_on += s.handed_on;
    edge.gone.inherited += s.inherited;
    edge.gone.forwarded += s.forwarded;
    edge.gone.forward_lost += s.forward_lost;
    edge.gone.healed += s.healed;
    edge.gone.doubts += s.doubts;
    edge.gone.delivered_in += s.delivered_in;
    world_it()->era[l->process]++;
    edge.life[l->process] = NULL;
}

static void edge_turn(uint32_t process, world_fn *fn, void *ctx)
{
    struct edge_life *l = edge.life[process];

    CHECK(l);
    fakeloop_happens(l->loop, fn, ctx);
    loop_wait(l->loop, true);
    node_look(l->node);
    ops_run(&l->ops);
    if (l->dies_in_turn) { /* what was to be told is not */
        l->dies_in_turn = false;
        edge_kill(process, false);
        return;
    }
    store_commit_turn(l->chat.store);
    node_turn(l->node);
    edge_wake_later(l);
}

void edge_use(const struct edge_calls *calls, uint32_t processes, bool is_ring)
{
    memset(&edge, 0, sizeof edge);
    edge.calls = calls;
    edge.processes = processes;
    edge.is_ring = is_ring;
    world_it()->turn = edge_turn;
    fakelinks_reset();
}

static void edge_join(struct edge_life *l)
{
    snprintf(l->name, sizeof l->name, "host%u/0", l->process);
    snprintf(l->link, sizeof l->link, "host%u:1", l->process);
    l->self = (struct cluster_self){ .name = text_of(l->name),
                                     .url = TEXT("https://localhost"),
                                     .link = text_of(l->link),
                                     .host = text_of(l->name),
                                     .weight = RING_WEIGHT };
    node_join(l->node, &l->self);
}

void edge_start(uint32_t process)
{
    struct edge_life *l = calloc(1, sizeof *l);

    CHECK(l && !edge.life[process]);
    world_it()->era[process]++;
    l->process = process;
    l->config.node_id = process;
    l->config.node_forward = 1;
    l->loop = loop_new();
    ops_init(&l->ops);
    snowflake_init(&l->ids, process);
    l->chat = (struct chat){ .loop = l->loop, .ops = &l->ops, .config = &l->config, .ids = &l->ids };
    l->chat.store = store_new(l->loop, &l->ops, &l->config, &l->ids);
    l->chat.muster = muster_new(&l->chat);
    l->chat.roster = roster_new((uint32_t)world_between(2, 50));
    l->chat.sessions = sessions_new(16);
    l->hub = hub_new(l->loop);
    l->place = (struct channel_place){ &l->ops, l->loop, l->chat.store, l->hub };
    struct node_parts parts = { &l->chat, l->hub };
    l->node = node_new(&parts);
    TAILQ_INIT(&l->streams);
    edge.life[process] = l;
    edge.wake_us[process] = 0;
    if (edge.is_ring)
        edge_join(l);
    world_tell("process %u starts", process);
    world_at(1, process, edge_nothing, NULL);
}

void edge_say_ended(struct edge_stream *s, enum err why, uint64_t delay_us)
{
    struct edge_answer *a = calloc(1, sizeof *a);

    CHECK(a);
    *a = (struct edge_answer){ .device = s->device, .connection = s->connection, .err = why };
    world_at(delay_us, WORLD_OUTSIDE, edge.calls->ended, a);
}

void edge_kill(uint32_t process, bool in_turn)
{
    struct edge_life *l = edge.life[process];
    struct edge_stream *s;
    bool is_seen = world_chance(700);

    if (!l)
        return;
    if (in_turn) {
        l->dies_in_turn = true;
        return;
    }
    world_tell("process %u dies%s", process, is_seen ? "" : ", and nobody is told");
    TAILQ_FOREACH(s, &l->streams, all)
    edge_say_ended(s, ERR_CANCELLED,
                   (is_seen ? world_between(1, 100) : world_between(5000, 15000)) * WORLD_MS);
    edge_gone(l);
    fakelinks_died(process, is_seen);
}

void edge_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

void edge_check_tables(const struct database *d)
{
    for (uint32_t k = 0; k < edge.processes && edge.is_ring; k++) {
        const struct edge_life *l = edge.life[k];
        const struct cluster *c = l ? node_cluster(l->node) : NULL;
        bool is_awake = edge_is_up(k) && world_it()->pause_us[k] + EDGE_AWAKE_US < world_it()->now_us;
        if (!is_awake || !c || !cluster_ring(c) || !d->ring)
            continue;
        if (cluster_epoch(c) != d->epoch || ring_moves(cluster_ring(c), d->ring) > 0)
            world_violated("process %u goes by epoch %u, the database has %u, %u slots differ", k,
                           (unsigned)cluster_epoch(c), (unsigned)d->epoch,
                           ring_moves(cluster_ring(c), d->ring));
    }
}

void edge_stats(struct node_stats *into)
{
    for (uint32_t k = 0; k < edge.processes; k++) {
        if (edge.life[k]) {
            struct edge_life *l = edge.life[k];
            edge_gone(l);
        }
    }
    *into = edge.gone;
}

/* Leaving, as main.c has it: others take over, streams end, the last word. */
static op_step edge_leave_drain, edge_leave_end, edge_leave_last, edge_leave_over;

static void edge_keeps(struct op *op)
{
    (void)op;
}

static const struct op_kind edge_leaving_kind = { .name = "leaving", .free = edge_keeps };

static struct edge_life *edge_of(struct op *op)
{
    return (struct edge_life *)((char *)op - offsetof(struct edge_life, leaving));
}

static void edge_leave_drain(struct op *op, enum err err)
{
    CHECK(!err);
    node_drain(edge_of(op)->node, op_then(op, edge_leave_end));
}

/* What was begun ends; what comes now goes elsewhere. */
static void edge_leave_end(struct op *op, enum err err)
{
    struct edge_life *l = edge_of(op);

    (void)err;
    l->is_closed = true;
    hub_end(l->hub, 0, 1);
    op_then(op, edge_leave_last);
    loop_timer_set(&l->empty, EDGE_EMPTY_MS);
}

static void edge_is_empty(void *ctx)
{
    struct edge_life *l = ctx;

    op_wake(&l->leaving, ERR_OK);
}

static void edge_leave_last(struct op *op, enum err err)
{
    (void)err;
    node_leave(edge_of(op)->node, op_then(op, edge_leave_over));
}

static void edge_gone_now(void *ctx)
{
    uint32_t process = *(uint32_t *)ctx;

    free(ctx);
    if (edge.life[process] && edge.life[process]->is_draining)
        edge_kill(process, false);
}

static void edge_leave_over(struct op *op, enum err err)
{
    uint32_t *process = malloc(sizeof *process);

    (void)err;
    CHECK(process);
    *process = edge_of(op)->process;
    world_at(200 * WORLD_MS, WORLD_OUTSIDE, edge_gone_now, process);
    op_finish(op, ERR_OK);
}

void edge_drain(uint32_t process)
{
    struct edge_life *l = edge.life[process];

    if (!l || l->is_draining)
        return;
    world_tell("process %u drains", process);
    l->is_draining = true;
    loop_timer_init(&l->empty, l->loop, edge_is_empty, l);
    op_start(&l->ops, &l->leaving, &edge_leaving_kind, edge_leave_drain, edge_done, l);
    world_at(1, process, edge_nothing, NULL);
}
