/* store/ring.c - the list of nodes, the newest table, and the next one
 *
 * Changing the table is one transaction: whoever has the lock reads nodes and table as they are now, asks the census, and
 * writes. Nobody waits for the lock, because whoever has it may stand still, and who waits renews no lease meanwhile. Who
 * comes later finds nothing to change.
 */
#include "store/inside.h"

#include "model/census.h"
#include "store/node.h"
#include "store/row.h"
#include <stdlib.h>
#include <string.h>

struct ring_request {
    struct request request;
    struct node_list *list;
    struct node_ring *ring;
    struct node_change *change;

    /* of a change: what was read, and what shall be */
    struct arena arena;
    struct node_list now;
    struct node_ring old;
    struct ring_member *member;
    struct op *op;
    uint32_t evicts; /* members whose lease had ended: who never had a place is no eviction */
};

static void ring_list_send(struct pg *pg, struct encode *e)
{
    encode_reset(e);
    encode_int8(e, CENSUS_DEATHS_WINDOW_MS);
    pg_send(pg, SQL_NODE_LIST, e);
    encode_reset(e);
    encode_int8(e, CENSUS_EVICTIONS_WINDOW_MS);
    pg_send(pg, SQL_RING_JUDGE, e);
}

static struct node_row ring_row(const PGresult *r, int row, struct arena *arena)
{
    int64_t death_ms = row_signed(r, row, 16);

    return (struct node_row){ .id = (uint32_t)row_number(r, row, 0),
                              .incarnation = row_number(r, row, 1),
                              .state = (enum node_state)row_number(r, row, 2),
                              .name = row_text_copy(r, row, 3, arena),
                              .url = row_text_copy(r, row, 4, arena),
                              .link = row_text_copy(r, row, 5, arena),
                              .link_local = row_text_copy(r, row, 6, arena),
                              .host = row_text_copy(r, row, 7, arena),
                              .region = row_text_copy(r, row, 8, arena),
                              .weight = (uint32_t)row_number(r, row, 9),
                              .load = (uint32_t)row_number(r, row, 10),
                              .version_least = (uint32_t)row_number(r, row, 11),
                              .version = (uint32_t)row_number(r, row, 12),
                              .age_ms = row_number(r, row, 13),
                              .lease_ms = row_signed(r, row, 14),
                              .deaths = (uint32_t)row_number(r, row, 15),
                              .death_ms = death_ms < 0 ? UINT64_MAX : (uint64_t)death_ms,
                              .is_member = row_number(r, row, 17) };
}

/* nth: 0 the nodes, 1 what goes for all of them. */
static enum err ring_list_take(struct node_list *l, uint32_t nth, const PGresult *result)
{
    int rows = PQntuples(result);

    if (nth == 0) {
        l->at = arena_alloc(l->arena, ((size_t)rows + 1) * sizeof *l->at);
        l->count = (uint32_t)rows;
        for (int row = 0; row < rows; row++)
            l->at[row] = ring_row(result, row, l->arena);
        return ERR_OK;
    }
    if (rows != 1)
        return ERR_INTERNAL;
    l->epoch = row_number(result, 0, 0);
    l->nodes_version = row_number(result, 0, 1);
    l->postmaster_ms = row_number(result, 0, 2);
    l->evicted = (uint32_t)row_number(result, 0, 3);
    return ERR_OK;
}

static void node_list_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    (void)r;
    (void)stage;
    ring_list_send(pg, e);
}

static enum err node_list_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)stage;
    return ring_list_take(((struct ring_request *)r)->list, nth, result);
}

static const struct request_kind node_list_kind = {
    .name = "node_list", .stages = 1, .send = node_list_send, .take = node_list_take
};

void store_ring_nodes(struct store *s, struct node_list *l, struct op *op)
{
    struct ring_request *r = request_new(sizeof *r, &node_list_kind);

    r->list = l;
    request_start(&s->nodes, &r->request, op);
}

static uint32_t ring_number(const char *at, uint32_t bytes)
{
    uint32_t n = 0;

    for (uint32_t k = 0; k < bytes; k++)
        n = n << 8 | (uint8_t)at[k];
    return n;
}

