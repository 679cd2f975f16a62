/* net/tunnel.h - the input of a tunnel: what came early, what is paused, and the peer's end */
#pragma once
#include "base/buf.h"
#include "net/exchange.h"

enum { TUNNEL_KEY_BYTES = 24, TUNNEL_ACCEPT_BYTES = 28 };

struct tunnel {
    exchange_input_fn *input;       /* NULL: not accepted yet */
    void *ctx;
    union {                         /* by has_accept */
        struct buf early;           /* what came before it was accepted (HTTP/2), at most its window */
        char accept[TUNNEL_ACCEPT_BYTES + 1];   /* Sec-WebSocket-Accept of HTTP/1.1, until its head is out */
    };
    uint32_t owed_bytes;            /* of the stream's window, given back when it is not paused */
    bool is_paused, is_open;        /* is_open: the answer is out */
    bool has_ended, end_is_told;    /* the peer's side */
    bool has_accept;
};

/* For a request that asks for a WebSocket; key: Sec-WebSocket-Key, or empty over HTTP/2. */
void tunnel_new(struct exchange *x, struct text key);
/* The answer is out: input may come. */
void tunnel_open(struct exchange *x);
void tunnel_free(struct tunnel **t);        /* NULL is fine */
/* Whether it is the base64 of 16 bytes (RFC 6455 4.1). */
bool tunnel_key_is_good(struct text key);
/* Bytes of the peer; kept, when nobody takes them yet. Inside loop_wait(). */
void tunnel_input(struct exchange *x, struct text bytes);
/* The peer says no more. Inside loop_wait(). */
void tunnel_input_end(struct exchange *x);
/* Hands on what was kept. Inside loop_wait(). */
void tunnel_resume(struct exchange *x);
