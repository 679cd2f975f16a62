/* lib/utf8.c - whether bytes are UTF-8 (RFC 3629) */
#include "lib/utf8.h"
#include <stdint.h>

/* Bytes behind the first one; 0: none may start with it. low and high bound the second byte: that keeps out
 * overlong forms, surrogates and what no code point has. */
static size_t tail_of(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

bool utf8_is_text(const char *at, size_t bytes)
{
    for (size_t n = 0; n < bytes;) {
        uint8_t first = (uint8_t)at[n++], low, high;
        if (first < 0x80)
            continue;
        size_t left = tail_of(first, &low, &high);
        if (left == 0 || left > bytes - n)
            return false;
        for (; left > 0; left--, n++, low = 0x80, high = 0xbf)
            if ((uint8_t)at[n] < low || (uint8_t)at[n] > high)
                return false;
    }
    return true;
}
