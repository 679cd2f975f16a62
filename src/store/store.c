/* store/store.c - the door: lanes of three kinds, and a look at the timeline now and then */
#include "store/inside.h"

#include "base/die.h"
#include "limits.h"
#include "store/row.h"

enum { STORE_LOOK_MS = 2000, STORE_WRITE_LANES = 1, STORE_NODE_LANES = 1 };

struct store_look {
    struct request request;
    struct store *store;
};

static void store_look_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    (void)r;
    (void)e;
    (void)stage;
    pg_send(pg, SQL_TIMELINE, NULL);
}

static enum err store_look_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)stage;
    (void)nth;
    if (PQntuples(result) != 1)
        return ERR_INTERNAL;
    ((struct store_look *)r)->store->timeline = row_number(result, 0, 0);
    return ERR_OK;
}

static void store_look_ended(struct request *r, enum err err)
{
    (void)err;
    loop_timer_set(&((struct store_look *)r)->store->look, STORE_LOOK_MS);
}

static const struct request_kind store_look_kind = { .name = "timeline",
                                                     .stages = 1,
                                                     .send = store_look_send,
                                                     .take = store_look_take,
                                                     .ended = store_look_ended };

static void store_look(void *ctx)
{
    struct store *s = ctx;
    struct store_look *r = request_new(sizeof *r, &store_look_kind);

    r->store = s;
    request_start(&s->reads, &r->request, NULL);
}

struct store *store_new(struct loop *l, struct ops *ops, const struct config *c, struct snowflake *ids)
{
    struct store *s = calloc(1, sizeof *s);

    (void)ops;
    CHECK(s);
    s->loop = l;
    commit_init(&s->commit, l, c, ids);
    request_pool_init(&s->reads, l, c->store_conninfo, PG_READS, (uint32_t)c->store_read_lanes,
                      LIMIT_READS_QUEUED);
    request_pool_init(&s->writes, l, c->store_conninfo, PG_WRITES, STORE_WRITE_LANES, LIMIT_READS_QUEUED);
    if (c->node_name[0])
        request_pool_init(&s->nodes, l, c->store_conninfo, PG_WRITES, STORE_NODE_LANES, LIMIT_READS_QUEUED);
    partition_init(&s->partition, l, &s->writes);
    loop_timer_init(&s->look, l, store_look, s);
    loop_timer_set(&s->look, 0);
    return s;
}

void store_free(struct store **s)
{
    if (!*s)
        return;
    request_pool_fini(&(*s)->reads);
    request_pool_fini(&(*s)->writes);
    if ((*s)->nodes.loop)
        request_pool_fini(&(*s)->nodes);
    partition_fini(&(*s)->partition);
    loop_timer_clear(&(*s)->look);
    commit_fini(&(*s)->commit);
    free(*s);
    *s = NULL;
}

void store_append(struct store *s, struct append *a, struct op *op)
{
    die_at("appending");
    a->op = op;
    commit_append(&s->commit, a);
}

void store_commit_turn(struct store *s)
{
    commit_turn(&s->commit);
}

bool store_is_up(const struct store *s)
{
    return commit_up(&s->commit) && request_pool_up(&s->reads) && request_pool_up(&s->writes);
}

uint64_t store_timeline(const struct store *s)
{
    return s->timeline;
}

static uint64_t store_ups(const struct store *s)
{
    uint64_t ups = 0;

    for (uint32_t n = 0; n < s->commit.lanes_count; n++)
        ups += s->commit.lane[n].pg.ups;
    for (uint32_t n = 0; n < s->reads.lanes_count; n++)
        ups += s->reads.lane[n].pg.ups;
    for (uint32_t n = 0; n < s->writes.lanes_count; n++)
        ups += s->writes.lane[n].pg.ups;
    return ups;
}

void store_stats_read(const struct store *s, struct store_stats *into)
{
    uint32_t lanes = s->commit.lanes_count + s->reads.lanes_count + s->writes.lanes_count;
    uint64_t ups = store_ups(s);

    *into = (struct store_stats){
        .commits = s->commit.commits,
        .appended = s->commit.appended,
        .inbox_rows = s->commit.inbox_rows,
        .duplicates = s->commit.duplicates,
        .rollbacks = s->commit.rollbacks,
        .unknown_outcomes = s->commit.unknown_outcomes,
        .reconnects = ups > lanes ? ups - lanes : 0,
        .reads = s->reads.done,
        .appends_queued = s->commit.queued,
        .reads_queued = s->reads.queued,
        .lanes_up = commit_up(&s->commit) + request_pool_up(&s->reads) + request_pool_up(&s->writes),
        .lanes = lanes,
    };
}
