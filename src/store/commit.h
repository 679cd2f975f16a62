/* store/commit.h - the group commit: a queue of appends, and lanes whose transactions they become */
#pragma once
#include "store/batch.h"
#include "store/pg.h"
#include "store/store.h"

enum { COMMIT_LANES_MAX = 16, COMMIT_STATEMENTS_MAX = 12 };

enum commit_state {
    COMMIT_IDLE,
    COMMIT_HEADS,                   /* heads are being advanced: nothing can have been committed */
    COMMIT_ROWS,                    /* rows and sync were sent: it may be committed from here on */
    COMMIT_BACK,                    /* it is being rolled back */
    COMMIT_AGAIN,                   /* repeated keys get their own commit before they are answered */
};

struct commit_lane {
    struct pg pg;
    struct commit *commit;
    enum commit_state state;
    struct batch batch;
    struct encode encode;
    enum sql sent[COMMIT_STATEMENTS_MAX];       /* of this stage, in order */
    uint32_t sent_count, nth;
    char sqlstate[6];               /* the first error of this transaction, or "" */
    bool key_conflict;              /* one of the keys was committed before, by whomever */
    bool looks;                     /* this transaction looks its keys up before it inserts them */
    bool must_look;                 /* the next one of this batch does */
    uint32_t retries;               /* of this batch, after deadlocks and the like */
};

struct commit {
    struct loop *loop;
    struct snowflake *ids;
    struct append *first, **last;
    uint32_t queued;
    uint64_t down_ms;               /* since when no lane was up; 0: one is */
    struct loop_timer timer;        /* looks after deadlines while something waits */
    uint32_t lanes_count;
    struct commit_lane lane[COMMIT_LANES_MAX];
    uint64_t look_until_ms;         /* a key was repeated a short while ago: more may be, so they are looked up */
    uint64_t commits, appended, inbox_rows, duplicates, rollbacks, unknown_outcomes;
    struct commit_used *used;       /* keys in the batch that is being picked */
};

void commit_init(struct commit *c, struct loop *l, const struct config *config, struct snowflake *ids);
void commit_fini(struct commit *c);
void commit_append(struct commit *c, struct append *a);
void commit_turn(struct commit *c);
uint32_t commit_up(const struct commit *c);     /* lanes */
