/* model/codepoint.c - characters by a table of first bytes */
#include "model/codepoint.h"

/* First bytes of a character: how many there are of it, and what the second may be. The rows around 0xe0, 0xed,
 * 0xf0 and 0xf4 keep out overlong forms, surrogates and what is beyond U+10FFFF. */
static const struct {
    unsigned char first, last, bytes, least, most;
} codepoint_heads[] = {
    { 0x00, 0x7f, 1, 0x00, 0x00 }, { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf },
    { 0xe1, 0xec, 3, 0x80, 0xbf }, { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
    { 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
};

size_t codepoint_bytes(const unsigned char *p, size_t left)
{
    size_t row = 0, rows = sizeof codepoint_heads / sizeof *codepoint_heads;

    while (row < rows && p[0] > codepoint_heads[row].last)
        row++;
    if (row == rows || p[0] < codepoint_heads[row].first || left < codepoint_heads[row].bytes)
        return 0;
    if (codepoint_heads[row].bytes > 1 &&
        (p[1] < codepoint_heads[row].least || p[1] > codepoint_heads[row].most))
        return 0;
    for (size_t k = 2; k < codepoint_heads[row].bytes; k++)
        if ((p[k] & 0xc0) != 0x80)
            return 0;
    return codepoint_heads[row].bytes;
}

size_t codepoint_put(uint32_t point, char into[static 4])
{
    size_t bytes = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char mark[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };

    for (size_t k = bytes - 1; k > 0; k--) {
        into[k] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    into[0] = (char)(mark[bytes] | point);
    return bytes;
}
