/* node/cluster.c - one op that joins and then beats for ever
 *
 *   1 join     takes a row; again after a while when that fails                              Postgres
 *   2 look     the list of nodes                                                             Postgres
 *   3 table    the table, if there is a newer one                                            Postgres
 *   4 change   the next table, if it is due; then 2                                          Postgres
 *   5 rest     until the next beat
 *   6 renew    the lease, and a word on what has changed: 2, 3 or 5. Fenced, or stood still: 1  Postgres
 */
#include "node/cluster.h"
#include "base/check.h"
#include "base/log.h"
#include "base/secret.h"
#include "node/frame.h"
#include <inttypes.h>
#include <stdlib.h>

enum { CLUSTER_AGAIN_MS = 500, CLUSTER_SPREAD_MS = 150, CLUSTER_DRAIN_MS = 2000 };

struct cluster {
    struct op op; /* first */
    struct loop *loop;
    struct ops *ops;
    struct store *store;
    struct snowflake *ids;
    const struct cluster_self *self;
    const struct cluster_events *events;
    void *ctx;

    bool has_joined, is_fenced, is_draining, is_stopped, is_resting, is_due;
    uint32_t load;
    uint64_t timeline; /* of the last beat */
    uint64_t turn_ms; /* of the last turn */
    uint64_t heard_epoch; /* the newest of anybody's */
    uint64_t asked_ms, held_ms; /* when the renewal under way was sent, and the last good one */
    struct node_join join;
    struct node_renew renew;
    struct node_change change;
    struct node_list list, fresh; /* what is shown, and what is being read */
    struct arena list_arena, fresh_arena;
    struct node_ring now, before, read;
    struct op *drain; /* who waits for a table without us */
    uint64_t drain_until_ms;
    struct loop_timer rest, old;
};

static op_step cluster_join, cluster_joined, cluster_look, cluster_looked, cluster_tabled, cluster_go_on,
    cluster_changed, cluster_renew, cluster_renewed;

static void cluster_rested(void *ctx);
static void cluster_grew_old(void *ctx);

struct cluster *cluster_new(struct loop *l, struct ops *ops, struct store *store, struct snowflake *ids,
                            const struct cluster_self *self, const struct cluster_events *events, void *ctx)
{
    struct cluster *c = calloc(1, sizeof *c);

    CHECK(c);
    c->loop = l;
    c->ops = ops;
    c->store = store;
    c->ids = ids;
    c->self = self;
    c->events = events;
    c->ctx = ctx;
    loop_timer_init(&c->rest, l, cluster_rested, c);
    loop_timer_init(&c->old, l, cluster_grew_old, c);
    return c;
}

void cluster_free(struct cluster **at)
{
    struct cluster *c = *at;

    if (!c)
        return;
    CHECK(!c->op.kind || c->is_stopped);
    loop_timer_clear(&c->rest);
    loop_timer_clear(&c->old);
    ring_free(&c->now.ring);
    ring_free(&c->before.ring);
    arena_fini(&c->list_arena);
    arena_fini(&c->fresh_arena);
    free(c);
    *at = NULL;
}

static void cluster_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static void cluster_stays(struct op *op)
{
    (void)op;
}

static const struct op_kind cluster_kind = { .name = "cluster", .free = cluster_stays };

void cluster_start(struct cluster *c)
{
    CHECK(!c->op.kind);
    c->turn_ms = loop_now_ms(c->loop);
    op_start(c->ops, &c->op, &cluster_kind, cluster_join, cluster_done, c);
}

static void cluster_rest(struct cluster *c, op_step *next, uint64_t wait_ms)
{
    op_then(&c->op, next);
    c->is_resting = true;
    loop_timer_set(&c->rest, c->is_stopped ? 0 : wait_ms);
}

static void cluster_wake(struct cluster *c)
{
    if (!c->is_resting)
        return;
    c->is_resting = false;
    loop_timer_clear(&c->rest);
    op_wake(&c->op, ERR_OK);
}

static void cluster_rested(void *ctx)
{
    cluster_wake(ctx);
}

