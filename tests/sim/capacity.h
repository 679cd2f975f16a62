/* sim/capacity.h - what the parts of the capacity simulation share: figures to run with, and bounds */
#pragma once
#include "model/ring.h"

struct capacity {
    uint64_t seed;
    uint32_t nodes;                 /* of the storm and of the hot groups */
    uint32_t devices;               /* connected to each node */
    double connect_us;              /* CPU of a node for a connection, its login and the first reading */
    double spare;                   /* cores of a node that live traffic leaves over */
    double messages;                /* a second, of the whole cluster, at its peak */
    double group_share;             /* of the messages go to groups */
    double members;                 /* mean of a group that is written to */
    double direct_us;               /* CPU of the node that takes and commits a message */
    double delivery_us;             /* CPU of the node that a delivery goes through */
    bool is_check;                  /* bounds matter: they are set for the figures that nobody changed */
    uint32_t bad;                   /* of them did not hold */
};

/* A ring of plain nodes, numbered from 1, without the one of that number (0: with all). The caller frees it. */
struct ring *capacity_ring(uint32_t nodes, uint32_t gone, uint32_t slots);
/* Says on stderr, and counts, what is not between two bounds; nothing unless is_check. */
void capacity_bound(struct capacity *c, const char *what, double value, double least, double most);

/* Each prints its table on stdout and looks at its bounds. */
void balance_run(struct capacity *c);
void storm_run(struct capacity *c);
void hot_run(struct capacity *c);
