/* lib/backoff.c - when to try again: full jitter, 0.5 s to 30 s, never sooner than the server asked */
#include "lib/backoff.h"
#include "lib/clock.h"
#include <stdbool.h>

uint32_t backoff_next(struct backoff *b, uint64_t asked_ms)
{
    uint32_t top = 1000;
    for (unsigned i = 0; i < b->tries && top < BACKOFF_MOST_MS; i++)
        top *= 2;
    if (top > BACKOFF_MOST_MS)
        top = BACKOFF_MOST_MS;
    b->tries++;
    uint32_t asked = asked_ms > BACKOFF_ASKED_MOST_MS ? BACKOFF_ASKED_MOST_MS : (uint32_t)asked_ms;
    if (asked && top > 2 * asked)
        top = 2 * asked > BACKOFF_LEAST_MS ? 2 * asked : BACKOFF_LEAST_MS;
    uint32_t wait = BACKOFF_LEAST_MS + clock_dice(top - BACKOFF_LEAST_MS);
    if (wait < asked)
        wait = asked + clock_dice(asked / 10);
    return wait;
}

uint32_t backoff_broken(struct backoff *b)
{
    bool is_first = b->tries == 0;
    uint32_t wait_ms = backoff_next(b, 0);
    return is_first ? clock_dice(BACKOFF_LEAST_MS) : wait_ms;
}

void backoff_reset(struct backoff *b)
{
    b->tries = 0;
}
