/* base/op.h - work that takes several turns of the loop, told step by step.
 *
 * An op is a struct and a list of steps.  A step is a function that runs to
 * its end without waiting, and that either asks for something
 *
 *     store_append(..., op_then(op, next));    next runs when it is there
 *
 * or ends the story
 *
 *     op_finish(op, err);                      the asker hears of it
 *
 * Never both, never neither: op_run() checks.  Asking for several things with
 * the same next step waits for all of them.
 *
 * A step never runs inside the call that wakes it.  Waking only puts the op in
 * the ready list, and ops_run() works that list off once a turn; so no function
 * in the program sees its own objects change, or go, under its feet.
 */
#pragma once
#include "base/check.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct op;
typedef void op_step(struct op *op, enum err err);   /* err: how the wait ended */
typedef void op_done(struct op *op, enum err err, void *asker);

struct op_kind {
    const char *name;               /* for logs */
    void (*free)(struct op *op);
    void (*asker_gone)(struct op *op);      /* or NULL: let it run to its end */
};

struct ops {                        /* one per process */
    struct op *first, **last;       /* ready, in order of waking */
    uint32_t live;
};

struct op {
    const struct op_kind *kind;
    struct ops *ops;
    op_step *next;
    const char *next_name;          /* for logs: what it waits to do */
    op_done *done;                  /* the only arrow that points up */
    void *asker;                    /* NULL: hung up meanwhile */
    struct op *next_ready;
    uint32_t awaited;
    enum err err;
    bool finished;
};

enum { OPS_ROUNDS = 4 };           /* of ready ops in one turn */

void ops_init(struct ops *ops);
bool ops_idle(const struct ops *ops);               /* nothing is ready: the loop may sleep */
void ops_run(struct ops *ops);

void op_start(struct ops *ops, struct op *op, const struct op_kind *kind,
              op_step *first, op_done *done, void *asker);
void op_wake(struct op *op, enum err err);
void op_finish(struct op *op, enum err err);
void op_asker_gone(struct op *op);

#define op_then(op, next) op_then_named((op), (next), #next)
struct op *op_then_named(struct op *op, op_step *next, const char *name);
