/* net/request.h - what a peer asked: the texts of the head that are kept, and the body */
#pragma once
#include "base/buf.h"
#include "base/pool.h"
#include "net/exchange.h"

enum { REQUEST_SLOTS = 13 };        /* the texts of a head that are kept */

struct request {
    struct exchange_head head;
    struct text method;             /* as sent */
    struct pool *pool;
    char *texts;                    /* what head borrows, by the spans until it is sealed */
    uint32_t texts_bytes, texts_room;
    struct { uint32_t at, bytes; bool is_there; } spans[REQUEST_SLOTS];
    struct buf body;
};

/* It, and its texts, come from pool. */
struct request *net_request_new(struct pool *pool, bool is_tls, bool is_http2);
void net_request_free(struct request **r);      /* NULL is fine */
/* A field of the request, under its HTTP/2 name; Host counts as :authority. Errors: ERR_BAD_REQUEST (twice
 * what can be there once, an :authority that is none), ERR_HEAD_TOO_LARGE. */
MUST_USE enum err net_request_put(struct request *r, struct text name, struct text value);
/* The head is whole: its texts can be read from here on, whatever is wrong with them. Errors:
 * ERR_BAD_REQUEST, ERR_URI_TOO_LONG. */
MUST_USE enum err net_request_seal(struct request *r);
/* More of the body. Error: ERR_TOO_LARGE, then nothing of it is kept. */
MUST_USE enum err net_request_put_body(struct request *r, struct text more);
