/* model/ring.h - which node is home to a key: slots, shared out over nodes by a ring with bounded load */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum {
    RING_SLOTS = 16384,             /* of a table: 1.05 of the mean is a whole slot up to 400 nodes */
    RING_SLOTS_MANY = 65536,        /* of a table that ever had more nodes than RING_FEW */
    RING_FEW = 400,
    RING_POINTS = 160,              /* on the ring, of a node of weight RING_WEIGHT */
    RING_WEIGHT = 100,              /* a plain node */
    RING_WEIGHT_MAX = 1000,
    RING_MEMBERS_MAX = 4096,
    RING_LOAD_PERCENT = 105,        /* of its fair share is the most that a node gets */
    RING_NOBODY = UINT16_MAX,       /* the owner of each slot when nobody is there to take it */
};

struct ring_member {
    uint64_t id;                    /* keeps its points over restarts: what has the same id has the same place */
    uint32_t weight;                /* 0 (drained: is known, owns nothing) to RING_WEIGHT_MAX */
};

/* One table: immutable, the same bytes wherever it was made. members are in rising order of id. */
struct ring {
    uint32_t slots;                 /* RING_SLOTS or RING_SLOTS_MANY */
    uint32_t count;
    struct ring_member *member;
    uint16_t *owner;                /* of each slot: its place in member, or RING_NOBODY */
};

/* How many slots a table of so many members has. Never fewer than the last table had (0: there was none), because
 * another number of slots moves nearly everything. */
uint32_t ring_slots(uint32_t count, uint32_t slots_before);
/* Shares the slots out. The order of the members is nothing to it; their ids differ, count <= RING_MEMBERS_MAX,
 * slots as ring_slots says. The caller frees it. */
struct ring *ring_new(const struct ring_member *members, uint32_t count, uint32_t slots);
/* A table that was made elsewhere and stored. ERR_OUT_OF_RANGE when it can't be one: another number of slots, members
 * out of order, twice or too heavy, a slot whose owner is not there. Copies what it is given. */
MUST_USE enum err ring_load(const struct ring_member *members, uint32_t count, const uint16_t *owner,
                            uint32_t slots, struct ring **into);
void ring_free(struct ring **r);

/* The slot of a user's or conversation's id. Part of what nodes agree on: it never changes. In a table of four times
 * as many slots the slot s is those from 4 s to 4 s + 3. */
uint32_t ring_slot(const struct ring *r, uint64_t key);
/* Who is home to it, or NULL when nobody is there. */
const struct ring_member *ring_home(const struct ring *r, uint64_t key);
/* Whether a slot of `after` belonged to somebody else in `before`, whatever number of slots that had. */
bool ring_moved(const struct ring *before, const struct ring *after, uint32_t slot);
/* How many slots of `after` did. */
uint32_t ring_moves(const struct ring *before, const struct ring *after);
