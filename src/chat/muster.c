/* chat/muster.c - one reading for all that ask
 *
 *   1 read   the members, when the first one asks
 *   2 call   those who asked meanwhile, in order; who asks from now on is called at once, behind them
 *   3 leave  the last one takes the muster away
 */
#include "chat/muster.h"
#include "chat/roster.h"
#include "store/conversation.h"
#include <stdlib.h>
#include <uthash.h>

struct muster_waiter {
    struct muster_waiter *next;
    struct op *op;
};

struct muster_call { /* for one conversation */
    struct op op; /* first */
    uint64_t conversation;
    struct muster *muster;
    struct members *members;
    struct muster_waiter *first, **last;
    uint32_t inside; /* asked and not left */
    bool is_read;
    enum err err;
    UT_hash_handle hh;
};

struct muster {
    struct chat *chat;
    struct muster_call *calls;
};

static op_step muster_read, muster_was_read;
static op_done muster_done;

/* The call outlives its op, until the last one has left. */
static const struct op_kind muster_kind = { .name = "muster", .free = chat_free_nothing };

struct muster *muster_new(struct chat *chat)
{
    struct muster *m = calloc(1, sizeof *m);

    CHECK(m);
    m->chat = chat;
    return m;
}

void muster_free(struct muster **m)
{
    if (!*m)
        return;
    CHECK(!(*m)->calls);
    free(*m);
    *m = NULL;
}

static struct muster_call *muster_find(const struct muster *m, struct conversation_id c)
{
    struct muster_call *call;

    HASH_FIND(hh, m->calls, &c.n, sizeof c.n, call);
    return call;
}

bool muster_is_busy(const struct muster *m, struct conversation_id c)
{
    return muster_find(m, c) != NULL;
}

static struct muster_call *muster_start(struct muster *m, struct conversation_id c)
{
    struct muster_call *call = calloc(1, sizeof *call);

    CHECK(call);
    call->conversation = c.n;
    call->muster = m;
    call->last = &call->first;
    HASH_ADD(hh, m->calls, conversation, sizeof call->conversation, call);
    op_start(m->chat->ops, &call->op, &muster_kind, muster_read, muster_done, m);
    return call;
}

void muster_ask(struct muster *m, struct conversation_id c, struct op *op)
{
    struct muster_call *call = muster_find(m, c);

    if (!call)
        call = muster_start(m, c);
    call->inside++;
    if (call->is_read) {
        op_wake(op, call->err);
        return;
    }
    struct muster_waiter *w = calloc(1, sizeof *w);
    CHECK(w);
    w->op = op;
    *call->last = w;
    call->last = &w->next;
}

void muster_leave(struct muster *m, struct conversation_id c)
{
    struct muster_call *call = muster_find(m, c);

    CHECK(call && call->is_read && call->inside > 0);
    if (--call->inside > 0)
        return;
    CHECK(call->op.finished); /* no step runs inside the one that wakes it */
    HASH_DEL(m->calls, call);
    free(call);
}

static void muster_read(struct op *op, enum err err)
{
    struct muster_call *call = (struct muster_call *)op;
    struct conversation_id c = { call->conversation };

    CHECK(!err);
    store_members(call->muster->chat->store, c, &call->members, op_then(op, muster_was_read));
}

static void muster_was_read(struct op *op, enum err err)
{
    struct muster_call *call = (struct muster_call *)op;

    call->is_read = true;
    call->err = err;
    if (!err)
        roster_put(call->muster->chat->roster, call->members);
    members_free(&call->members);
    while (call->first) {
        struct muster_waiter *w = call->first;
        call->first = w->next;
        op_wake(w->op, err);
        free(w);
    }
    op_finish(op, ERR_OK);
}

static void muster_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}
