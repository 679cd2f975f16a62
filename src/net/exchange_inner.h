/* net/exchange_inner.h - what the net itself sees of an exchange */
#pragma once
#include "net/answer.h"
#include "net/exchange.h"
#include "net/pieces.h"
#include "net/request.h"
#include <sys/queue.h>

struct conn;
struct conn_set;
struct tunnel;

enum exchange_state {
    EXCHANGE_ARRIVING,              /* head or body are not whole */
    EXCHANGE_ASKED,                 /* the handler has it */
    EXCHANGE_ANSWERED,              /* the answer's head waits for the flush */
    EXCHANGE_SENDING,               /* the head is out; pieces follow, or the transport ends it */
    EXCHANGE_LOST,                  /* the peer went away while the handler had it */
    EXCHANGE_ENDED,                 /* freed at the end of the turn */
};

struct exchange {
    struct conn_set *set;
    struct conn *conn;              /* NULL: gone */
    struct request *request;        /* NULL: forgotten, or there was none */
    struct answer *answer;          /* until its head was sent */
    struct tunnel *tunnel;          /* of a WebSocket, or a link */
    struct blob *authority;         /* of a forgotten request, for promises; NULL: none is possible */
    struct exchange *anchor;        /* what it was promised on, as long as that lives */
    struct pieces pieces;
    size_t unsent, promised_unsent; /* bytes of the pieces, and of those that were promised on it */
    uint64_t since_ms;              /* in this state, or since bytes were sent last */
    exchange_gone_fn *gone;
    void *gone_ctx;
    exchange_room_fn *room;
    void *room_ctx;
    enum exchange_state state;
    enum err refused;               /* the net answers this in the handler's place */
    int32_t stream_id;              /* 0: HTTP/1.1, or a promise that is not made yet */
    uint32_t head_bytes, head_fields;   /* as RFC 9113 6.5.2 counts */
    uint32_t discarded_bytes;       /* of a body that was refused */
    uint16_t promises;              /* on it, that live */
    bool is_http2 : 1, is_head : 1;
    bool body_is_whole : 1, expects_continue : 1;
    bool is_held : 1;               /* the handler has it */
    bool is_begun : 1;              /* in pieces, or as a tunnel: the connection counts it */
    bool is_chunked : 1;
    bool is_finished : 1;           /* no more pieces come */
    bool is_aborted : 1;            /* to be reset at the flush */
    bool is_ready : 1;              /* in the connection's list: something to be said at the flush */
    bool is_crowded : 1;            /* waits until one more may be promised on it */
    bool is_above : 1;              /* whoever writes is told when there is room again */
    bool is_promised : 1, is_pinged : 1, is_acked : 1;
    TAILQ_ENTRY(exchange) link;     /* of its connection, or of the set's lost or ended */
    TAILQ_ENTRY(exchange) ready;
};
TAILQ_HEAD(exchange_list, exchange);

/* A new one at the end of its connection's list, with a request that is arriving. */
struct exchange *exchange_new(struct conn *c, int32_t stream_id);
/* Hands it to the connection's handler, or answers what was refused. */
void exchange_ask(struct exchange *x);
/* Answers err with problem+json, whoever has it: a handler that had it is told that it is gone. */
void exchange_refuse(struct exchange *x, enum err err);
/* Something is to be said at the flush. */
void exchange_ready(struct exchange *x);
void exchange_unready(struct exchange *x);
/* The first bytes of its pieces are out of our hands. */
void exchange_sent(struct exchange *x, size_t bytes);
/* The transport is done with it, answered or not. */
void exchange_end(struct exchange *x);
/* Tells the handlers of lost exchanges, frees ended ones. */
void exchange_bury(struct conn_set *set);