void cluster_stop(struct cluster *c)
{
    c->is_stopped = true;
    cluster_wake(c);
    if (c->drain)
        op_wake(c->drain, ERR_CANCELLED);
    c->drain = NULL;
}

/* True: the op has ended. */
static bool cluster_is_over(struct cluster *c)
{
    if (c->is_stopped)
        op_finish(&c->op, ERR_OK);
    return c->is_stopped;
}

static void cluster_fence(struct cluster *c)
{
    if (c->is_fenced || !c->has_joined)
        return;
    c->is_fenced = true;
    c->held_ms = 0;
    c->events->fenced(c->ctx);
    cluster_wake(c);
}

void cluster_turn(struct cluster *c)
{
    uint64_t now_ms = loop_now_ms(c->loop);

    if (now_ms - c->turn_ms > CLUSTER_JUMP_MS)
        cluster_fence(c);
    c->turn_ms = now_ms;
}

static uint64_t cluster_reserve(const struct cluster *c)
{
    return snowflake_reserve(c->ids, loop_unix_ms(c->loop), CLUSTER_LEASE_MS);
}

static void cluster_join(struct op *op, enum err err)
{
    struct cluster *c = (struct cluster *)op;

    CHECK(!err);
    if (cluster_is_over(c))
        return;
    c->join = (struct node_join){ .name = c->self->name,
                                  .url = c->self->url,
                                  .link = c->self->link,
                                  .link_local = c->self->link_local,
                                  .host = c->self->host,
                                  .region = c->self->region,
                                  .weight = c->self->weight,
                                  .version_least = FRAME_VERSION_LEAST,
                                  .version = FRAME_VERSION,
                                  .lease_ms = CLUSTER_LEASE_MS,
                                  .id_reserved = cluster_reserve(c) };
    c->asked_ms = loop_now_ms(c->loop);
    store_node_join(c->store, &c->join, op_then(op, cluster_joined));
}

static void cluster_joined(struct op *op, enum err err)
{
    struct cluster *c = (struct cluster *)op;

    if (cluster_is_over(c))
        return;
    if (err) {
        cluster_rest(c, cluster_join, CLUSTER_AGAIN_MS + secret_random_u64() % CLUSTER_AGAIN_MS);
        return;
    }
    c->has_joined = true;
    c->is_fenced = false;
    c->held_ms = c->asked_ms;
    snowflake_resume(c->ids, c->join.id, c->join.id_above, c->join.id_reserved);
    c->now.epoch =
        0; /* the table is told of again, as if new: the former life's notices are asked for behind it */
    c->events->joined(c->ctx, c->join.id, c->join.incarnation, c->join.replaced);
    cluster_look(op, ERR_OK);
}

static void cluster_look(struct op *op, enum err err)
{
    struct cluster *c = (struct cluster *)op;

    CHECK(!err);
    c->fresh = (struct node_list){ .arena = &c->fresh_arena };
    store_ring_nodes(c->store, &c->fresh, op_then(op, cluster_looked));
}

static void cluster_show_nodes(struct cluster *c)
{
    struct arena old = c->list_arena;

    c->list_arena = c->fresh_arena;
    c->list = c->fresh;
    c->list.arena = &c->list_arena;
    c->fresh_arena = (struct arena){ 0 };
    arena_fini(&old);
    c->events->nodes(c->ctx, &c->list);
}

static void cluster_looked(struct op *op, enum err err)
{
    struct cluster *c = (struct cluster *)op;

    if (cluster_is_over(c))
        return;
    if (err) {
        arena_fini(&c->fresh_arena);
        cluster_rest(c, cluster_renew, CLUSTER_AGAIN_MS);
        return;
    }
    cluster_show_nodes(c);
    c->is_due = true; /* somebody joined or left: whether that changes the table, the census says */
    if (c->list.epoch > c->now.epoch) {
        c->read = (struct node_ring){ 0 };
        store_ring_read(c->store, &c->read, op_then(op, cluster_tabled));
    } else {
        cluster_go_on(op, ERR_OK);
    }
}

