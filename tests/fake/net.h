/* fake/net.h - exchanges made by hand, linked in place of the net */
#pragma once
#include "base/buf.h"
#include "net/exchange.h"
#include "net/net.h"

struct exchange {
    struct exchange_head head; /* in */
    struct text body, peer;    /* in */
    exchange_gone_fn *gone;
    void *gone_ctx;
    int status; /* out: 0 until it is answered */
    bool is_trusted;
    char fields[EXCHANGE_FIELDS_BYTES]; /* out: "name: value\n"... */
    struct blob *answer;                /* out */
    /* streams, tunnels, promises */
    struct buf stream; /* out: what was written; the test may take it away */
    bool is_begun, is_finished, is_aborted, is_forgotten, is_tunnel, is_paused; /* out */
    bool takes_pushes, is_authoritative, is_crowded;                            /* in */
    size_t unsent;                                                              /* in */
    exchange_room_fn *room;
    void *room_ctx;
    exchange_input_fn *input;
    void *input_ctx;
    char target[256]; /* out: of a promise */
    struct exchange *promised; /* out: the newest; fake_net_fini() frees them all */
};

/* Hands the answer back. */
void fake_net_fini(struct exchange *x);
/* The peer reads on. */
void fake_net_room(struct exchange *x);
/* The peer hangs up. */
void fake_net_hang_up(struct exchange *x);
