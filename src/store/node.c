/* store/node.c - a node's row: taken, renewed, given up; and what it had written */
#include "store/inside.h"

#include "model/snowflake.h"
#include "store/node.h"
#include "store/row.h"

struct node_request {
    struct request request;
    struct loop *loop;
    struct node_join *join;
    struct node_renew *renew;
    struct node_inherit *inherit;
    const struct node_order *order;
    uint64_t *timeline;
    uint32_t id;
    uint64_t incarnation, id_last;
    enum node_state state;
};

enum { NODE_CHOOSE, NODE_TAKE }; /* stages of joining */

static void node_join_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct node_join *j = ((const struct node_request *)r)->join;

    if (stage == NODE_CHOOSE) {
        pg_send(pg, SQL_NODE_LOCK, NULL);
        encode_text(e, j->name);
        encode_int8(e, NODE_REUSE_MS);
        pg_send(pg, SQL_NODE_CHOOSE, e);
        return;
    }
    encode_int8(e, j->id);
    encode_text(e, j->name);
    encode_text(e, j->url);
    encode_text(e, j->link);
    encode_text(e, j->link_local);
    encode_text(e, j->host);
    encode_text(e, j->region);
    encode_int8(e, j->weight);
    encode_int8(e, j->version_least);
    encode_int8(e, j->version);
    encode_int8(e, j->lease_ms);
    encode_int8(e, j->replaced > 0);
    encode_int8(e, j->id_reserved);
    encode_int8(e, snowflake_at(SNOWFLAKE_EPOCH_MS + SNOWFLAKE_AHEAD_MS));
    pg_send(pg, SQL_NODE_JOIN, e);
    pg_send(pg, SQL_NODES_CHANGED, NULL);
}

static enum err node_join_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct node_join *j = ((struct node_request *)r)->join;

    if (stage == NODE_CHOOSE && nth == 1) {
        if (PQntuples(result) != 1)
            return ERR_BUSY;
        j->id = (uint32_t)row_number(result, 0, 0);
        j->replaced = row_number(result, 0, 2) == NODE_DEAD ? 0 : row_number(result, 0, 1);
        j->id_above = row_number(result, 0, 3);
    } else if (stage == NODE_TAKE && nth == 0) {
        j->incarnation = row_number(result, 0, 0);
        j->id_reserved = row_number(result, 0, 1);
    }
    return ERR_OK;
}

static const struct request_kind node_join_kind = {
    .name = "node_join", .stages = 2, .send = node_join_send, .take = node_join_take
};

void store_node_join(struct store *s, struct node_join *j, struct op *op)
{
    struct node_request *r = request_new(sizeof *r, &node_join_kind);

    r->join = j;
    request_start(&s->nodes, &r->request, op);
}

static void node_renew_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct node_renew *n = ((const struct node_request *)r)->renew;

    (void)stage;
    pg_send(pg, SQL_NODE_LAZILY, NULL);
    encode_int8(e, n->id);
    encode_int8(e, n->incarnation);
    encode_int8(e, n->lease_ms);
    encode_int8(e, n->load);
    encode_int8(e, n->id_reserved);
    pg_send(pg, SQL_NODE_RENEW, e);
    pg_send(pg, SQL_NODE_WORLD, NULL);
}

static enum err node_renew_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct node_renew *n = ((struct node_request *)r)->renew;

    (void)stage;
    if (nth == 1 && PQntuples(result) != 1)
        return ERR_NOT_FOUND;
    if (nth == 2) {
        n->epoch = row_number(result, 0, 0);
        n->timeline = row_number(result, 0, 1);
        n->nodes_version = row_number(result, 0, 2);
        n->is_expired = row_number(result, 0, 3);
    }
    return ERR_OK;
}

static const struct request_kind node_renew_kind = {
    .name = "node_renew", .stages = 1, .send = node_renew_send, .take = node_renew_take
};

void store_node_renew(struct store *s, struct node_renew *n, struct op *op)
{
    struct node_request *r = request_new(sizeof *r, &node_renew_kind);

    r->renew = n;
    request_start(&s->nodes, &r->request, op);
}

static void node_state_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct node_request *n = (const struct node_request *)r;

    (void)stage;
    encode_int8(e, n->id);
    encode_int8(e, n->incarnation);
    encode_int8(e, n->state);
    encode_int8(e, n->id_last);
    pg_send(pg, SQL_NODE_STATE, e);
    pg_send(pg, SQL_NODES_CHANGED, NULL);
}

