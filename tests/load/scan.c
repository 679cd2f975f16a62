/* load/scan.c - numbers and words out of the server's JSON */
#include "load/scan.h"

#include <stdio.h>

static struct text scan_behind(struct text in, const char *name)
{
    char quoted[32];
    int bytes = snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = in.bytes ? memmem(in.at, in.bytes, quoted, (size_t)bytes) : NULL;

    if (!at)
        return (struct text){ NULL, 0 };
    at += bytes;
    return (struct text){ at, (size_t)(in.at + in.bytes - at) };
}

static unsigned scan_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : UINT32_MAX;
}

uint64_t scan_digits(struct text in, unsigned base)
{
    uint64_t n = 0;

    for (size_t k = 0; k < in.bytes && scan_digit(in.at[k]) < base; k++)
        n = n * base + scan_digit(in.at[k]);
    return n;
}

bool scan_number(struct text in, const char *name, uint64_t *n)
{
    struct text rest = scan_behind(in, name);
    size_t digits = 0;

    *n = 0;
    while (digits < rest.bytes && rest.at[digits] >= '0' && rest.at[digits] <= '9')
        *n = *n * 10 + (uint64_t)(rest.at[digits++] - '0');
    return digits > 0;
}

struct text scan_word(struct text in, const char *name)
{
    struct text rest = scan_behind(in, name);
    const char *end = rest.bytes > 1 && rest.at[0] == '"' ? memchr(rest.at + 1, '"', rest.bytes - 1) : NULL;

    return end ? (struct text){ rest.at + 1, (size_t)(end - rest.at - 1) } : (struct text){ NULL, 0 };
}

struct text scan_piece(struct text *in, const char *mark)
{
    size_t bytes = strlen(mark);
    const char *at = in->bytes ? memmem(in->at, in->bytes, mark, bytes) : NULL;
    struct text piece;

    if (!at)
        return (struct text){ NULL, 0 };
    size_t rest = (size_t)(in->at + in->bytes - at);
    const char *next = rest > bytes ? memmem(at + bytes, rest - bytes, mark, bytes) : NULL;
    piece = (struct text){ at, next ? (size_t)(next - at) : rest };
    *in = (struct text){ at + piece.bytes, rest - piece.bytes };
    return piece;
}
