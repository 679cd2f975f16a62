/* base/buf.c - growing bytes with a bound */
#include "base/buf.h"
#include "base/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_ROOM_FIRST = 256 };

void buf_init(struct buf *b, size_t bytes_max)
{
    *b = (struct buf){ .bytes_max = bytes_max };
}

void buf_fini(struct buf *b)
{
    free(b->at);
    *b = (struct buf){ 0 };
}

char *buf_reserve(struct buf *b, size_t bytes)
{
    if (b->overflowed || bytes > b->bytes_max - b->bytes) {
        b->overflowed = true;
        return NULL;
    }
    if (!b->at || bytes > b->room - b->bytes) {
        size_t room = b->room ? b->room : BUF_ROOM_FIRST;
        while (room < b->bytes + bytes)
            room *= 2;
        if (room > b->bytes_max)
            room = b->bytes_max;
        b->at = realloc(b->at, room + 1); /* one more: for the 0 that vsnprintf insists on */
        CHECK(b->at);
        b->room = room;
    }
    return b->at + b->bytes;
}

void buf_added(struct buf *b, size_t bytes)
{
    CHECK(bytes <= b->room - b->bytes);
    b->bytes += bytes;
}

void buf_put_slowly(struct buf *b, const void *p, size_t bytes)
{
    if (bytes == 0)
        return;
    char *at = buf_reserve(b, bytes);
    if (!at)
        return;
    memcpy(at, p, bytes);
    b->bytes += bytes;
}

/* Straight into the free room, which nearly always suffices; else once more when there is more of it. */
void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    char *at = buf_reserve(b, 0);

    if (!at)
        return;
    va_start(args, format);
    va_copy(again, args);
    int bytes = vsnprintf(at, b->room - b->bytes + 1, format, args);
    va_end(args);
    CHECK(bytes >= 0);
    if ((size_t)bytes > b->room - b->bytes) {
        at = buf_reserve(b, (size_t)bytes);
        if (at)
            vsnprintf(at, (size_t)bytes + 1, format, again);
    }
    va_end(again);
    if (at)
        b->bytes += (size_t)bytes;
}

void buf_drop(struct buf *b, size_t bytes)
{
    CHECK(bytes <= b->bytes);
    b->bytes -= bytes;
    if (b->bytes)
        memmove(b->at, b->at + bytes, b->bytes);
}
