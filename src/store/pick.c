/* store/pick.c - which of what waits becomes a lane's next batch */
#include "store/pick.h"

#include <stdlib.h>

enum {
    PICK_LOOK_MAX = 4096, /* of the queue in one pick, however many of them must stay */
    PICK_LEAST_MS = 500, /* what has less time left is not begun */
};

struct commit_used {
    struct {
        uint64_t sender, high, low;
        uint32_t round; /* of the pick that put it here: others are empty places */
    } * place;
    uint32_t places, round; /* places is a power of two */
    uint64_t *closed; /* hold keys whose later appends must stay */
    uint32_t closed_count, closed_max;
};

struct commit_used *pick_new(uint32_t items_max)
{
    struct commit_used *u = calloc(1, sizeof *u);

    CHECK(u);
    u->places = 16;
    while (u->places < items_max * 2)
        u->places *= 2;
    u->place = calloc(u->places, sizeof *u->place);
    u->closed_max = PICK_LOOK_MAX;
    u->closed = calloc(u->closed_max, sizeof *u->closed);
    CHECK(u->place && u->closed);
    return u;
}

void pick_free(struct commit_used **u)
{
    if (!*u)
        return;
    free((*u)->place);
    free((*u)->closed);
    free(*u);
    *u = NULL;
}

/* False: this sender's key is in the batch already. */
static bool pick_use_key(struct commit_used *u, const struct append *a)
{
    if (!a->key.high && !a->key.low)
        return true;
    uint64_t mixed = (a->key.low ^ a->key.high * 0x9e3779b97f4a7c15u ^ a->from.n) * 0xbf58476d1ce4e5b9u;
    uint32_t at = (uint32_t)(mixed >> 32) & (u->places - 1);
    for (; u->place[at].round == u->round; at = (at + 1) & (u->places - 1))
        if (u->place[at].sender == a->from.n && u->place[at].high == a->key.high &&
            u->place[at].low == a->key.low)
            return false;
    u->place[at].sender = a->from.n;
    u->place[at].high = a->key.high;
    u->place[at].low = a->key.low;
    u->place[at].round = u->round;
    return true;
}

static bool pick_is_closed(const struct commit_used *u, uint64_t hold)
{
    for (uint32_t n = 0; n < u->closed_count; n++)
        if (u->closed[n] == hold)
            return true;
    return false;
}

static void pick_close(struct commit_used *u, uint64_t hold)
{
    if (!pick_is_closed(u, hold) && u->closed_count < u->closed_max)
        u->closed[u->closed_count++] = hold;
}

static bool pick_is_held(const struct commit *c, const struct commit_lane *mine, uint64_t hold)
{
    for (uint32_t n = 0; n < c->lanes_count; n++)
        if (&c->lane[n] != mine && c->lane[n].state != COMMIT_IDLE && batch_holds(&c->lane[n].batch, hold))
            return true;
    return false;
}

/* A change of members ends what this batch can hold of the conversation: what comes later was decided for the
 * members before it, and is to be judged against the new epoch. */
static bool pick_closes(const struct append *a)
{
    for (uint32_t n = 0; n < a->effects_count; n++)
        if (a->effects[n].kind != EFFECT_READ)
            return true;
    return false;
}

static bool pick_may(struct commit *c, const struct commit_lane *l, const struct append *a, uint64_t hold)
{
    if (pick_is_closed(c->used, hold) || pick_is_held(c, l, hold))
        return false;
    if (pick_use_key(c->used, a))
        return true;
    pick_close(c->used, hold);
    return false;
}

void pick_batch(struct commit *c, struct commit_lane *l)
{
    struct batch *b = &l->batch;
    struct append **link = &c->first;
    uint32_t looked = 0;
    uint64_t rows = 0;
    uint64_t rows_max = b->rows_max - LIMIT_MEMBERS - 1;
    uint64_t now_ms = loop_now_ms(c->loop);

    c->used->round++;
    c->used->closed_count = 0;
    b->count = 0;
    while (*link && b->count < b->items_max && looked++ < PICK_LOOK_MAX) {
        struct append *a = *link;
        uint64_t hold = batch_hold_key(a);
        if (a->deadline_ms < now_ms + PICK_LEAST_MS) {
            *link = a->next;
            c->queued--;
            op_wake(a->op, ERR_TIMEOUT);
            continue;
        }
        if (b->count && rows + a->members->count > rows_max)
            break;
        if (!pick_may(c, l, a, hold)) {
            link = &a->next;
            continue;
        }
        *link = a->next;
        c->queued--;
        rows += a->members->count;
        b->item[b->count++] = (struct batch_item){ .a = a };
        if (pick_closes(a))
            pick_close(c->used, hold);
    }
    if (!*link)
        c->last = link;
    batch_sort_holds(b);
}
