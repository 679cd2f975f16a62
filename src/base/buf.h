/* base/buf.h - bytes that grow up to a bound */
#pragma once
#include "base/text.h"
#include <stdint.h>

struct buf {
    char *at;
    size_t bytes, room, bytes_max;
    bool overflowed;                /* something did not fit: what is inside is not whole */
};

void buf_init(struct buf *b, size_t bytes_max);
void buf_fini(struct buf *b);
void buf_put_slowly(struct buf *b, const void *p, size_t bytes);
/* Appends, or sets overflowed and appends nothing when bytes_max would be passed. Inline: answers are written in
 * many small pieces, and nearly always there is room. */
static inline void buf_put(struct buf *b, const void *p, size_t bytes)
{
    if (b->overflowed || bytes == 0 || bytes > b->room - b->bytes) {
        buf_put_slowly(b, p, bytes);
        return;
    }
    memcpy(b->at + b->bytes, p, bytes);
    b->bytes += bytes;
}
static inline void buf_put_text(struct buf *b, struct text t)
{
    buf_put(b, t.at, t.bytes);
}
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for bytes at the end, to be filled and then counted with buf_added(); NULL: would overflow. */
char *buf_reserve(struct buf *b, size_t bytes);
void buf_added(struct buf *b, size_t bytes);
void buf_drop(struct buf *b, size_t bytes);     /* forgets the first bytes */
static inline struct text buf_text(const struct buf *b)
{
    return (struct text){ b->at, b->bytes };
}
