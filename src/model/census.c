/* model/census.c - who stays, who comes, who goes: one look at each node, in the order of their ids */
#include "model/census.h"
#include "base/check.h"

/* A lease that ended while Postgres was away, or before everybody could renew it, proves nothing. */
static bool census_is_judgement_fair(const struct census *c)
{
    return c->postmaster_ms >= c->lease_ms;
}

static uint32_t census_members_before(const struct census *c)
{
    uint32_t count = 0;

    for (uint32_t k = 0; k < c->count; k++)
        count += c->node[k].is_member;
    return count;
}

/* How many may still be evicted now. */
static uint32_t census_evictions(const struct census *c)
{
    uint32_t most = census_members_before(c) / CENSUS_EVICTIONS_PART;

    if (most == 0)
        most = 1;
    return most > c->evicted ? most - c->evicted : 0;
}

static void census_again(struct census *c, uint64_t wait_ms)
{
    if (c->again_ms == 0 || wait_ms < c->again_ms)
        c->again_ms = wait_ms > 0 ? wait_ms : 1;
}

/* Who dies again and again owns nothing for a while. True: not yet again. */
static bool census_is_pausing(struct census *c, const struct census_node *n)
{
    if (n->deaths < CENSUS_DEATHS || n->death_ms >= CENSUS_DEATHS_PAUSE_MS)
        return false;
    census_again(c, CENSUS_DEATHS_PAUSE_MS - n->death_ms);
    return true;
}

/* A member stays unless it said that it goes, or its lease ended and it may be evicted. */
static bool census_stays(struct census *c, const struct census_node *n)
{
    if (n->is_dead || n->is_draining || n->weight == 0 || census_is_pausing(c, n))
        return false;
    if (n->lease_ms > 0)
        return true;
    if (!census_is_judgement_fair(c)) {
        census_again(c, c->lease_ms - c->postmaster_ms);
        return true;
    }
    if (c->evicts >= census_evictions(c)) {
        census_again(c, CENSUS_EVICTIONS_WINDOW_MS / 10);
        return true;
    }
    c->evicts++;
    return false;
}

/* A newcomer waits for others to come, unless there is nobody. */
static bool census_comes(struct census *c, const struct census_node *n, bool is_empty)
{
    if (n->is_dead || n->is_draining || n->weight == 0 || n->lease_ms <= 0 || census_is_pausing(c, n))
        return false;
    if (is_empty || n->age_ms >= CENSUS_JOIN_MS)
        return true;
    census_again(c, CENSUS_JOIN_MS - n->age_ms);
    return false;
}

/* Somebody who never became a member, or is none any more, went without a word: the list is to be rid of it. */
static bool census_is_leftover(const struct census *c, const struct census_node *n)
{
    return !n->is_member && !n->is_dead && n->lease_ms < -(int64_t)c->lease_ms && census_is_judgement_fair(c);
}

static const struct ring_member *census_before(const struct ring_member *before, uint32_t count, uint64_t id)
{
    for (uint32_t k = 0; k < count; k++) {
        if (before[k].id == id)
            return &before[k];
    }
    return NULL;
}

void census_take(struct census *c, const struct ring_member *before, uint32_t before_count)
{
    bool is_empty = census_members_before(c) == 0;

    c->members = c->evicts = 0;
    c->again_ms = 0;
    c->changed = false;
    for (uint32_t k = 0; k < c->count; k++) {
        const struct census_node *n = &c->node[k];
        const struct ring_member *was = census_before(before, before_count, n->id);
        bool is_in = n->is_member ? census_stays(c, n) : census_comes(c, n, is_empty);

        CHECK(k == 0 || c->node[k - 1].id < n->id);
        if (is_in)
            c->member[c->members++] = (struct ring_member){ n->id, n->weight };
        c->changed = c->changed || is_in != n->is_member || census_is_leftover(c, n) ||
                     (is_in && was && was->weight != n->weight);
    }
    /* When the last ones go there is nobody to go to: an empty table is worse than an old one. */
    if (c->members == 0 && !is_empty) {
        c->changed = false;
        c->evicts = 0;
        census_again(c, CENSUS_JOIN_MS);
    }
}
