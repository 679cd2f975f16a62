/* store/request.c - a queue, and lanes that work it off
 *
 *   request_start -> queue -> request_stage: send, flush or sync -> request_result for each statement
 *   -> request_stage again, or request_synced: the op is woken, the lane takes the next
 */
#include "store/request.h"

#include "base/log.h"
#include "limits.h"

enum { REQUEST_TICK_MS = 100, REQUEST_DOWN_MS = 2000, REQUEST_TRIES_MAX = 5 };

void *request_new(size_t bytes, const struct request_kind *kind)
{
    struct request *r = calloc(1, bytes);

    CHECK(r && bytes >= sizeof *r);
    r->kind = kind;
    return r;
}

static void request_end(struct request *r, enum err err)
{
    if (r->op)
        op_wake(r->op, err);
    else
        r->kind->ended(r, err);
    free(r);
}

static void request_put_back(struct request_pool *p, struct request *r)
{
    r->next = p->first;
    if (!p->first)
        p->last = &r->next;
    p->first = r;
    p->queued++;
}

static struct request *request_take_first(struct request_pool *p)
{
    struct request *r = p->first;

    p->first = r->next;
    if (!p->first)
        p->last = &p->first;
    p->queued--;
    return r;
}

static void request_stage(struct request_lane *l)
{
    struct request *r = l->at;

    l->nth = 0;
    encode_reset(&l->encode);
    r->kind->send(r, &l->pg, &l->encode, l->stage);
    l->is_synced = r->kind->is_split || l->stage + 1 == r->kind->stages;
    if (l->is_synced)
        pg_sync(&l->pg);
    else
        pg_flush(&l->pg);
    CHECK(l->pg.awaited > 0);
}

static uint64_t request_wait_ms(const struct request_pool *p, const struct request *r)
{
    uint64_t now_ms = loop_now_ms(p->loop);

    return r->deadline_ms > now_ms ? r->deadline_ms - now_ms : 1;
}

/* r's results are what comes next. */
static void request_begin(struct request_lane *l, struct request *r)
{
    l->at = r;
    l->stage = r->stage;
    l->nth = 0;
    l->err = ERR_OK;
    l->is_retry = false;
}

static void request_send(struct request_lane *l, struct request *r)
{
    if (!l->at) {
        request_begin(l, r);
        pg_begin(&l->pg, request_wait_ms(l->pool, r));
        request_stage(l);
        return;
    }
    r->next = NULL;
    *l->behind_last = r;
    l->behind_last = &r->next;
    pg_begin_behind(&l->pg);
    encode_reset(&l->encode);
    r->kind->send(r, &l->pg, &l->encode, r->stage);
    pg_sync(&l->pg);
}

/* A read of one transaction may go behind others: it needs nothing that they bring, and nothing has to come behind it soon. */
static bool request_may_send(const struct request_lane *l, const struct request *r)
{
    bool is_single = r->kind->stages == 1 || r->kind->is_split;

    if (l->pg.state != PG_UP || l->pg.is_broken)
        return false;
    return !l->at || (l->pg.role == PG_READS && is_single && l->is_synced && l->pg.behind < PG_BEHIND_MAX);
}

static uint32_t request_under_way(const struct request_lane *l)
{
    return l->at ? 1 + l->pg.behind : 0;
}

/* Sends what waits, in order, each to the lane that has the least under way. */
static void request_spread(struct request_pool *p)
{
    while (p->first) {
        struct request_lane *least = NULL;

        for (uint32_t n = 0; n < p->lanes_count; n++) {
            struct request_lane *l = &p->lane[n];
            if (request_may_send(l, p->first) && (!least || request_under_way(l) < request_under_way(least)))
                least = l;
        }
        if (!least)
            return;
        request_send(least, request_take_first(p));
    }
}

/* Which end an error of Postgres is. Not the texts: they may hold what people wrote. */
static enum err request_error(struct request_lane *l, const PGresult *result)
{
    const char *state = pg_sqlstate(result), *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
    const struct request_kind *kind = l->at->kind;

