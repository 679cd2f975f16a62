/* lib/receive.h - events come: a long poll at a time, dense, the cursor written after they were handed on */
#pragma once
#include "lib/client.h"

enum {
    RECEIVE_HOLD_LEAST_S = 5,
    RECEIVE_GRACE_MS = 15 * 1000,   /* a poll may be this much later than its wait */
    RECEIVE_GAPS_MOST = 5,          /* then a snapshot is the way out */
    RECEIVE_LOCK_NONE = -1,
    RECEIVE_LOCK_MEMORY = -2,       /* receiving, but nothing on disk to lock */
};

void receive_step(struct posthorn *p, uint64_t now_ms);
/* When receive_step() has something to do; UINT64_MAX: only after something else happens. */
uint64_t receive_due_ms(const struct posthorn *p);
/* Whether receive_dispatch() has something to do. */
bool receive_has_news(const struct posthorn *p);
/* Hands what waits to the program's callbacks. */
void receive_dispatch(struct posthorn *p);
/* -1 with errno: another process receives, or the disk. */
MUST_USE int receive_start(struct posthorn *p);
void receive_stop(struct posthorn *p);
