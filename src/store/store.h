/* store/store.h - the door to Postgres: lanes of connections, and the turn's commit
 *
 * Everything here is asynchronous: a call queues work and wakes the op on a later turn. What a call is given
 * (in and out) stays the caller's and must live till then. Every answer comes within LIMIT_STORE_MS:
 * ERR_STORE_DOWN when Postgres can't be reached or the outcome is unknown, ERR_TIMEOUT, ERR_BUSY when the
 * queue is full.
 */
#pragma once
#include "base/config.h"
#include "base/loop.h"
#include "base/op.h"
#include "model/snowflake.h"

struct store;
struct store_stats {
    uint64_t commits, appended, inbox_rows, duplicates, rollbacks, unknown_outcomes, reconnects, reads;
    uint32_t appends_queued, reads_queued, lanes_up, lanes;
};

/* Connects (in the background, for ever, with jitter). ids: the node's id maker, shared with its owner. */
struct store *store_new(struct loop *l, struct ops *ops, const struct config *c, struct snowflake *ids);
void store_free(struct store **s);
/* Brings the schema up, once, before the loop runs: waits for Postgres at most wait_ms, takes the advisory
 * lock, applies what is missing of sql/schema, makes partitions. Refuses a database that is newer than this
 * program, whose files changed, or (without store.unsafe_dev) that runs with fsync or synchronous_commit off.
 * Blocking. A log line says why it failed. */
MUST_USE enum err store_migrate(const struct config *c, uint32_t wait_ms);
/* For a server without a name, which never joins: above which snowflakes it may begin, if a node of a ring had its id
 * before; and no node takes that id from now on. Blocking. */
MUST_USE enum err store_migrate_alone(const struct config *c, uint64_t unix_ms, uint64_t *id_above);
/* What was appended and not yet sent becomes the next transaction of each idle commit lane. */
void store_commit_turn(struct store *s);
bool store_is_up(const struct store *s);        /* one lane of each kind at least */
uint64_t store_timeline(const struct store *s); /* 0 until it was read; then of the last look (at most 5 s old) */
void store_stats_read(const struct store *s, struct store_stats *into);
