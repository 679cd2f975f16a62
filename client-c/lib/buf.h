/* lib/buf.h - bytes that grow at the end and are taken from the front */
#pragma once
#include <stddef.h>

struct buf {
    char *at;       /* NULL while nothing was ever added; else at[bytes] is 0 */
    size_t bytes;
    size_t room;
};

/* Adds a copy; out of memory aborts. The caller keeps the bound. */
void buf_add(struct buf *b, const void *from, size_t bytes);
void buf_text(struct buf *b, const char *text);
__attribute__((format(printf, 2, 3))) void buf_format(struct buf *b, const char *format, ...);
/* Adds text to a URL, percent-encoded. */
void buf_escape(struct buf *b, const char *text);
/* Takes the first bytes away; bytes <= b->bytes. */
void buf_drop(struct buf *b, size_t bytes);
/* What was added, as a string of the caller's (free()); never NULL; the buffer is empty afterwards. */
char *buf_take(struct buf *b);
void buf_fini(struct buf *b);
/* A copy of a string; NULL gives NULL. Out of memory aborts. */
char *buf_copy(const char *text);
/* Zeroed memory; out of memory aborts. */
void *buf_zeroed(size_t count, size_t bytes);
