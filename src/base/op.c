/* base/op.c - the ready list, and the runner of steps */
#include "base/op.h"

void ops_init(struct ops *ops)
{
    *ops = (struct ops){ .last = &ops->first };
}

void op_start(struct ops *ops, struct op *op, const struct op_kind *kind, op_step *first, op_done *done,
              void *asker)
{
    CHECK(!op->kind);
    op->kind = kind;
    op->ops = ops;
    op->next = first;
    op->next_name = "start";
    op->done = done;
    op->asker = asker;
    op->awaited = 1;
    ops->live++;
    op_wake(op, ERR_OK);
}

struct op *op_then_named(struct op *op, op_step *next, const char *name)
{
    CHECK(!op->finished);
    CHECK(!op->next || op->next == next);
    op->next = next;
    op->next_name = name;
    op->awaited++;
    return op;
}

void op_wake(struct op *op, enum err err)
{
    CHECK(op->awaited > 0);
    if (!op->err)
        op->err = err;
    if (--op->awaited > 0)
        return;
    op->next_ready = NULL;
    *op->ops->last = op;
    op->ops->last = &op->next_ready;
}

void op_finish(struct op *op, enum err err)
{
    CHECK(!op->finished && !op->next);
    op->err = err;
    op->finished = true;
}

void op_asker_gone(struct op *op)
{
    op->asker = NULL;
    if (op->kind->asker_gone && !op->finished)
        op->kind->asker_gone(op);
}

static void op_end(struct op *op)
{
    op->ops->live--;
    op->done(op, op->err, op->asker);
    op->kind->free(op);
}

static void op_run(struct op *op)
{
    op_step *step = op->next;
    enum err err = op->err;

    op->next = NULL;
    op->err = ERR_OK;
    /* the step itself is awaited too, so that an answer that comes at once can't wake the op too early */
    op->awaited = 1;
    step(op, err);
    CHECK(op->finished != (op->next != NULL));

    if (op->finished)
        op_end(op);
    else
        op_wake(op, ERR_OK);
}

bool ops_idle(const struct ops *ops)
{
    return !ops->first;
}

static void ops_round(struct ops *ops)
{
    struct op *op = ops->first;

    ops->first = NULL;
    ops->last = &ops->first;
    while (op) {
        struct op *next = op->next_ready;
        op_run(op);
        op = next;
    }
}

/* What a round wakes runs in the next round of the same turn, so that an acknowledged message and the polls
 * that it answers leave in one flush; after OPS_ROUNDS it waits for the next turn, so that a chatty op can't
 * keep the sockets waiting. */
void ops_run(struct ops *ops)
{
    for (int round = 0; round < OPS_ROUNDS && ops->first; round++)
        ops_round(ops);
}