    if (strncmp(state, "40", 2) == 0 || strcmp(state, "55P03") == 0) {
        l->is_retry = true;
        return ERR_TIMEOUT;
    }
    if (strcmp(state, "23505") == 0 && kind->conflict && table && strcmp(table, kind->conflict_table) == 0)
        return kind->conflict;
    log_line(LOG_WARN, "store_error", "request=%s stage=%u nth=%u sqlstate=%s", kind->name, l->stage, l->nth,
             state);
    if (strcmp(state, "57014") == 0)
        return ERR_TIMEOUT;
    if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 || strncmp(state, "42", 2) == 0)
        return ERR_INTERNAL;
    return ERR_STORE_DOWN;
}

/* All results of a stage are there: the next one, or the end of a transaction that failed. */
static void request_stage_over(struct request_lane *l)
{
    if (l->err) {
        pg_send(&l->pg, SQL_ROLLBACK, NULL);
        l->is_synced = true;
        pg_sync(&l->pg);
        return;
    }
    l->stage++;
    request_stage(l);
}

static void request_result(void *ctx, const PGresult *result)
{
    struct request_lane *l = ctx;
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        if (!l->err)
            l->err = l->at->kind->take(l->at, l->stage, l->nth, result);
    } else if (status != PGRES_PIPELINE_ABORTED && !l->err) {
        l->err = request_error(l, result);
    }
    l->nth++;
    if (l->pg.awaited == 0 && !l->is_synced)
        request_stage_over(l);
}

/* What was sent behind is answered next. */
static void request_go_on(struct request_lane *l)
{
    struct request *next = l->behind;

    l->at = NULL;
    if (!next) {
        pg_end(&l->pg);
        return;
    }
    l->behind = next->next;
    if (!l->behind)
        l->behind_last = &l->behind;
    request_begin(l, next);
    l->is_synced = true;
    pg_wait(&l->pg, request_wait_ms(l->pool, next));
}

/* A split one goes on with its next stage. */
static bool request_has_more(struct request *r, enum err err)
{
    if (err || !r->kind->is_split || r->stage + 1 == r->kind->stages || !r->kind->needs(r, r->stage + 1))
        return false;
    r->stage++;
    return true;
}

static void request_synced(void *ctx)
{
    struct request_lane *l = ctx;
    struct request *r = l->at;
    bool is_unsure = l->pg.warned && l->pg.role != PG_READS;

    bool is_again = l->is_retry ? ++r->tries < REQUEST_TRIES_MAX : request_has_more(r, l->err);
    enum err err = is_unsure ? ERR_STORE_DOWN : l->err;

    l->pool->done++;
    request_go_on(l);
    if (is_again)
        request_put_back(l->pool, r);
    else
        request_end(r, err);
    if (is_unsure)
        pg_drop(&l->pg, "unsure");
    else
        request_spread(l->pool);
}

static void request_up(void *ctx)
{
    struct request_lane *l = ctx;

    l->pool->down_ms = 0;
    request_spread(l->pool);
}

/* Its connection broke before it was answered. */
static void request_try_again(struct request_lane *l, struct request *r)
{
    struct request_pool *p = l->pool;
    bool may_stand = l->is_synced && l->pg.role != PG_READS;

    if (may_stand || ++r->tries >= REQUEST_TRIES_MAX)
        request_end(r, ERR_STORE_DOWN);
    else if (loop_now_ms(p->loop) + REQUEST_TICK_MS >= r->deadline_ms)
        request_end(r, ERR_TIMEOUT);
    else
        request_put_back(p, r);
}

/* The newest first: each is put back in front of the one before. */
static void request_try_all_again(struct request_lane *l, struct request *oldest)
{
    struct request *turned = NULL, *r;

    while ((r = oldest)) {
        oldest = r->next;
        r->next = turned;
        turned = r;
    }
    while ((r = turned)) {
        turned = r->next;
        request_try_again(l, r);
    }
}

