/* store/commit.c - the queue of appends, and the lanes that work it off
 *
 *   commit_append -> queue -> commit_turn: pick_batch for each idle lane -> outcome.c runs the batch
 *
 * No timer makes a batch: what arrives while the transactions are in flight is what the next ones hold.
 */
#include "store/commit.h"

#include "limits.h"
#include "store/outcome.h"
#include "store/pick.h"

enum { COMMIT_TICK_MS = 100, COMMIT_DOWN_MS = 2000 };

static bool commit_is_down(const struct commit *c)
{
    return c->down_ms && loop_now_ms(c->loop) - c->down_ms >= COMMIT_DOWN_MS;
}

/* Ends what waited too long. What a lane put back is older than what stands behind it, so the first is the oldest.
 * Its first call, in the loop's first turn, also begins the time that Postgres has to be there. */
static void commit_tick(void *ctx)
{
    struct commit *c = ctx;
    uint64_t now_ms = loop_now_ms(c->loop);

    if (!c->down_ms && commit_up(c) == 0)
        c->down_ms = now_ms;
    while (c->first && (c->first->deadline_ms <= now_ms || commit_is_down(c))) {
        struct append *a = c->first;
        c->first = a->next;
        if (!c->first)
            c->last = &c->first;
        c->queued--;
        op_wake(a->op, c->down_ms ? ERR_STORE_DOWN : ERR_TIMEOUT);
    }
    if (c->first)
        loop_timer_set(&c->timer, COMMIT_TICK_MS);
}

void commit_init(struct commit *c, struct loop *l, const struct config *config, struct snowflake *ids)
{
    uint32_t items_max = (uint32_t)config->store_batch_messages_max;

    *c = (struct commit){ .loop = l, .ids = ids, .lanes_count = (uint32_t)config->store_commit_lanes };
    CHECK(c->lanes_count > 0 && c->lanes_count <= COMMIT_LANES_MAX);
    c->last = &c->first;
    c->used = pick_new(items_max);
    loop_timer_init(&c->timer, l, commit_tick, c);
    loop_timer_set(&c->timer, 0);
    for (uint32_t n = 0; n < c->lanes_count; n++) {
        struct commit_lane *lane = &c->lane[n];
        lane->commit = c;
        batch_init(&lane->batch, items_max, (uint32_t)config->store_batch_inbox_rows_max);
        pg_init(&lane->pg, l, config->store_conninfo, PG_COMMITS, &outcome_calls, lane);
    }
}

void commit_fini(struct commit *c)
{
    for (uint32_t n = 0; n < c->lanes_count; n++) {
        struct commit_lane *lane = &c->lane[n];
        pg_fini(&lane->pg);
        for (uint32_t k = 0; k < lane->batch.count; k++)
            op_wake(lane->batch.item[k].a->op, ERR_STORE_DOWN);
        batch_fini(&lane->batch);
        encode_fini(&lane->encode);
    }
    for (struct append *a = c->first, *next; a; a = next) {
        next = a->next;
        op_wake(a->op, ERR_STORE_DOWN);
    }
    loop_timer_clear(&c->timer);
    pick_free(&c->used);
}

uint32_t commit_up(const struct commit *c)
{
    uint32_t up = 0;

    for (uint32_t n = 0; n < c->lanes_count; n++)
        up += c->lane[n].pg.state == PG_UP;
    return up;
}

void commit_append(struct commit *c, struct append *a)
{
    CHECK(a->members && a->members->count > 0 && a->members->count <= LIMIT_MEMBERS + 1);
    a->next = NULL;
    a->tries = 0;
    a->is_duplicate = false;
    a->deadline_ms = loop_now_ms(c->loop) + LIMIT_STORE_MS - COMMIT_TICK_MS;
    if (c->queued >= LIMIT_APPENDS_QUEUED || commit_is_down(c)) {
        op_wake(a->op, commit_is_down(c) ? ERR_STORE_DOWN : ERR_BUSY);
        return;
    }
    *c->last = a;
    c->last = &a->next;
    c->queued++;
    if (!c->timer.is_set)
        loop_timer_set(&c->timer, COMMIT_TICK_MS);
}

void commit_turn(struct commit *c)
{
    for (uint32_t n = 0; n < c->lanes_count && c->first; n++) {
        struct commit_lane *lane = &c->lane[n];
        if (lane->state != COMMIT_IDLE || lane->pg.state != PG_UP || lane->pg.is_broken)
            continue;
        pick_batch(c, lane);
        if (lane->batch.count)
            outcome_begin(lane);
    }
}