static enum err ring_read_take(struct node_ring *into, const PGresult *result)
{
    if (PQntuples(result) != 1)
        return ERR_INTERNAL;
    struct text ids = row_text(result, 0, 1), weights = row_text(result, 0, 2),
                owners = row_text(result, 0, 3);
    uint32_t count = (uint32_t)(ids.bytes / 4), slots = (uint32_t)(owners.bytes / 2);

    into->epoch = row_number(result, 0, 0);
    into->ring = NULL;
    if (into->epoch == 0)
        return ERR_OK;
    if (weights.bytes != ids.bytes)
        return ERR_INTERNAL;
    struct ring_member *member = calloc(count + 1, sizeof *member);
    uint16_t *owner = calloc(slots + 1, sizeof *owner);
    CHECK(member && owner);
    for (uint32_t k = 0; k < count; k++)
        member[k] =
            (struct ring_member){ ring_number(ids.at + 4 * k, 4), ring_number(weights.at + 4 * k, 4) };
    for (uint32_t k = 0; k < slots; k++)
        owner[k] = (uint16_t)ring_number(owners.at + 2 * k, 2);
    enum err err = ring_load(member, count, owner, slots, &into->ring);
    free(member);
    free(owner);
    return err ? ERR_INTERNAL : ERR_OK;
}

static void ring_read_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    (void)r;
    (void)e;
    (void)stage;
    pg_send(pg, SQL_RING_READ, NULL);
}

static enum err ring_read_one(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)stage;
    (void)nth;
    return ring_read_take(((struct ring_request *)r)->ring, result);
}

static const struct request_kind ring_read_kind = {
    .name = "ring_read", .stages = 1, .send = ring_read_send, .take = ring_read_one
};

void store_ring_read(struct store *s, struct node_ring *into, struct op *op)
{
    struct ring_request *r = request_new(sizeof *r, &ring_read_kind);

    r->ring = into;
    request_start(&s->nodes, &r->request, op);
}

static struct census_node ring_census_node(const struct node_row *n)
{
    return (struct census_node){ .id = n->id,
                                 .weight = n->weight,
                                 .is_member = n->is_member,
                                 .is_draining = n->state == NODE_DRAINING,
                                 .is_dead = n->state == NODE_DEAD,
                                 .age_ms = n->age_ms,
                                 .lease_ms = n->lease_ms,
                                 .deaths = n->deaths,
                                 .death_ms = n->death_ms };
}

static void ring_note_evicted(struct ring_request *q, const struct census *c)
{
    struct node_change *change = q->change;

    for (uint32_t k = 0; k < q->now.count && change->evicted_count < NODE_EVICTED_MAX; k++) {
        const struct node_row *n = &q->now.at[k];
        bool stays = false;

        for (uint32_t m = 0; m < c->members; m++)
            stays = stays || c->member[m].id == n->id;
        int64_t least_ms = n->is_member ? 0 : -(int64_t)change->lease_ms;
        if (!stays && n->state != NODE_DEAD && n->lease_ms < least_ms)
            change->evicted[change->evicted_count++] = (struct node_evicted){ n->id, n->incarnation };
    }
}

/* Everything was read: the census. ERR_EXISTS: it stays as it is. */
static enum err ring_decide(struct ring_request *q)
{
    struct node_change *change = q->change;
    struct census_node *node = arena_alloc(&q->arena, (q->now.count + 1) * sizeof *node);
    struct census c = { .node = node,
                        .count = q->now.count,
                        .postmaster_ms = q->now.postmaster_ms,
                        .lease_ms = change->lease_ms,
                        .evicted = q->now.evicted };

    for (uint32_t k = 0; k < q->now.count; k++)
        node[k] = ring_census_node(&q->now.at[k]);
    c.member = arena_alloc(&q->arena, (q->now.count + 1) * sizeof *c.member);
    census_take(&c, q->old.ring ? q->old.ring->member : NULL, q->old.ring ? q->old.ring->count : 0);
    change->again_ms = c.again_ms;
    if (!c.changed)
        return ERR_EXISTS;
    ring_note_evicted(q, &c);
    q->evicts = c.evicts;
    change->made.ring =
        ring_new(c.member, c.members, ring_slots(c.members, q->old.ring ? q->old.ring->slots : 0));
    return ERR_OK;
}

