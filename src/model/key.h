/* model/key.h - idempotency keys: ULIDs, 48 bits of unix ms and 80 random bits as 26 Crockford digits */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <stdint.h>

struct key {
    uint64_t high;                  /* ms << 16 | random; below 2^63 inside every window */
    uint64_t low;
};

enum { KEY_TEXT_BYTES = 26 };

/* 26 Crockford base32 digits (either case; I, L, O and U refused; first digit at most 7), else
 * ERR_OUT_OF_RANGE. */
MUST_USE enum err key_parse(struct text t, struct key *k);
void key_print(struct key k, char into[static KEY_TEXT_BYTES + 1]);
uint64_t key_unix_ms(struct key k);
/* ERR_STALE_KEY when the key's time is more than LIMIT_KEY_WINDOW_DAYS ago or more than
 * LIMIT_KEY_AHEAD_MS ahead. */
MUST_USE enum err key_check(struct key k, uint64_t now_unix_ms);
