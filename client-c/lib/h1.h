/* lib/h1.h - HTTP/1.1: a request written, an answer read as its bytes come */
#pragma once
#include "lib/exchange.h"

enum { H1_LINE_MOST = 16 * 1024, H1_LINES_MOST = 128 };

enum h1_state {
    H1_STATUS, H1_HEADERS, H1_LENGTH, H1_CHUNK_SIZE, H1_CHUNK, H1_CHUNK_END, H1_TRAILERS, H1_UNTIL_CLOSE,
    H1_TUNNEL, H1_DONE, H1_BAD,
};

struct h1 {
    enum h1_state state;
    bool keeps_alive;       /* the connection may carry another request */
    bool has_length, is_chunked, was_http10;
    uint64_t left;          /* bytes of the body or chunk still to come */
    unsigned lines;         /* of this head */
    struct buf line;        /* the line being read */
};

/* The head and body of a request. */
void h1_write(struct buf *to, const struct exchange *x, const char *authority);
/* Readies for one answer. */
void h1_begin(struct h1 *h);
/* Reads what came and answers how many bytes were used: all of them, or fewer when the answer is complete
 * (state H1_DONE) or wrong (H1_BAD). Interim answers (1xx) are skipped; the body is bounded by
 * EXCHANGE_ANSWER_MOST. */
size_t h1_read(struct h1 *h, struct response *r, const char *bytes, size_t count);
/* The connection closed: H1_UNTIL_CLOSE becomes H1_DONE, everything else that is not done H1_BAD. */
void h1_closed(struct h1 *h);
void h1_fini(struct h1 *h);
