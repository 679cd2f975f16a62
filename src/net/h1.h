/* net/h1.h - HTTP/1.1 on one connection: a request, its answer, the next request */
#pragma once
#include "base/buf.h"
#include "net/h1parse.h"

struct conn;
struct exchange;

enum h1_state {
    H1_HEAD,                        /* between requests, or inside a head */
    H1_BODY,
    H1_ANSWER,                      /* the handler's turn, or the answer is not out */
    H1_TUNNEL,                      /* a WebSocket: bytes both ways until its end */
    H1_OVER,                        /* what comes now is not read any more */
};

struct h1 {
    enum h1_state state;
    bool is_10, is_chunked, keep_alive, continue_due;
    bool ended;                     /* the peer says no more */
    struct buf in;                  /* what came and was not used: part of a head, or pipelined requests */
    size_t scanned;                 /* bytes of in that hold no end of a head */
    uint64_t left_bytes;            /* of a body with a length */
    struct h1parse_chunks chunks;
    struct exchange *x;             /* the one exchange */
    uint64_t since_ms;              /* the state, or the first byte of the head */
};

void h1_init(struct conn *c);
void h1_fini(struct conn *c);
/* Bytes came. */
void h1_input(struct conn *c, const char *at, size_t bytes);
/* The peer says no more: what waits for news is lost, what is answered still goes out. */
void h1_input_end(struct conn *c);
/* Goes on with what was kept while an answer was pending. */
void h1_resume(struct conn *c);
/* Writes what is due. */
void h1_flush(struct conn *c);
void h1_drain(struct conn *c);
/* When the next patience ends, in the loop's time; UINT64_MAX: none. Acts on those that ended by now_ms. */
uint64_t h1_due(struct conn *c, uint64_t now_ms);
/* copy takes x's place. */
void h1_replace(struct exchange *x, struct exchange *copy);
