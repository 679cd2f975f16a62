/* node/heads.c - a set of users, and one question after the other
 *
 *   1 ask    the heads of at most LIMIT_HEADS of them                                        Postgres
 *   2 told   each goes to the hub; what failed is asked again after a while; back to 1 while there are more
 */
#include "node/heads.h"
#include "base/check.h"
#include "base/op.h"
#include "store/node.h"
#include "store/store.h"
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

enum { HEADS_AGAIN_MS = 1000 };

struct heads_user {
    uint64_t user;
    bool is_spread;
    TAILQ_ENTRY(heads_user) queue;
    UT_hash_handle hh;
};

struct heads {
    struct op op; /* first */
    struct loop *loop;
    struct ops *ops;
    struct store *store;
    struct hub *hub;
    heads_place_fn *place;
    void *ctx;
    struct heads_user *users;
    TAILQ_HEAD(, heads_user) queue;
    struct loop_timer again;
    bool is_asking;
    uint64_t healed;
    struct heads_read read;
    uint64_t user[LIMIT_HEADS], i[LIMIT_HEADS];
    bool is_spread[LIMIT_HEADS];
};

static op_step heads_begin, heads_told;

static void heads_again(void *ctx);

struct heads *heads_new(struct loop *l, struct ops *ops, struct store *s, struct hub *hub,
                        heads_place_fn *place, void *ctx)
{
    struct heads *h = calloc(1, sizeof *h);

    CHECK(h);
    h->loop = l;
    h->ops = ops;
    h->store = s;
    h->hub = hub;
    h->place = place;
    h->ctx = ctx;
    TAILQ_INIT(&h->queue);
    loop_timer_init(&h->again, l, heads_again, h);
    return h;
}

static void heads_drop(struct heads *h, struct heads_user *u)
{
    HASH_DEL(h->users, u);
    TAILQ_REMOVE(&h->queue, u, queue);
    free(u);
}

void heads_free(struct heads **at)
{
    struct heads *h = *at;
    struct heads_user *u;

    if (!h)
        return;
    CHECK(!h->is_asking);
    while ((u = TAILQ_FIRST(&h->queue)))
        heads_drop(h, u);
    loop_timer_clear(&h->again);
    free(h);
    *at = NULL;
}

static void heads_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static void heads_stays(struct op *op)
{
    *op = (struct op){ 0 }; /* it begins again */
    ((struct heads *)op)->is_asking = false;
}

static const struct op_kind heads_kind = { .name = "heads", .free = heads_stays };

static void heads_start(struct heads *h)
{
    if (h->is_asking || h->again.is_set || TAILQ_EMPTY(&h->queue))
        return;
    h->is_asking = true;
    op_start(h->ops, &h->op, &heads_kind, heads_begin, heads_done, h);
}

static void heads_add(struct heads *h, struct user_id user, bool is_spread)
{
    struct heads_user *u;

    HASH_FIND(hh, h->users, &user.n, sizeof user.n, u);
    if (!u) {
        u = calloc(1, sizeof *u);
        CHECK(u);
        u->user = user.n;
        HASH_ADD(hh, h->users, user, sizeof u->user, u);
        TAILQ_INSERT_TAIL(&h->queue, u, queue);
    }
    u->is_spread = u->is_spread || is_spread;
    heads_start(h);
}

void heads_ask(struct heads *h, struct user_id user)
{
    heads_add(h, user, false);
}

void heads_spread(struct heads *h, struct user_id user)
{
    heads_add(h, user, true);
}

void heads_forget(struct heads *h, struct user_id user)
{
    struct heads_user *u;

    HASH_FIND(hh, h->users, &user.n, sizeof user.n, u);
    if (u && !u->is_spread)
        heads_drop(h, u);
}

static void heads_begin(struct op *op, enum err err)
{
    struct heads *h = (struct heads *)op;
    struct heads_user *u;
    uint32_t count = 0;

    CHECK(!err);
    while (count < LIMIT_HEADS && (u = TAILQ_FIRST(&h->queue))) {
        h->is_spread[count] = u->is_spread;
        h->user[count++] = u->user;
        heads_drop(h, u);
    }
    if (count == 0) { /* all of them left meanwhile */
        op_finish(op, ERR_OK);
        return;
    }
    h->read = (struct heads_read){ .user = h->user, .count = count, .i = h->i };
    store_heads(h->store, &h->read, op_then(op, heads_told));
}

static void heads_take(struct heads *h)
{
    if (h->read.timeline != store_timeline(h->store)) /* the receivers find out, and begin anew */
        return;
    for (uint32_t k = 0; k < h->read.count; k++) {
        struct user_id user = { h->user[k] };
        struct inbox_seq i = { h->i[k] }, known = hub_known(h->hub, user);

        h->healed += known.n > 0 && known.n < i.n;
        hub_head(h->hub, user, i);
        if (h->is_spread[k])
            h->place(h->ctx, user.n, i.n);
    }
}

static void heads_told(struct op *op, enum err err)
{
    struct heads *h = (struct heads *)op;

    if (!err)
        heads_take(h);
    for (uint32_t k = 0; err && k < h->read.count; k++)
        heads_add(h, (struct user_id){ h->user[k] }, h->is_spread[k]);
    if (err)
        loop_timer_set(&h->again, HEADS_AGAIN_MS);
    if (err || TAILQ_EMPTY(&h->queue))
        op_finish(op, ERR_OK);
    else
        heads_begin(op, ERR_OK);
}

static void heads_again(void *ctx)
{
    heads_start(ctx);
}

uint64_t heads_healed(const struct heads *h)
{
    return h->healed;
}
