/* model/snowflake.c - time, node and counter in one number */
#include "model/snowflake.h"
#include "base/check.h"

enum { SNOWFLAKE_NODE_SHIFT = 12, SNOWFLAKE_TIME_SHIFT = 22 };
#define SNOWFLAKE_COUNTER ((1ull << SNOWFLAKE_NODE_SHIFT) - 1)
#define SNOWFLAKE_MS (1ull << SNOWFLAKE_TIME_SHIFT)

void snowflake_init(struct snowflake *s, uint32_t node)
{
    CHECK(node <= SNOWFLAKE_NODE_MAX);
    *s = (struct snowflake){ .node = node };
}

uint64_t snowflake_at(uint64_t unix_ms)
{
    return unix_ms > SNOWFLAKE_EPOCH_MS ? (unix_ms - SNOWFLAKE_EPOCH_MS) << SNOWFLAKE_TIME_SHIFT : 0;
}

/* The millisecond of the newest is spent, whoever's bits it has. */
void snowflake_resume(struct snowflake *s, uint32_t node, uint64_t above, uint64_t until)
{
    uint64_t newest = above > s->last ? above : s->last;

    snowflake_init(s, node);
    s->until = until;
    if (newest)
        s->last = (newest & ~(SNOWFLAKE_MS - 1)) | (uint64_t)node << SNOWFLAKE_NODE_SHIFT | SNOWFLAKE_COUNTER;
}

uint64_t snowflake_reserve(const struct snowflake *s, uint64_t unix_ms, uint32_t ahead_ms)
{
    uint64_t by_clock = snowflake_at(unix_ms) + ahead_ms * SNOWFLAKE_MS;
    uint64_t by_count = (s->last & ~(SNOWFLAKE_MS - 1)) + SNOWFLAKE_AHEAD_MS * SNOWFLAKE_MS;

    return by_clock > by_count ? by_clock : by_count;
}

uint64_t snowflake_unix_ms(uint64_t id)
{
    return (id >> SNOWFLAKE_TIME_SHIFT) + SNOWFLAKE_EPOCH_MS;
}

uint64_t snowflake_next(struct snowflake *s, uint64_t unix_ms)
{
    uint64_t now = snowflake_at(unix_ms), last_ms = s->last & ~(SNOWFLAKE_MS - 1);
    uint64_t node = (uint64_t)s->node << SNOWFLAKE_NODE_SHIFT;

    if (s->until && now >= s->until)
        now = s->until & ~(SNOWFLAKE_MS - 1);
    if (s->last == 0)
        s->last = now | node | 1; /* an id is never 0, even before the epoch on node 0 */
    else if (now > last_ms)
        s->last = now | node;
    else if ((s->last & SNOWFLAKE_COUNTER) < SNOWFLAKE_COUNTER)
        s->last++;
    else
        s->last = (last_ms + SNOWFLAKE_MS) | node;
    return s->last;
}