static enum err node_one_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)r;
    (void)stage;
    return nth == 0 && PQntuples(result) != 1 ? ERR_NOT_FOUND : ERR_OK;
}

/* Of one that nobody waits for. */
static void node_state_ended(struct request *r, enum err err)
{
    (void)r;
    (void)err;
}

static const struct request_kind node_state_kind = { .name = "node_state",
                                                     .stages = 1,
                                                     .send = node_state_send,
                                                     .take = node_one_take,
                                                     .ended = node_state_ended };

static void node_become(struct store *s, uint32_t id, uint64_t incarnation, enum node_state state,
                        uint64_t id_last, struct op *op)
{
    struct node_request *r = request_new(sizeof *r, &node_state_kind);

    r->id = id;
    r->incarnation = incarnation;
    r->state = state;
    r->id_last = id_last;
    request_start(&s->nodes, &r->request, op);
}

void store_node_leave(struct store *s, uint32_t id, uint64_t incarnation, uint64_t id_last, struct op *op)
{
    node_become(s, id, incarnation, NODE_DEAD, id_last, op);
}

void store_node_drain(struct store *s, uint32_t id, uint64_t incarnation, struct op *op)
{
    node_become(s, id, incarnation, NODE_DRAINING, 0, op);
}

static void node_order_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct node_order *o = ((const struct node_request *)r)->order;

    (void)stage;
    encode_text(e, o->name);
    encode_int8(e, o->is_weight ? o->weight : o->state);
    pg_send(pg, o->is_weight ? SQL_NODE_WEIGH : SQL_NODE_DIRECT, e);
    pg_send(pg, SQL_NODES_CHANGED, NULL);
}

static const struct request_kind node_order_kind = {
    .name = "node_order", .stages = 1, .send = node_order_send, .take = node_one_take
};

void store_node_order(struct store *s, const struct node_order *o, struct op *op)
{
    struct node_request *r = request_new(sizeof *r, &node_order_kind);

    r->order = o;
    request_start(&s->nodes, &r->request, op);
}

static void node_timeline_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    (void)r;
    (void)e;
    (void)stage;
    pg_send(pg, SQL_NODE_TIMELINE, NULL);
}

static enum err node_timeline_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)stage;
    (void)nth;
    if (PQntuples(result) != 1)
        return ERR_INTERNAL;
    *((struct node_request *)r)->timeline = row_number(result, 0, 0);
    return ERR_OK;
}

static const struct request_kind node_timeline_kind = {
    .name = "node_timeline", .stages = 1, .send = node_timeline_send, .take = node_timeline_take
};

void store_node_timeline(struct store *s, uint64_t *timeline, struct op *op)
{
    struct node_request *r = request_new(sizeof *r, &node_timeline_kind);

    r->timeline = timeline;
    request_start(&s->nodes, &r->request, op);
}

static void node_inherit_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct node_request *q = (const struct node_request *)r;
    const struct node_inherit *n = q->inherit;

    (void)stage;
    encode_int8(e, snowflake_at(loop_unix_ms(q->loop) - n->back_ms));
    encode_int8(e, n->id);
    encode_int8(e, (uint64_t)n->room + 1);
    pg_send(pg, SQL_PLAN_BLOCKS, NULL);
    pg_send(pg, SQL_INBOX_WRITTEN, e);
}

static enum err node_inherit_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct node_inherit *n = ((struct node_request *)r)->inherit;
    uint32_t rows = (uint32_t)PQntuples(result);

    (void)stage;
    if (nth == 0)
        return ERR_OK;
    n->more = rows > n->room;
    n->count = n->more ? n->room : rows;
    for (uint32_t k = 0; k < n->count; k++) {
        n->at[k].user = row_number(result, (int)k, 0);
        n->at[k].i = row_number(result, (int)k, 1);
    }
    return ERR_OK;
}

static const struct request_kind node_inherit_kind = {
    .name = "node_inherit", .stages = 1, .send = node_inherit_send, .take = node_inherit_take
};

void store_node_inherit(struct store *s, struct node_inherit *n, struct op *op)
{
    struct node_request *r = request_new(sizeof *r, &node_inherit_kind);

    r->inherit = n;
    r->loop = s->loop;
    request_start(&s->reads, &r->request, op);
}
