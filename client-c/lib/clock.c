/* lib/clock.c - the two clocks and the dice */
#include "lib/clock.h"
#include "lib/check.h"
#include <sys/random.h>
#include <time.h>

static uint64_t read_ms(clockid_t which)
{
    struct timespec t;
    CHECK(clock_gettime(which, &t) == 0);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t clock_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

uint64_t clock_unix_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

void clock_random(void *into, unsigned bytes)
{
    /* Up to 256 bytes the call can't be cut short once the generator is seeded. */
    CHECK(bytes <= 256);
    CHECK(getrandom(into, bytes, 0) == (ssize_t)bytes);
}

uint32_t clock_dice(uint32_t most)
{
    uint64_t r;
    clock_random(&r, sizeof r);
    /* 64 bits over at most 32: the bias is below 2^-32. */
    return (uint32_t)(r % ((uint64_t)most + 1));
}
