/* store/outcome.c - the way of a batch through its transactions, and what each append is told
 *
 *   HEADS  heads answered, all as expected    -> ROWS
 *          odd ones among them, keys looked up -> BACK; they are answered, the rest runs again without them
 *          odd ones, keys not looked up       -> BACK, and the same again with a look: a used key comes first
 *          an error                           -> BACK, then as below
 *   ROWS   the sync is answered: committed    -> everybody in the run is acknowledged
 *          a key was used before              -> the same again with a look, which tells whose and for what
 *          deadlock                           -> the same again
 *          a row that Postgres refuses        -> half of the batch, until it stands alone
 *          the connection is lost             -> nobody knows: ERR_STORE_DOWN, and the same key finds out
 *   BACK   rolled back                        -> AGAIN, when keys were here before; else the rest runs again
 *   AGAIN  their own commit stands            -> the repeated ones are acknowledged
 *
 * Keys are seldom repeated, so the unique index alone says so; only for OUTCOME_LOOK_MS after it did, every batch
 * looks its keys up first: who repeats one often repeats many, after a lost connection for instance.
 * A connection that is lost before the rows were sent costs nothing: the batch goes back to the queue's head.
 */
#include "store/outcome.h"

#include "base/die.h"
#include "base/log.h"
#include "store/stage.h"

enum { OUTCOME_RETRIES_MAX = 20, OUTCOME_LEAST_MS = 250, OUTCOME_LOOK_MS = 10 * 1000 };

static void outcome_run(struct commit_lane *l);

static uint64_t outcome_now(const struct commit_lane *l)
{
    return loop_now_ms(l->commit->loop);
}

/* Answers those of the run for whom end() names an end, and closes the ranks of the others. */
typedef bool outcome_end(struct commit_lane *l, struct batch_item *item, enum err *err);

static void outcome_answer(struct commit_lane *l, outcome_end *end)
{
    struct batch *b = &l->batch;
    uint32_t kept = 0;

    for (uint32_t n = 0; n < b->count; n++) {
        enum err err = ERR_OK;
        if (n < b->run && end(l, &b->item[n], &err))
            op_wake(b->item[n].a->op, err);
        else
            b->item[kept++] = b->item[n];
    }
    b->count = kept;
    b->run = 0;
    batch_sort_holds(b);
}

static bool outcome_committed(struct commit_lane *l, struct batch_item *item, enum err *err)
{
    item->a->seq = batch_seq(&l->batch, item);
    item->a->id = batch_id(&l->batch, item);
    *err = ERR_OK;
    return true;
}

static bool outcome_unknown(struct commit_lane *l, struct batch_item *item, enum err *err)
{
    (void)item;
    l->commit->unknown_outcomes++;
    *err = ERR_STORE_DOWN;
    return true;
}

static bool outcome_down(struct commit_lane *l, struct batch_item *item, enum err *err)
{
    (void)l;
    (void)item;
    *err = ERR_STORE_DOWN;
    return true;
}

static bool outcome_timeout(struct commit_lane *l, struct batch_item *item, enum err *err)
{
    (void)l;
    (void)item;
    *err = ERR_TIMEOUT;
    return true;
}

static bool outcome_poison(struct commit_lane *l, struct batch_item *item, enum err *err)
{
    log_line(LOG_ERROR, "store_poison", "sqlstate=%s conversation=%llu kind=%d", l->sqlstate,
             (unsigned long long)item->a->conversation.n, (int)item->a->kind);
    *err = ERR_INTERNAL;
    return true;
}

static bool outcome_odd(struct commit_lane *l, struct batch_item *item, enum err *err)
{
    (void)l;
    *err = item->verdict;
    return item->verdict != ERR_OK;
}

static bool outcome_again(struct commit_lane *l, struct batch_item *item, enum err *err)
{
    if (!item->was_here)
        return false;
    l->commit->duplicates++;
    item->a->seq.n = item->first.seq;
    item->a->id.n = item->first.id;
    item->a->is_duplicate = true;
    *err = ERR_OK;
    return true;
}

