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
    struct buf body;
};

enum exchange_end {
    EXCHANGE_OPEN,
    EXCHANGE_ANSWERED,          /* response is complete */
    EXCHANGE_UNSENT,            /* the server did not process it: safe to send again */
    EXCHANGE_LOST,              /* the connection broke, outcome unknown */
    EXCHANGE_LATE,              /* the deadline passed, outcome unknown */
};

struct exchange {
    const char *method;         /* a literal */
    char *path;                 /* owned */
    char *token;                /* owned; NULL: no Authorization */
    struct buf body;            /* of the request */
    size_t body_sent;
    uint64_t deadline_ms;       /* clock_ms() */
    struct response response;
    enum exchange_end end;
    bool was_requeued;          /* moved once to a fresh connection already */
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
/* Takes note of one response header; name in lower case. */
void exchange_header(struct response *r, const char *name, size_t name_bytes, const char *value,
                     size_t value_bytes);
