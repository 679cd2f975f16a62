/* net/utf8.c - UTF-8 that comes in pieces */
#include "net/utf8.h"

enum { UTF8_TAIL_LOW = 0x80, UTF8_TAIL_HIGH = 0xbf };

/* RFC 3629 4: the second byte's bounds keep out overlong forms, surrogates and what lies beyond U+10FFFF. */
static bool start(struct utf8 *u, uint8_t first)
{
    if (first < 0xc2 || first > 0xf4)
        return false;
    u->left = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    u->low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : UTF8_TAIL_LOW;
    u->high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : UTF8_TAIL_HIGH;
    return true;
}

/* How many bytes from here on are ASCII, in steps of eight. */
static size_t plain(const char *at, size_t bytes)
{
    size_t i = 0;

    for (uint64_t eight; bytes - i >= sizeof(eight); i += sizeof(eight)) {
        memcpy(&eight, at + i, sizeof(eight));
        if (eight & 0x8080808080808080u)
            break;
    }
    return i;
}

bool utf8_put(struct utf8 *u, struct text more)
{
    for (size_t i = 0; i < more.bytes; i++) {
        uint8_t byte;

        if (u->left == 0) {
            i += plain(more.at + i, more.bytes - i);
            if (i == more.bytes)
                break;
        }
        byte = (uint8_t)more.at[i];
        if (u->left) {
            if (byte < u->low || byte > u->high)
                return false;
            u->left--;
            u->low = UTF8_TAIL_LOW;
            u->high = UTF8_TAIL_HIGH;
        } else if (byte >= 0x80 && !start(u, byte)) {
            return false;
        }
    }
    return true;
}
