/* unit/store/nodes.c - nodes of a test, without programs behind them */
#include "nodes.h"

#include <unistd.h>

/* A Postgres that has just started judges nobody. */
void nodes_open(struct rig *r, const char *dir, const char *database)
{
    rig_open(r, dir, database, "[node]\nname = rig\n");
    while (rig_sql(r, "SELECT (extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) * 1000)"
                      "::bigint") < NODES_LEASE_MS)
        usleep(50 * 1000);
}

void nodes_nobody(struct rig *r)
{
    rig_sql(r, "DELETE FROM node");
    rig_sql(r, "UPDATE ring SET epoch = 0, member_id = '{}', member_weight = '{}', owner = '',"
               " evicted_at = '{}'");
}

static void call_join(struct rig *r, struct op *op, void *ctx)
{
    store_node_join(r->store, ctx, op);
}

static void call_renew(struct rig *r, struct op *op, void *ctx)
{
    store_node_renew(r->store, ctx, op);
}

static void call_change(struct rig *r, struct op *op, void *ctx)
{
    store_ring_change(r->store, ctx, op);
}

struct ending {
    uint32_t id;
    uint64_t incarnation;
    uint64_t id_last;
};

static void call_leave(struct rig *r, struct op *op, void *ctx)
{
    const struct ending *e = ctx;

    store_node_leave(r->store, e->id, e->incarnation, e->id_last, op);
}

static void call_drain(struct rig *r, struct op *op, void *ctx)
{
    const struct ending *e = ctx;

    store_node_drain(r->store, e->id, e->incarnation, op);
}

enum err nodes_try_join(struct rig *r, struct node_join *j, const char *name)
{
    *j = (struct node_join){ .name = text_of(name),
                             .url = TEXT("https://chat.example"),
                             .link = TEXT("10.0.0.1:8600"),
                             .link_local = TEXT("unix:/run/a"),
                             .host = TEXT("alpha"),
                             .region = TEXT("eu"),
                             .weight = RING_WEIGHT,
                             .version_least = 1,
                             .version = 2,
                             .lease_ms = NODES_LEASE_MS };
    return rig_do(r, call_join, j);
}

struct node_join nodes_join(struct rig *r, const char *name)
{
    struct node_join j;

    assert_int_equal(nodes_try_join(r, &j, name), ERR_OK);
    return j;
}

enum err nodes_renew(struct rig *r, const struct node_join *j, struct node_renew *n)
{
    *n = (struct node_renew){
        .id = j->id, .incarnation = j->incarnation, .load = 7, .lease_ms = NODES_LEASE_MS
    };
    return rig_do(r, call_renew, n);
}

void nodes_die(struct rig *r, const struct node_join *j)
{
    rig_sql(r,
            "WITH n AS (UPDATE node SET state = 3, lease_until = clock_timestamp(), deaths = "
            "(clock_timestamp() ||"
            " deaths)[1:8] WHERE node_id = %u RETURNING 1) UPDATE ring SET nodes_version = nodes_version + 1",
            j->id);
}

enum err nodes_leave(struct rig *r, const struct node_join *j, uint64_t id_last)
{
    return rig_do(r, call_leave, &(struct ending){ j->id, j->incarnation, id_last });
}

enum err nodes_drain(struct rig *r, const struct node_join *j)
{
    return rig_do(r, call_drain, &(struct ending){ j->id, j->incarnation, true });
}

enum err nodes_change(struct rig *r, struct node_change *c)
{
    *c = (struct node_change){ .lease_ms = NODES_LEASE_MS };
    return rig_do(r, call_change, c);
}

void nodes_made(struct rig *r, uint64_t epoch, uint32_t members, uint32_t evicted)
{
    struct node_change c;

    assert_int_equal(nodes_change(r, &c), ERR_OK);
    assert_int_equal(c.made.epoch, epoch);
    assert_int_equal(c.made.ring->count, members);
    assert_int_equal(c.evicted_count, evicted);
    ring_free(&c.made.ring);
}

uint64_t nodes_nothing_made(struct rig *r)
{
    struct node_change c;

    assert_int_equal(nodes_change(r, &c), ERR_EXISTS);
    assert_null(c.made.ring);
    assert_int_equal(c.evicted_count, 0);
    return c.again_ms;
}

void nodes_expire(struct rig *r, uint32_t id, uint32_t ago_ms)
{
    rig_sql(r, "UPDATE node SET lease_until = clock_timestamp() - interval '%u ms' WHERE node_id = %u",
            ago_ms, id);
}

void nodes_grow_old(struct rig *r, uint32_t id, uint32_t ms)
{
    rig_sql(r, "UPDATE node SET joined_at = joined_at - interval '%u ms' WHERE node_id = %u", ms, id);
}

int64_t nodes_column(struct rig *r, uint32_t id, const char *what)
{
    return rig_sql(r, "SELECT %s FROM node WHERE node_id = %u", what, id);
}