static void request_lost(void *ctx)
{
    struct request_lane *l = ctx;
    struct request_pool *p = l->pool;
    struct request *r = l->at, *behind = l->behind;

    if (request_pool_up(p) == 0 && !p->down_ms)
        p->down_ms = loop_now_ms(p->loop);
    l->at = l->behind = NULL;
    l->behind_last = &l->behind;
    if (!r)
        return;
    request_try_all_again(l, behind);
    request_try_again(l, r);
    if (p->first)
        loop_timer_set(&p->timer, 0);
}

static const struct pg_calls request_calls = {
    .up = request_up,
    .result = request_result,
    .synced = request_synced,
    .lost = request_lost,
};

static bool request_is_down(const struct request_pool *p)
{
    return p->down_ms && loop_now_ms(p->loop) - p->down_ms >= REQUEST_DOWN_MS;
}

/* Ends what waited too long, in order of arrival; starts what was put back. Its first call, in the loop's first turn,
 * also begins the time that Postgres has to be there: before that the loop's clock stood still. */
static void request_tick(void *ctx)
{
    struct request_pool *p = ctx;
    uint64_t now_ms = loop_now_ms(p->loop);

    if (!p->down_ms && request_pool_up(p) == 0)
        p->down_ms = now_ms;
    request_spread(p);
    while (p->first && (p->first->deadline_ms <= now_ms || request_is_down(p)))
        request_end(request_take_first(p), p->down_ms ? ERR_STORE_DOWN : ERR_TIMEOUT);
    if (p->first)
        loop_timer_set(&p->timer, REQUEST_TICK_MS);
}

void request_pool_init(struct request_pool *p, struct loop *l, const char *conninfo, enum pg_role role,
                       uint32_t lanes, uint32_t queued_max)
{
    CHECK(lanes > 0 && lanes <= REQUEST_LANES_MAX);
    *p = (struct request_pool){ .loop = l, .queued_max = queued_max, .lanes_count = lanes };
    p->last = &p->first;
    loop_timer_init(&p->timer, l, request_tick, p);
    loop_timer_set(&p->timer, 0);
    for (uint32_t n = 0; n < lanes; n++) {
        p->lane[n].pool = p;
        p->lane[n].behind_last = &p->lane[n].behind;
        pg_init(&p->lane[n].pg, l, conninfo, role, &request_calls, &p->lane[n]);
    }
}

void request_pool_fini(struct request_pool *p)
{
    for (uint32_t n = 0; n < p->lanes_count; n++) {
        pg_fini(&p->lane[n].pg);
        encode_fini(&p->lane[n].encode);
        if (p->lane[n].at)
            request_end(p->lane[n].at, ERR_STORE_DOWN);
        for (struct request *r = p->lane[n].behind, *next; r; r = next) {
            next = r->next;
            request_end(r, ERR_STORE_DOWN);
        }
    }
    while (p->first)
        request_end(request_take_first(p), ERR_STORE_DOWN);
    loop_timer_clear(&p->timer);
}

uint32_t request_pool_up(const struct request_pool *p)
{
    uint32_t up = 0;

    for (uint32_t n = 0; n < p->lanes_count; n++)
        up += p->lane[n].pg.state == PG_UP;
    return up;
}

void request_start(struct request_pool *p, struct request *r, struct op *op)
{
    r->op = op;
    r->deadline_ms = loop_now_ms(p->loop) + LIMIT_STORE_MS - REQUEST_TICK_MS;
    if (p->queued >= p->queued_max || request_is_down(p)) {
        request_end(r, request_is_down(p) ? ERR_STORE_DOWN : ERR_BUSY);
        return;
    }
    *p->last = r;
    p->last = &r->next;
    p->queued++;
    request_spread(p);
    if (p->first && !p->timer.is_set)
        loop_timer_set(&p->timer, REQUEST_TICK_MS);
}
