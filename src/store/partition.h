/* store/partition.h - partitions made ahead and dropped by age, from a timer and at migration */
#pragma once
#include "store/encode.h"
#include "store/request.h"

enum { PARTITION_TABLES = 3, PARTITION_SUFFIX_MAX = 9 };

/* The parameters of SQL_PARTITION_MAKE: all partitions that should be there at a moment. */
void partition_encode_make(struct encode *e, uint64_t unix_ms);
/* The suffix below which a table's partitions are to be dropped at a moment; false: none of them ever. table counts
 * from 0 to PARTITION_TABLES - 1. */
bool partition_oldest(uint32_t table, uint64_t unix_ms, const char **name, char suffix[static PARTITION_SUFFIX_MAX]);

struct partition {
    struct loop *loop;
    struct request_pool *pool;
    struct loop_timer timer;
};

/* Makes and drops now and then every hour, through pool, which must end before this does. */
void partition_init(struct partition *p, struct loop *l, struct request_pool *pool);
void partition_fini(struct partition *p);
