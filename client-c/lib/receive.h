/* lib/receive.h - events come: dense, each handed on once, the cursor written after that */
#pragma once
#include "lib/client.h"

enum {
    RECEIVE_HOLD_LEAST_S = 5,
    RECEIVE_CREEP_POLLS = 8,        /* so many whole holds: a second more may be tried */
    RECEIVE_GRACE_MS = 15 * 1000,   /* for a snapshot */
    RECEIVE_GAPS_MOST = 5,          /* then a snapshot is the way out */
    RECEIVE_QUEUED_MOST = 4 * 1024 * 1024,      /* bytes that wait for the dispatch */
    RECEIVE_ACK_EVENTS = 50,
    RECEIVE_ACK_MS = 4 * 1000,      /* the server wants to know within 5 s */
    RECEIVE_TYPING_MOST = 16,       /* people who type, that wait for the dispatch */
    RECEIVE_BEHIND_MS = 10 * 1000,  /* the server has spoken of more, and it did not come */
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
/* The cursor is of no use: a snapshot comes next. */
void receive_resync(struct posthorn *p);
/* What a way brought: {"events":[...],"cursor":".."}, kept for the dispatch; {"t":"head","cursor":".."},
 * {"t":"typing","c":"..","user":".."}, or what a later version says. Both take a over. */
void receive_batch(struct posthorn *p, struct posthorn_answer *a);
void receive_signal(struct posthorn *p, struct posthorn_answer *a);
