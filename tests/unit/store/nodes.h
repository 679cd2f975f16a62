/* unit/store/nodes.h - nodes of a test, without programs behind them */
#pragma once
#include "rig.h"
#include "store/node.h"

enum { NODES_LEASE_MS = 5000 };

/* A rig whose store takes questions about nodes, on a Postgres that is up for long enough to judge leases. */
void nodes_open(struct rig *r, const char *dir, const char *database);
/* No node, no table. */
void nodes_nobody(struct rig *r);

/* The calls of store/node.h, run to their end. */
enum err nodes_try_join(struct rig *r, struct node_join *j, const char *name);
struct node_join nodes_join(struct rig *r, const char *name);       /* has to work */
enum err nodes_renew(struct rig *r, const struct node_join *j, struct node_renew *n);
enum err nodes_leave(struct rig *r, const struct node_join *j, uint64_t id_last);
/* It dies, and was evicted. */
void nodes_die(struct rig *r, const struct node_join *j);
enum err nodes_drain(struct rig *r, const struct node_join *j);
enum err nodes_change(struct rig *r, struct node_change *c);
/* A table is made: its epoch, how many are in it, how many were evicted. */
void nodes_made(struct rig *r, uint64_t epoch, uint32_t members, uint32_t evicted);
/* Nothing is to change; answers again_ms. */
uint64_t nodes_nothing_made(struct rig *r);

/* The lease ended so long ago; it joined so much earlier. */
void nodes_expire(struct rig *r, uint32_t id, uint32_t ago_ms);
void nodes_grow_old(struct rig *r, uint32_t id, uint32_t ms);
/* A number out of the node's row. */
int64_t nodes_column(struct rig *r, uint32_t id, const char *what);
#define NODES_LEASE_LEFT "(extract(epoch FROM lease_until - clock_timestamp()) * 1000)::bigint"
