/* net/guard.c - a token bucket: how often a peer may do what costs us something */
#include "net/guard.h"

bool guard_take(struct guard *g, struct guard_rate rate, uint32_t count, uint64_t now_ms)
{
    uint32_t passed_ms = (uint32_t)now_ms - g->at_ms; /* right across the clock's new beginning, too */
    uint64_t back = (uint64_t)passed_ms * rate.per_s; /* thousandths: one a millisecond and token/s */
    uint64_t most = (uint64_t)rate.burst * 1000, used = g->used_milli;

    used -= back < used ? back : used;
    used += (uint64_t)count * 1000;
    g->at_ms = (uint32_t)now_ms;
    g->used_milli = (uint32_t)(used < 2 * most ? used : 2 * most); /* a debt that can be paid off */
    return used <= most;
}

void guard_give(struct guard *g, uint32_t count)
{
    uint64_t milli = (uint64_t)count * 1000;

    g->used_milli -= milli < g->used_milli ? (uint32_t)milli : g->used_milli;
}
