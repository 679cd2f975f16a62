/* store/inbox.h - what came for a user: the inbox from a place on, and its head */
#pragma once
#include "base/arena.h"
#include "base/op.h"
#include "model/event.h"

struct store;

struct inbox_row {
    struct inbox_seq i;
    struct event event;             /* texts in the arena */
};
struct inbox_read {
    struct arena *arena;            /* in */
    uint32_t limit;                 /* in: rows at most, up to LIMIT_EVENTS */
    uint32_t bytes_max;             /* in: bodies at most; always one row at least */
    struct inbox_row *at;           /* out: rising by 1 from after + 1 */
    uint32_t count;
    struct inbox_seq head;          /* out: the newest, read in the same snapshot or before */
    uint64_t timeline;              /* out */
};
/* Rows behind after. ERR_RESYNC when after lies beyond the head, or the rows behind it were dropped by age. */
void store_inbox_after(struct store *s, struct user_id user, struct inbox_seq after, struct inbox_read *r,
                       struct op *op);
