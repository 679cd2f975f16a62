/* store/batch.h - what one commit lane holds, worked out: heads, mailboxes and inbox rows in the order of their keys
 *
 * Pure: no connection, no clock. commit.c fills item[]; batch_prepare() works out the rest for the first run items.
 */
#pragma once
#include "model/snowflake.h"
#include "store/append.h"

#define BATCH_NO_HEAD UINT32_MAX

struct batch_item {
    struct append *a;
    uint64_t id;                    /* of the event; before the lift of its conversation */
    uint32_t head, offset;          /* seq is head[head].base + offset, from 1 */
    bool was_here;                  /* its key was used before, for what first says */
    struct {
        uint64_t conversation, id, seq, body_hash;
        enum event_kind kind;
    } first;
    enum err verdict;               /* what the heads say: ERR_OK, or why it can't be committed */
};
struct batch_head {                 /* a conversation */
    uint64_t conversation, first_id, last_id;
    uint32_t n, epochs;             /* items; how often its members change (at most once) */
    bool is_found, is_won;          /* answered; of a new direct one: the pair was free */
    uint32_t epoch;                 /* as it was before */
    uint64_t base;
    int64_t lift;
};
struct batch_box {                  /* a mailbox */
    uint64_t user, base;
    uint32_t n;
    bool is_found;
};
struct batch_row {                  /* of an inbox */
    uint64_t user;
    uint32_t item, member;          /* who: item[item].a->members->member[member] */
    uint32_t box, offset;           /* i is box[box].base + offset, from 1 */
};

struct batch {
    uint32_t items_max, rows_max;
    struct batch_item *item;        /* in order of arrival */
    uint32_t count, run;            /* held; in the transaction that runs now */
    uint32_t limit;                 /* run at most so many: halved to find a poison row */
    struct batch_head *head;
    uint32_t heads_count;
    struct batch_box *box;
    uint32_t boxes_count;
    struct batch_row *row;
    uint32_t rows_count;
    uint64_t *hold;                 /* batch_hold_key() of every item held, sorted */
    uint32_t holds_count;
};

void batch_init(struct batch *b, uint32_t items_max, uint32_t rows_max);
void batch_fini(struct batch *b);

/* True: it has a place in its conversation; false: it goes into one inbox only, and no head is touched. */
bool batch_has_head(const struct append *a);
/* What no two lanes may hold at a time, so that nothing overtakes: the conversation, or the one user. */
uint64_t batch_hold_key(const struct append *a);
void batch_sort_holds(struct batch *b);
bool batch_holds(const struct batch *b, uint64_t hold_key);

/* Gives ids to the first run items and sorts their heads, mailboxes and rows. */
void batch_prepare(struct batch *b, uint32_t run, struct snowflake *ids, uint64_t unix_ms);
struct batch_head *batch_find_head(const struct batch *b, uint64_t conversation);
struct batch_box *batch_find_box(const struct batch *b, uint64_t user);
/* The verdict of every item of the run, when all heads have answered; true: all may be committed. */
bool batch_judge(struct batch *b);
struct message_seq batch_seq(const struct batch *b, const struct batch_item *item);
struct message_id batch_id(const struct batch *b, const struct batch_item *item);
