/* model/census.h - who shall be in the next table of the ring: rules without a clock, judged on what Postgres said
 *
 * Joins wait, so that a rolling start makes one table; evictions are few at a time, so that a fault of the judge does
 * not empty the cluster; who dies again and again gets nothing for a while.
 */
#pragma once
#include "model/ring.h"
#include <stdbool.h>

enum {
    CENSUS_JOIN_MS = 2000,          /* a node that joined waits for others, but not when the table is empty, and not when
                                     * the same id (a restart) is in the table already */
    CENSUS_EVICTIONS_WINDOW_MS = 10 * 1000,
    CENSUS_EVICTIONS_PART = 4,      /* of that many members one may be evicted in the window; one always */
    CENSUS_DEATHS = 3,              /* unclean ends within CENSUS_DEATHS_WINDOW_MS, */
    CENSUS_DEATHS_WINDOW_MS = 60 * 1000,
    CENSUS_DEATHS_PAUSE_MS = 30 * 1000,     /* and that long it owns no slots */
};

struct census_node {
    uint64_t id;
    uint32_t weight;
    bool is_member;                 /* in the table */
    bool is_draining, is_dead;      /* said so */
    uint64_t age_ms;                /* since this incarnation joined */
    int64_t lease_ms;               /* left; below 0: over */
    uint32_t deaths;                /* unclean ends in the last CENSUS_DEATHS_WINDOW_MS */
    uint64_t death_ms;              /* since the last of them */
};

struct census {
    /* in */
    const struct census_node *node;
    uint32_t count;
    uint64_t postmaster_ms;         /* since Postgres started: leases that ended while it was away prove nothing */
    uint32_t lease_ms;
    uint32_t evicted;               /* in the last CENSUS_EVICTIONS_WINDOW_MS */
    /* out */
    struct ring_member *member;     /* room for count, the caller's; rising order of id */
    uint32_t members;
    bool changed;                   /* against is_member and the weights below; or somebody is to be forgotten who went
                                     * without a word: no member, and its lease ended a whole lease ago */
    uint32_t evicts;                /* how many of those that leave do so because their lease ended */
    uint64_t again_ms;              /* look again then: somebody waits; 0: no need */
};

/* before: the weights in the table, by id (its members). */
void census_take(struct census *c, const struct ring_member *before, uint32_t before_count);
