/* lib/ulid.h - keys of messages: ULIDs, rising within a process */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ULID_BYTES = 26 };

struct ulid_source {
    uint64_t ms;            /* of the last key made */
    uint8_t random[10];     /* of the last key made: within one millisecond it counts up */
};

/* Writes a key that is greater than any made from this source before, ended by 0. */
void ulid_make(struct ulid_source *s, char into[static ULID_BYTES + 1]);
/* 26 Crockford digits in upper case, the first at most 7. */
bool ulid_is(const char *text);
