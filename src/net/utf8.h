/* net/utf8.h - UTF-8 that comes in pieces: refused at the first byte that no text can have (RFC 3629) */
#pragma once
#include "base/text.h"
#include <stdint.h>

/* What the next byte may be, inside a character; all 0 at the start of one. */
struct utf8 {
    uint8_t left;                   /* bytes that the character still lacks */
    uint8_t low, high;              /* bounds of the next one */
};

/* More of the text; false: it is none, whatever comes behind, and u is of no use any more. */
bool utf8_put(struct utf8 *u, struct text more);
/* Whether the text may end here. */
static inline bool utf8_is_whole(const struct utf8 *u)
{
    return u->left == 0;
}
