/* net/exchange_inner.h - what the net itself sees of an exchange */
#pragma once
#include "base/buf.h"
#include "net/exchange.h"
#include "net/peers.h"
#include <sys/queue.h>

struct conn;
struct conn_set;

enum exchange_state {
    EXCHANGE_ARRIVING,              /* head or body are not whole */
    EXCHANGE_ASKED,                 /* the handler has it */
    EXCHANGE_ANSWERED,              /* the answer waits for the flush */
    EXCHANGE_SENDING,               /* HTTP/2: the answer is nghttp2's to send */
    EXCHANGE_LOST,                  /* the peer went away while the handler had it */
    EXCHANGE_ENDED,                 /* freed at the end of the turn */
};

enum { EXCHANGE_SLOTS = 10 };       /* the texts of a head that are kept */

struct exchange {
    struct exchange_head head;
    struct text method;             /* as sent */
    struct conn_set *set;
    struct conn *conn;              /* NULL: gone */
    enum exchange_state state;
    int32_t stream_id;              /* 0: HTTP/1.1 */
    enum err refused;               /* the net answers this in the handler's place */
    bool body_is_whole, expects_continue;
    struct buf texts;               /* what head borrows, by the spans until it is sealed */
    struct { uint32_t at, bytes; bool is_there; } spans[EXCHANGE_SLOTS];
    uint32_t head_bytes, head_fields;   /* as RFC 9113 6.5.2 counts */
    uint64_t content_length;            /* 0 when absent */
    struct buf body;
    uint32_t discarded_bytes;           /* of a body that was refused */
    uint64_t since_ms;              /* in this state, or since bytes were sent last */
    exchange_gone_fn *gone;
    void *gone_ctx;
    int status;
    struct exchange_field *fields;  /* one allocation with the texts behind it */
    size_t fields_count;
    struct blob *answer;
    size_t answer_sent;             /* bytes */
    char peer[PEERS_TEXT_BYTES];
    TAILQ_ENTRY(exchange) link;     /* of its connection, or of the set's lost or ended */
    TAILQ_ENTRY(exchange) ready;    /* of its connection's answered */
};
TAILQ_HEAD(exchange_list, exchange);

/* A new one at the end of its connection's list. */
struct exchange *exchange_new(struct conn *c, int32_t stream_id);
/* A field of the request, under its HTTP/2 name; Host counts as :authority. Errors: ERR_BAD_REQUEST (twice
 * what can be there once, an :authority that is none), ERR_HEAD_TOO_LARGE. */
MUST_USE enum err exchange_put(struct exchange *x, struct text name, struct text value);
/* The head is whole: its texts can be read from here on, whatever is wrong with them. Errors:
 * ERR_BAD_REQUEST, ERR_URI_TOO_LONG. */
MUST_USE enum err exchange_seal(struct exchange *x);
/* More of the body. Error: ERR_TOO_LARGE, then nothing of it is kept. */
MUST_USE enum err exchange_put_body(struct exchange *x, struct text more);
/* Hands it to the connection's handler, or answers what was refused. */
void exchange_ask(struct exchange *x);
/* Answers err with problem+json, whoever has it: a handler that had it is told that it is gone. */
void exchange_refuse(struct exchange *x, enum err err);
/* The transport is done with it, answered or not. */
void exchange_end(struct exchange *x);
/* Tells the handlers of lost exchanges, frees ended ones. */
void exchange_bury(struct conn_set *set);
/* What the answer carries beside the handler's fields; returns the count. */
enum { EXCHANGE_STANDARD_FIELDS = 5 };
size_t exchange_standard_fields(struct exchange *x, char length[static 24],
                                struct exchange_field into[static EXCHANGE_STANDARD_FIELDS]);
