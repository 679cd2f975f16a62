/* unit/net/tunnel.h - an exchange that is a fake: it takes what is written, and says what has not left */
#pragma once
#include "net/conn.h"

struct tunnel_fake {
    struct exchange x;              /* first: the functions of net/exchange.h find the fake by it */
    struct conn_set *set;
    char fields[256];
    struct buf out;                 /* written and not looked at yet */
    size_t unsent, pieces;
    bool is_paused, is_finished, is_aborted, is_forgotten, has_left;
    exchange_input_fn *input;
    exchange_room_fn *room;
    exchange_gone_fn *gone;
    void *input_ctx, *room_ctx, *gone_ctx;
};

void tunnel_fake_init(struct tunnel_fake *f);
void tunnel_fake_fini(struct tunnel_fake *f);
/* The peer says so; bytes are copied, exactly as large, so that the sanitizer sees a step too far. */
void tunnel_fake_come(struct tunnel_fake *f, const char *at, size_t bytes);
