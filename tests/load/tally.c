/* load/tally.c - how long things took */
#include "load/tally.h"

#include <time.h>

static unsigned tally_slot(uint64_t ns)
{
    unsigned power = 0;

    while (ns >= 2 * TALLY_STEPS) {
        ns >>= 1;
        power++;
    }
    /* ns is below 2 * TALLY_STEPS: the first power is exact, each later one has TALLY_STEPS steps. */
    unsigned slot = power * TALLY_STEPS + (unsigned)ns;
    return slot < TALLY_SLOTS ? slot : TALLY_SLOTS - 1;
}

static uint64_t tally_border(unsigned slot)
{
    unsigned power = slot < 2 * TALLY_STEPS ? 0 : slot / TALLY_STEPS - 1;

    return (uint64_t)(slot - power * TALLY_STEPS) << power;
}

void tally_add(struct tally *t, uint64_t ns)
{
    t->count++;
    t->slot[tally_slot(ns)]++;
}

void tally_join(struct tally *into, const struct tally *t)
{
    into->count += t->count;
    for (unsigned n = 0; n < TALLY_SLOTS; n++)
        into->slot[n] += t->slot[n];
}

double tally_ms(const struct tally *t, double share)
{
    uint64_t wanted = (uint64_t)((double)t->count * share), seen = 0;

    for (unsigned n = 0; n < TALLY_SLOTS; n++) {
        seen += t->slot[n];
        if (seen > wanted || (seen && seen == t->count))
            return (double)tally_border(n) / 1e6;
    }
    return 0;
}

uint64_t tally_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
