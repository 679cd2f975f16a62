/* lib/exchange.h - one request and its answer, whatever HTTP version carries them */
#pragma once
#include "lib/buf.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
    EXCHANGE_BODY_MOST = 64 * 1024,            /* of a request: the server's own bound */
    EXCHANGE_ANSWER_MOST = 8 * 1024 * 1024,    /* a snapshot page with long titles and messages fits */
};

struct response {
    int status;                 /* 0: not there yet */
    uint64_t retry_after_ms;    /* of the header; 0: none */
    char content_type[64];      /* "": none, or too long */
    char ws_accept[32], ws_protocol[32];    /* of Sec-WebSocket-... */
    struct buf body;
    bool wants_tunnel;          /* a WebSocket was asked for: 101 opens it */
    bool wants_pieces;          /* the body of a 2xx goes to piece() as it comes, and is not gathered */
    void (*piece)(void *context, const char *bytes, size_t count);
    void *piece_context;
};

enum exchange_end {
    EXCHANGE_OPEN,
    EXCHANGE_ANSWERED,          /* response is complete */
    EXCHANGE_UNSENT,            /* the server did not process it: safe to send again */
    EXCHANGE_UNFIT,             /* this connection can't carry it: its version, or no RFC 8441 */
    EXCHANGE_LOST,              /* the connection broke, outcome unknown */
    EXCHANGE_LATE,              /* the deadline passed, outcome unknown */
};

enum exchange_http { EXCHANGE_HTTP_ANY, EXCHANGE_HTTP_1, EXCHANGE_HTTP_2 };

struct exchange {
    enum exchange_http only;    /* on a connection of another version it ends UNFIT */
    const char *accept;         /* a literal; NULL: JSON */
    bool is_waiting;            /* HTTP/2: for the server's settings */
    char ws_key[28];            /* Sec-WebSocket-Key of HTTP/1.1; only tunnels have one */
    struct buf out;             /* what a tunnel wants to send */
    /* A pushed response hangs on this one: done() and context of *pushed are to be set. False: it is refused. */
    bool (*promised)(void *context, struct exchange *pushed);
    const char *method;         /* a literal */
    const char *overridden;     /* the method that POST stands for; NULL: none */
    char *path;                 /* owned */
    char *token;                /* owned; NULL: no Authorization */
    struct buf body;            /* of the request */
    size_t body_sent;
    uint64_t deadline_ms;       /* clock_ms() */
    struct response response;
    enum exchange_end end;
    bool was_requeued;          /* moved once to a fresh connection already */
    unsigned moves;             /* of the nodes, when the connection that carries it was made */
    bool was_told;              /* LOST, but the server had said that this connection would end */
    int32_t stream;             /* HTTP/2; 0: none */
    void (*done)(void *context, struct exchange *x);    /* may take response.body; x is freed after it */
    void *context;
    TAILQ_ENTRY(exchange) entry;
};

TAILQ_HEAD(exchange_list, exchange);

/* A request whose path and token are copied; body (may be NULL) too. */
struct exchange *exchange_new(const char *method, const char *path, const char *token, const char *body);
void exchange_free(struct exchange **x);
/* Whether the method may be repeated without harm. */
bool exchange_is_idempotent(const struct exchange *x);
/* Adds to the body, or hands on. False: it is too long. */
bool exchange_take(struct response *r, const char *bytes, size_t count);
/* Whether the server opened the tunnel that was asked for. */
bool exchange_is_through(const struct exchange *x);
/* Takes note of one response header; name in lower case. */
void exchange_header(struct response *r, const char *name, size_t name_bytes, const char *value,
                     size_t value_bytes);
