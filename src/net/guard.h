/* net/guard.h - a token bucket: how often a peer may do what costs us something */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* All zero is a full bucket. */
struct guard {
    uint32_t at_ms;                 /* when used_milli was true; begins anew every 49 days */
    uint32_t used_milli;            /* thousandths of tokens that were taken and did not come back yet */
};

struct guard_rate {
    uint32_t burst, per_s;          /* tokens; burst at most a million */
};

/* Takes count tokens; false: there were not so many left (they are taken all the same, so that a flood
 * does not find the bucket refilled). */
bool guard_take(struct guard *g, struct guard_rate rate, uint32_t count, uint64_t now_ms);
/* Gives count tokens back: something happened that explains what the peer did. */
void guard_give(struct guard *g, uint32_t count);
