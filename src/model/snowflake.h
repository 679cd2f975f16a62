/* model/snowflake.h - ids that rise with time: ms since 2024-01-01 << 22 | node (10) << 12 | counter (12) */
#pragma once
#include <stdint.h>

enum { SNOWFLAKE_NODE_MAX = 1023 };
#define SNOWFLAKE_EPOCH_MS 1704067200000ull     /* 2024-01-01T00:00:00Z in unix ms */

struct snowflake {
    uint32_t node;
    uint64_t last;                  /* newest id given out */
    uint64_t until;                 /* what is reserved: a clock beyond it counts as it; 0: everything */
};

void snowflake_init(struct snowflake *s, uint32_t node);
/* An id above every one given before, also when the clock stands still or goes back (it then runs
 * ahead by milliseconds). */
uint64_t snowflake_next(struct snowflake *s, uint64_t unix_ms);
/* From now on ids of node, each above every one given before, and above `above` too. */
void snowflake_resume(struct snowflake *s, uint32_t node, uint64_t above, uint64_t until);
/* What is to be reserved, so that ids follow the clock for ahead_ms at least. Where they are ahead of it already, there
 * are the 4,096 of each of SNOWFLAKE_AHEAD_MS milliseconds until it is asked for more: who keeps dying does not run away. */
enum { SNOWFLAKE_AHEAD_MS = 100 };
uint64_t snowflake_reserve(const struct snowflake *s, uint64_t unix_ms, uint32_t ahead_ms);
uint64_t snowflake_unix_ms(uint64_t id);
/* The least id of a moment: the border of a time partition. Moments before the epoch give 0. */
uint64_t snowflake_at(uint64_t unix_ms);