static bool outcome_late(struct commit_lane *l, struct batch_item *item, enum err *err)
{
    *err = ERR_TIMEOUT;
    return item->a->deadline_ms < outcome_now(l) + OUTCOME_LEAST_MS;
}

static void outcome_begin_state(struct commit_lane *l, enum commit_state state)
{
    l->state = state;
    l->sqlstate[0] = 0;
    l->key_conflict = false;
}

/* Runs what the lane holds, or as many of it as the limit allows; idle when nothing is left. */
static void outcome_run(struct commit_lane *l)
{
    struct batch *b = &l->batch;
    uint64_t now_ms = outcome_now(l), first_deadline_ms = UINT64_MAX;

    b->run = b->count;
    outcome_answer(l, outcome_late);
    if (!b->count || l->pg.state != PG_UP) {
        CHECK(!b->count);
        l->state = COMMIT_IDLE;
        pg_end(&l->pg);
        return;
    }
    batch_prepare(b, b->count < b->limit ? b->count : b->limit, l->commit->ids,
                  loop_unix_ms(l->commit->loop));
    for (uint32_t n = 0; n < b->run; n++)
        if (b->item[n].a->deadline_ms < first_deadline_ms)
            first_deadline_ms = b->item[n].a->deadline_ms;
    l->looks = l->must_look || now_ms < l->commit->look_until_ms;
    outcome_begin_state(l, COMMIT_HEADS);
    pg_begin(&l->pg, first_deadline_ms - now_ms);
    stage_heads(l);
}

void outcome_begin(struct commit_lane *l)
{
    l->batch.limit = l->batch.count;
    l->retries = 0;
    l->must_look = false;
    outcome_run(l);
}

/* All heads have answered. */
static void outcome_judge(struct commit_lane *l)
{
    if (!l->sqlstate[0] && batch_judge(&l->batch)) {
        die_at("locked");
        l->state = COMMIT_ROWS;
        stage_rows(l);
        return;
    }
    l->commit->rollbacks++;
    l->state = COMMIT_BACK;
    l->must_look = true;
    if (!l->sqlstate[0])
        pg_send(&l->pg, SQL_ROLLBACK, NULL);
    pg_sync(&l->pg);
}

static void outcome_error(struct commit_lane *l, const PGresult *r)
{
    const char *table = PQresultErrorField(r, PG_DIAG_TABLE_NAME);

    if (l->sqlstate[0])
        return;
    snprintf(l->sqlstate, sizeof l->sqlstate, "%s", *pg_sqlstate(r) ? pg_sqlstate(r) : "?????");
    l->key_conflict = strcmp(l->sqlstate, "23505") == 0 && table && strncmp(table, "send_key", 8) == 0;
}

static void outcome_result(void *ctx, const PGresult *r)
{
    struct commit_lane *l = ctx;
    ExecStatusType status = PQresultStatus(r);

    if (status == PGRES_FATAL_ERROR)
        outcome_error(l, r);
    else if (status == PGRES_TUPLES_OK && l->state == COMMIT_HEADS)
        stage_take(l, r);
    l->nth++;
    if (l->state == COMMIT_HEADS && l->pg.awaited == 0)
        outcome_judge(l);
}

static bool outcome_is_class(const struct commit_lane *l, const char *classes)
{
    for (; *classes; classes += 2)
        if (strncmp(l->sqlstate, classes, 2) == 0)
            return true;
    return false;
}

/* The transaction was taken back because of an error: what now depends on whose fault it was. */
static void outcome_failed(struct commit_lane *l)
{
    struct batch *b = &l->batch;
    bool is_poison = outcome_is_class(l, "21222342") && !l->key_conflict;

    log_line(LOG_WARN, "store_batch_failed", "sqlstate=%s run=%u retries=%u", l->sqlstate, b->run,
             l->retries);
    if (l->key_conflict) {
        l->must_look = true;
        l->commit->look_until_ms = outcome_now(l) + OUTCOME_LOOK_MS;
    }
    if (outcome_is_class(l, "40") || strcmp(l->sqlstate, "55P03") == 0 || l->key_conflict) {
        if (++l->retries > OUTCOME_RETRIES_MAX)
            outcome_answer(l, outcome_timeout);
    } else if (is_poison && b->run > 1) {
        b->limit = (b->run + 1) / 2;
    } else if (is_poison) {
        outcome_answer(l, outcome_poison);
        b->limit = b->items_max;
    } else if (strcmp(l->sqlstate, "57014") == 0) {
        outcome_answer(l, outcome_timeout);
    } else {
        outcome_answer(l, outcome_down);
    }
    if (outcome_is_class(l, "25"))
        pg_drop(&l->pg, "read_only");
    else
        outcome_run(l);
}

