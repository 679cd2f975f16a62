/* store/inside.h - what a store is made of, for the files of this folder */
#pragma once
#include "store/commit.h"
#include "store/partition.h"
#include "store/request.h"

struct store {
    struct loop *loop;
    struct commit commit;
    struct request_pool reads, writes;
    struct request_pool nodes;              /* leases: a lane of their own, that no other write holds up */
    struct partition partition;
    uint64_t timeline;                      /* of the last look; 0: none yet */
    struct loop_timer look;                 /* at the timeline, again */
};
