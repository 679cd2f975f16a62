/* load/tally.h - how long things took: a histogram with 3 % steps, that may lie in shared memory */
#pragma once
#include <stdint.h>

enum { TALLY_STEPS = 32, TALLY_SLOTS = 40 * TALLY_STEPS };

struct tally {
    uint64_t count;
    uint64_t slot[TALLY_SLOTS];
};

void tally_add(struct tally *t, uint64_t ns);
void tally_join(struct tally *into, const struct tally *t);
/* The time that a share (0..1) did not exceed, in ms; 0 when it is empty. */
double tally_ms(const struct tally *t, double share);
uint64_t tally_now_ns(void);        /* CLOCK_MONOTONIC: the same in all processes */