static void outcome_rows_synced(struct commit_lane *l)
{
    struct batch *b = &l->batch;
    struct commit *c = l->commit;

    if (l->sqlstate[0]) {
        c->rollbacks++;
        outcome_failed(l);
        return;
    }
    if (l->pg.warned) {
        outcome_answer(l, outcome_unknown);
        pg_drop(&l->pg, "unsure");
        return;
    }
    for (uint32_t n = 0; n < b->rows_count; n++) {
        const struct batch_row *row = &b->row[n];
        b->item[row->item].a->i[row->member].n = b->box[row->box].base + row->offset;
    }
    die_at("committed");
    c->commits++;
    c->appended += b->run;
    c->inbox_rows += b->rows_count;
    outcome_answer(l, outcome_committed);
    outcome_run(l);
}

static void outcome_back_synced(struct commit_lane *l)
{
    bool any = false;

    if (l->sqlstate[0]) {
        outcome_failed(l);
        return;
    }
    if (!l->looks) {
        outcome_run(l);
        return;
    }
    for (uint32_t n = 0; n < l->batch.run; n++)
        any = any || (l->batch.item[n].was_here && !l->batch.item[n].verdict);
    if (any) {
        outcome_begin_state(l, COMMIT_AGAIN);
        stage_again(l);
        return;
    }
    outcome_answer(l, outcome_odd);
    outcome_run(l);
}

/* Those that were refused are still here as well: both go in one sweep. */
static bool outcome_again_or_odd(struct commit_lane *l, struct batch_item *item, enum err *err)
{
    return outcome_odd(l, item, err) || outcome_again(l, item, err);
}

static void outcome_again_synced(struct commit_lane *l)
{
    if (l->sqlstate[0]) {
        outcome_failed(l);
        return;
    }
    if (l->pg.warned) {
        outcome_answer(l, outcome_unknown);
        pg_drop(&l->pg, "unsure");
        return;
    }
    outcome_answer(l, outcome_again_or_odd);
    outcome_run(l);
}

static void outcome_synced(void *ctx)
{
    struct commit_lane *l = ctx;

    CHECK(l->pg.awaited == 0);
    if (l->state == COMMIT_ROWS)
        outcome_rows_synced(l);
    else if (l->state == COMMIT_BACK)
        outcome_back_synced(l);
    else
        outcome_again_synced(l);
}

static void outcome_up(void *ctx)
{
    struct commit_lane *l = ctx;

    l->commit->down_ms = 0;
}

/* The queue's head again, in order of arrival: they are older than everything that waits. */
static void outcome_put_back(struct commit_lane *l)
{
    struct commit *c = l->commit;
    struct batch *b = &l->batch;

    while (b->count) {
        struct append *a = b->item[--b->count].a;
        a->next = c->first;
        if (!c->first)
            c->last = &a->next;
        c->first = a;
        c->queued++;
    }
    b->holds_count = 0;
    if (c->first && !c->timer.is_set)
        loop_timer_set(&c->timer, 0);
}

static void outcome_lost(void *ctx)
{
    struct commit_lane *l = ctx;

    if (commit_up(l->commit) == 0 && !l->commit->down_ms)
        l->commit->down_ms = outcome_now(l);
    if (l->state == COMMIT_ROWS && l->batch.run)
        outcome_answer(l, outcome_unknown);
    l->state = COMMIT_IDLE;
    outcome_put_back(l);
}

const struct pg_calls outcome_calls = {
    .up = outcome_up,
    .result = outcome_result,
    .synced = outcome_synced,
    .lost = outcome_lost,
};
