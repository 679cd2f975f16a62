/* net/guard.c - a token bucket: how often a peer may do what costs us something */
#include "net/guard.h"

bool guard_take(struct guard *g, struct guard_rate rate, uint32_t count, uint64_t now_ms)
{
    uint64_t back = (now_ms - g->at_ms) * rate.per_s; /* thousandths: one a millisecond and token/s */
    uint64_t most = (uint64_t)rate.burst * 1000;

    g->used_milli -= back < g->used_milli ? back : g->used_milli;
    g->at_ms = now_ms;
    g->used_milli += (uint64_t)count * 1000;
    if (g->used_milli <= most)
        return true;
    if (g->used_milli > 2 * most)
        g->used_milli = 2 * most; /* a debt that can be paid off */
    return false;
}

void guard_give(struct guard *g, uint32_t count)
{
    uint64_t milli = (uint64_t)count * 1000;

    g->used_milli -= milli < g->used_milli ? milli : g->used_milli;
}
