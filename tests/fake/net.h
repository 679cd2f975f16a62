/* fake/net.h - exchanges made by hand, linked in place of the net */
#pragma once
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
};

/* Hands the answer back. */
void fake_net_fini(struct exchange *x);
/* The peer hangs up. */
void fake_net_hang_up(struct exchange *x);