static bool cluster_is_member(const struct cluster *c)
{
    for (uint32_t k = 0; c->now.ring && k < c->now.ring->count; k++) {
        if (c->now.ring->member[k].id == c->join.id)
            return c->has_joined;
    }
    return false;
}

static void cluster_show_table(struct cluster *c, struct node_ring newer)
{
    ring_free(&c->before.ring);
    c->before = c->now;
    c->now = newer;
    loop_timer_set(&c->old, CLUSTER_OLD_MS);
    c->events->table(c->ctx, c->now.ring, c->before.ring, c->now.epoch);
    if (c->drain && !cluster_is_member(c)) {
        op_wake(c->drain, ERR_OK);
        c->drain = NULL;
    }
}

static void cluster_grew_old(void *ctx)
{
    struct cluster *c = ctx;

    ring_free(&c->before.ring);
    c->before.epoch = 0;
}

static void cluster_tabled(struct op *op, enum err err)
{
    struct cluster *c = (struct cluster *)op;

    if (!err && c->read.epoch > c->now.epoch)
        cluster_show_table(c, c->read);
    else
        ring_free(&c->read.ring);
    cluster_go_on(op, ERR_OK);
}

/* Behind a look, or a beat. Many see at the same time that something is due: one of them will be first. */
static void cluster_go_on(struct op *op, enum err err)
{
    struct cluster *c = (struct cluster *)op;

    CHECK(!err);
    if (cluster_is_over(c))
        return;
    if (c->drain && loop_now_ms(c->loop) >= c->drain_until_ms) {
        op_wake(c->drain, ERR_TIMEOUT);
        c->drain = NULL;
    }
    if (!c->is_due || c->is_fenced) {
        cluster_rest(c, cluster_renew, CLUSTER_BEAT_MS);
        return;
    }
    c->is_due = false;
    c->change.lease_ms = CLUSTER_LEASE_MS;
    store_ring_change(c->store, &c->change, op_then(op, cluster_changed));
}

static void cluster_changed(struct op *op, enum err err)
{
    struct cluster *c = (struct cluster *)op;

    if (err) {
        c->is_due = err != ERR_EXISTS; /* nobody may have decided: no row says that a weight has changed */
        uint64_t again_ms =
            c->change.again_ms && c->change.again_ms < CLUSTER_BEAT_MS ? c->change.again_ms : CLUSTER_BEAT_MS;
        if (!cluster_is_over(c))
            cluster_rest(c, cluster_renew, again_ms + secret_random_u64() % CLUSTER_SPREAD_MS);
        return;
    }
    log_line(LOG_INFO, "table_made", "epoch=%" PRIu64 " nodes=%u evicted=%u", c->change.made.epoch,
             c->change.made.ring->count, c->change.evicted_count);
    if (c->change.made.epoch > c->now.epoch)
        cluster_show_table(c, c->change.made);
    else
        ring_free(&c->change.made.ring);
    c->events->made(c->ctx, &c->change);
    if (!cluster_is_over(c))
        cluster_look(op, ERR_OK);
}

static void cluster_renew(struct op *op, enum err err)
{
    struct cluster *c = (struct cluster *)op;

    CHECK(!err);
    if (cluster_is_over(c))
        return;
    if (c->is_fenced) {
        cluster_join(op, ERR_OK);
        return;
    }
    c->asked_ms = loop_now_ms(c->loop);
    c->renew = (struct node_renew){ .id = c->join.id,
                                    .incarnation = c->join.incarnation,
                                    .load = c->load,
                                    .lease_ms = CLUSTER_LEASE_MS,
                                    .id_reserved = cluster_reserve(c) };
    store_node_renew(c->store, &c->renew, op_then(op, cluster_renewed));
}

