/* node/cluster.h - this node's lease, and what it knows of the others: the table of slots and who stands behind it
 *
 * Joins, renews the lease each second, reads the list and the table when they have changed, and makes the next table
 * when somebody's lease has ended (store/node.h; rules: model/census.h). Without Postgres everything stays as it was,
 * but for cluster_may_send().
 */
#pragma once
#include "base/config.h"
#include "base/loop.h"
#include "base/op.h"
#include "model/snowflake.h"
#include "store/node.h"

enum {
    CLUSTER_LEASE_MS = 3000,     /* and so far ahead snowflakes are reserved in each beat */
    CLUSTER_BEAT_MS = 1000,
    CLUSTER_MARGIN_MS = 1000,    /* before its lease ends, by its own monotonic clock, a node stops to accept sends */
    CLUSTER_JUMP_MS = 3000,      /* a turn that long after the one before: it stood still, and joins anew */
    CLUSTER_OLD_MS = 10 * 1000,  /* the table before the newest is kept so long, for what is on its way */
};

struct cluster;

/* All called inside loop_wait() or ops_run(). What they show is borrowed. */
struct cluster_events {
    /* It has an id and a lease: before this, and after fenced(), nothing may be sent. replaced: see node_join. */
    void (*joined)(void *ctx, uint32_t node, uint64_t incarnation, uint64_t replaced);
    void (*nodes)(void *ctx, const struct node_list *now);      /* rows changed */
    void (*table)(void *ctx, const struct ring *now, const struct ring *before, uint64_t epoch);   /* before: may be NULL */
    /* The table is one that we made just now; what those who were evicted wrote last is to be told
     * (store_node_inherit()), and the others that there is a table. */
    void (*made)(void *ctx, const struct node_change *c);
    void (*fenced)(void *ctx);      /* the lease was lost; it joins again by itself */
};

/* What it says of itself; texts live as long as it. */
struct cluster_self {
    struct text name, url, link, link_local, host, region;
    uint32_t weight;
};

struct cluster *cluster_new(struct loop *l, struct ops *ops, struct store *store, struct snowflake *ids,
                                  const struct cluster_self *self, const struct cluster_events *events, void *ctx);
/* No more beats, and nobody is told of anything; ops run to their end before it is freed. */
void cluster_stop(struct cluster *c);
void cluster_free(struct cluster **m);
/* Joins, in the background; again and again until it has. */
void cluster_start(struct cluster *m);
/* Once a turn, before anything else looks: a clock that jumped is seen here. */
void cluster_turn(struct cluster *m);

/* The lease holds by our own clock, with the margin: sends are accepted. */
bool cluster_may_send(const struct cluster *m);
uint64_t cluster_epoch(const struct cluster *m);
/* The newest table; NULL: there is none. */
const struct ring *cluster_ring(const struct cluster *m);
/* The rows as last read, NULL: not yet. Borrowed until the next call of the loop. */
const struct node_list *cluster_list(const struct cluster *m);
/* What it is now, for people who ask. */
struct cluster_view {
    uint32_t id;
    uint64_t incarnation, timeline;
    uint64_t lease_ms;              /* left, by our own clock; 0: none */
    bool has_joined, is_fenced, is_draining, is_member;
};
void cluster_view_read(const struct cluster *c, struct cluster_view *into);
/* Somebody has a newer table, or a peer vanished: beats at once. */
void cluster_hurry(struct cluster *m);
/* Somebody has a table of that epoch: if it is newer than ours, it is read. */
void cluster_heard(struct cluster *c, uint64_t epoch);
/* It has no lease, and others have a newer table than it can read: they serve, and it can't. */
bool cluster_is_left_behind(const struct cluster *c);
void cluster_load(struct cluster *m, uint32_t load);  /* 0 to 1000, goes with the next beat */
/* Owns nothing in the next table, stays a peer; done when the table without it stands or after 2 s. */
void cluster_drain(struct cluster *m, struct op *op);
/* The last word: dead, and cleanly; and cluster_stop(). */
void cluster_leave(struct cluster *m, struct op *op);
