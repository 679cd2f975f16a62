/* lib/buf.c - bytes that grow at the end and are taken from the front */
#include "lib/buf.h"
#include "lib/check.h"
#include <stdarg.h>
#include <string.h>

static void reserve(struct buf *b, size_t bytes)
{
    CHECK(bytes < (size_t)1 << 40);
    if (b->bytes + bytes + 1 <= b->room)
        return;
    size_t room = b->room ? b->room : 256;
    while (room < b->bytes + bytes + 1)
        room *= 2;
    char *grown = realloc(b->at, room);
    if (!grown)
        abort();
    b->at = grown;
    b->room = room;
}

void buf_add(struct buf *b, const void *from, size_t bytes)
{
    reserve(b, bytes);
    if (bytes)
        memcpy(b->at + b->bytes, from, bytes);
    b->bytes += bytes;
    b->at[b->bytes] = 0;
}

void buf_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_format(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(bytes >= 0);
    reserve(b, (size_t)bytes);
    vsnprintf(b->at + b->bytes, (size_t)bytes + 1, format, again);
    va_end(again);
    b->bytes += (size_t)bytes;
}

void buf_drop(struct buf *b, size_t bytes)
{
    CHECK(bytes <= b->bytes);
    if (bytes == 0)
        return;
    b->bytes -= bytes;
    memmove(b->at, b->at + bytes, b->bytes);
    b->at[b->bytes] = 0;
}

char *buf_take(struct buf *b)
{
    reserve(b, 0);
    b->at[b->bytes] = 0;
    char *text = b->at;
    *b = (struct buf){ 0 };
    return text;
}

void buf_fini(struct buf *b)
{
    free(b->at);
    *b = (struct buf){ 0 };
}

char *buf_copy(const char *text)
{
    if (!text)
        return NULL;
    char *copy = strdup(text);
    if (!copy)
        abort();
    return copy;
}

void *buf_zeroed(size_t count, size_t bytes)
{
    void *p = calloc(count ? count : 1, bytes);
    if (!p)
        abort();
    return p;
}

void buf_escape(struct buf *to, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (; *text; text++) {
        if (strchr(plain, *text))
            buf_add(to, text, 1);
        else
            buf_format(to, "%%%02X", (unsigned)(unsigned char)*text);
    }
}