static void ring_write_send(struct ring_request *q, struct pg *pg, struct encode *e)
{
    const struct ring *r = q->change->made.ring;
    char *owner = arena_alloc(&q->arena, 2 * (size_t)r->slots + 1);

    for (uint32_t k = 0; k < r->slots; k++) {
        owner[2 * k] = (char)(r->owner[k] >> 8);
        owner[2 * k + 1] = (char)(r->owner[k] & 255);
    }
    encode_array(e, ENCODE_INT8, r->count);
    for (uint32_t k = 0; k < r->count; k++)
        encode_item_int8(e, r->member[k].id);
    encode_array(e, ENCODE_INT8, r->count);
    for (uint32_t k = 0; k < r->count; k++)
        encode_item_int8(e, r->member[k].weight);
    encode_text(e, (struct text){ owner, 2 * (size_t)r->slots });
    encode_int8(e, q->evicts);
    pg_send(pg, SQL_RING_WRITE, e);
    encode_reset(e);
    encode_array(e, ENCODE_INT8, q->change->evicted_count);
    for (uint32_t k = 0; k < q->change->evicted_count; k++)
        encode_item_int8(e, q->change->evicted[k].id);
    encode_array(e, ENCODE_INT8, q->change->evicted_count);
    for (uint32_t k = 0; k < q->change->evicted_count; k++)
        encode_item_int8(e, q->change->evicted[k].incarnation);
    pg_send(pg, SQL_NODE_EVICT, e);
}

enum { RING_LOOK, RING_WRITE }; /* stages of a change */
enum { RING_BUSY_MS = 100 };
enum { RING_LOOK_LOCK, RING_LOOK_NODES, RING_LOOK_JUDGE, RING_LOOK_TABLE };

static void ring_change_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    struct ring_request *q = (struct ring_request *)r;

    if (stage == RING_WRITE) {
        ring_write_send(q, pg, e);
        return;
    }
    ring_free(&q->old.ring); /* of a try before this one */
    ring_free(&q->change->made.ring);
    q->change->evicted_count = 0;
    q->now.arena = &q->arena;
    pg_send(pg, SQL_RING_TRY, NULL);
    ring_list_send(pg, e);
    pg_send(pg, SQL_RING_READ, NULL);
}

static enum err ring_change_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct ring_request *q = (struct ring_request *)r;
    enum err err = ERR_OK;

    if (stage == RING_WRITE) {
        if (nth == 0 && PQntuples(result) == 1)
            q->change->made.epoch = row_number(result, 0, 0);
        return ERR_OK;
    }
    if (nth == RING_LOOK_LOCK && row_number(result, 0, 0) == 0) {
        q->change->again_ms = RING_BUSY_MS;
        return ERR_BUSY;
    }
    if (nth == RING_LOOK_NODES || nth == RING_LOOK_JUDGE)
        err = ring_list_take(&q->now, nth - RING_LOOK_NODES, result);
    if (nth == RING_LOOK_TABLE)
        err = ring_read_take(&q->old, result);
    return !err && nth == RING_LOOK_TABLE ? ring_decide(q) : err;
}

static void ring_change_ended(struct request *r, enum err err)
{
    struct ring_request *q = (struct ring_request *)r;

    ring_free(&q->old.ring);
    if (err)
        ring_free(&q->change->made.ring);
    arena_fini(&q->arena);
    op_wake(q->op, err);
}

static const struct request_kind ring_change_kind = { .name = "ring_change",
                                                      .stages = 2,
                                                      .send = ring_change_send,
                                                      .take = ring_change_take,
                                                      .ended = ring_change_ended };

void store_ring_change(struct store *s, struct node_change *c, struct op *op)
{
    struct ring_request *r = request_new(sizeof *r, &ring_change_kind);

    r->change = c;
    r->op = op;
    c->made = (struct node_ring){ 0 };
    c->again_ms = 0;
    c->evicted_count = 0;
    request_start(&s->nodes, &r->request, NULL);
}
