/* lib/sse.h - server-sent events (WHATWG HTML 9.2) read as their bytes come */
#pragma once
#include "lib/buf.h"
#include "lib/check.h"
#include <stdbool.h>
#include <stdint.h>

enum { SSE_LINE_MOST = 1024 * 1024, SSE_DATA_MOST = 1024 * 1024 };

struct sse {
    struct buf line, data;
    char type[32]; /* "": none was given */
    char id[64]; /* of this event; "": it has none */
    bool has_data;
    bool was_cr; /* the last byte was CR: an LF after it belongs to it */
    bool has_begun; /* the first line may begin with a byte order mark */
};

struct sse_events {
    /* At its empty line. data ends with 0, and is NULL if there was no data line (an id alone). */
    void (*event)(void *context, const char *type, const char *id, const char *data, size_t bytes);
};

/* Reads what came. False: a bound is passed, or it is not text; of no use any more. */
MUST_USE bool sse_read(struct sse *s, const char *bytes, size_t count, const struct sse_events *on,
                       void *context);
void sse_fini(struct sse *s);