static void cluster_renewed(struct op *op, enum err err)
{
    struct cluster *c = (struct cluster *)op;

    if (err == ERR_NOT_FOUND)
        cluster_fence(c);
    if (c->is_fenced) {
        cluster_join(op, ERR_OK);
        return;
    }
    if (err) { /* Postgres is away: everything stays as it was, but for sending */
        if (!cluster_is_over(c))
            cluster_rest(c, cluster_renew, CLUSTER_AGAIN_MS);
        return;
    }
    c->held_ms = c->asked_ms;
    if (c->ids->until < c->renew.id_reserved)
        c->ids->until = c->renew.id_reserved;
    c->is_due = c->is_due || c->renew.is_expired;
    if (c->renew.timeline != c->timeline) { /* what was lost in a failover is counted again from there */
        c->timeline = c->renew.timeline;
        c->list.nodes_version = UINT64_MAX;
        c->now.epoch = c->heard_epoch = 0;
    }
    if (c->renew.nodes_version != c->list.nodes_version || c->renew.epoch > c->now.epoch)
        cluster_look(op, ERR_OK);
    else
        cluster_go_on(op, ERR_OK);
}

bool cluster_may_send(const struct cluster *c)
{
    return c->held_ms && loop_now_ms(c->loop) < c->held_ms + CLUSTER_LEASE_MS - CLUSTER_MARGIN_MS;
}

uint64_t cluster_epoch(const struct cluster *c)
{
    return c->now.epoch;
}

const struct ring *cluster_ring(const struct cluster *c)
{
    return c->now.ring;
}

const struct node_list *cluster_list(const struct cluster *c)
{
    return c->list.at ? &c->list : NULL;
}

/* It drains by its own will, or because somebody said so in Postgres. */
static bool cluster_drains(const struct cluster *c)
{
    bool drains = c->is_draining;

    for (uint32_t k = 0; k < c->list.count; k++) {
        const struct node_row *n = &c->list.at[k];
        drains = drains || (n->incarnation == c->join.incarnation && n->state == NODE_DRAINING);
    }
    return drains;
}

void cluster_view_read(const struct cluster *c, struct cluster_view *into)
{
    uint64_t now_ms = loop_now_ms(c->loop), end_ms = c->held_ms + CLUSTER_LEASE_MS;

    *into = (struct cluster_view){ .id = c->join.id,
                                   .incarnation = c->join.incarnation,
                                   .timeline = c->timeline,
                                   .lease_ms = c->held_ms && end_ms > now_ms ? end_ms - now_ms : 0,
                                   .has_joined = c->has_joined,
                                   .is_fenced = c->is_fenced,
                                   .is_draining = cluster_drains(c),
                                   .is_member = cluster_is_member(c) };
}

void cluster_hurry(struct cluster *c)
{
    if (c->has_joined)
        cluster_wake(c);
}

void cluster_heard(struct cluster *c, uint64_t epoch)
{
    if (epoch > c->heard_epoch)
        c->heard_epoch = epoch;
    if (epoch > c->now.epoch)
        cluster_hurry(c);
}

bool cluster_is_left_behind(const struct cluster *c)
{
    return c->heard_epoch > c->now.epoch && c->held_ms &&
           loop_now_ms(c->loop) > c->held_ms + CLUSTER_LEASE_MS + CLUSTER_MARGIN_MS;
}

void cluster_load(struct cluster *c, uint32_t load)
{
    c->load = load;
}

void cluster_drain(struct cluster *c, struct op *op)
{
    if (!c->has_joined || c->is_stopped || c->drain) {
        op_wake(op, ERR_OK);
        return;
    }
    c->is_draining = true;
    store_node_drain(c->store, c->join.id, c->join.incarnation, NULL);
    if (c->now.ring && !cluster_is_member(c)) { /* an operator said so before: nothing to wait for */
        op_wake(op, ERR_OK);
        return;
    }
    c->drain = op;
    c->drain_until_ms = loop_now_ms(c->loop) + CLUSTER_DRAIN_MS;
    cluster_hurry(c);
}

void cluster_leave(struct cluster *c, struct op *op)
{
    if (c->has_joined && !c->is_fenced)
        store_node_leave(c->store, c->join.id, c->join.incarnation, c->ids->last, op);
    else
        op_wake(op, ERR_OK);
    c->held_ms = 0; /* no id may be given out any more: the last one was told */
    cluster_stop(c);
}
