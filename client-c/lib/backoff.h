/* lib/backoff.h - when to try again: full jitter, 0.5 s to 30 s, never sooner than the server asked */
#pragma once
#include <stdint.h>

enum { BACKOFF_LEAST_MS = 500, BACKOFF_MOST_MS = 30 * 1000, BACKOFF_ASKED_MOST_MS = 10 * 60 * 1000 };

struct backoff {
    unsigned tries;         /* failures in a row */
};

/* Counts one failure more and answers how long to wait, in ms: uniform in BACKOFF_LEAST_MS..top, where top
 * doubles from 1 s to BACKOFF_MOST_MS. asked_ms (0: nothing was asked) is a floor under it, itself taken as
 * at most BACKOFF_ASKED_MOST_MS; up to a tenth is added, so that a crowd does not come back at once. Twice that is
 * as much as is waited: a server that says when to come back is there, and knows best. */
uint32_t backoff_next(struct backoff *b, uint64_t asked_ms);
/* The same after what had worked broke, and nothing was asked for: the first wait is short, uniform in
 * 0..BACKOFF_LEAST_MS. A node that died is found elsewhere, and a crowd comes as spread as it would later. */
uint32_t backoff_broken(struct backoff *b);
void backoff_reset(struct backoff *b);
