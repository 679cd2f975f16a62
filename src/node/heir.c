/* node/heir.c - a queue of the dead, and one question after the other
 *
 *   1 ask    what the first of them wrote in the last LIMIT_INHERIT_MS                       Postgres
 *   2 told   each place is handed on; a failure is asked again after a while; then the next that is due
 *
 * Each is asked after three times: Postgres still carries out what the dead had sent, commits included, and that may wait
 * for locks.
 */
#include "node/heir.h"
#include "base/check.h"
#include "base/log.h"
#include "base/loop.h"
#include "limits.h"
#include <stdlib.h>

enum { HEIR_QUEUE = 64, HEIR_AGAIN_MS = 500, HEIR_SECOND_MS = 1500 };

struct heir {
    struct op op; /* first */
    struct loop *loop;
    struct ops *ops;
    struct store *store;
    const struct heir_calls *calls;
    void *ctx;
    struct heir_dead {
        uint32_t id;
        uint64_t since_ms, due_ms;
    } dead[HEIR_QUEUE]; /* in the order in which they are due */
    uint32_t count;
    bool is_asking;
    struct loop_timer again;
    struct node_inherit inherit;
};

static op_step heir_ask, heir_told;

static void heir_again(void *ctx);

struct heir *heir_new(struct loop *l, struct ops *ops, struct store *s, const struct heir_calls *calls,
                      void *ctx)
{
    struct heir *h = calloc(1, sizeof *h);

    CHECK(h);
    h->loop = l;
    h->ops = ops;
    h->store = s;
    h->calls = calls;
    h->ctx = ctx;
    loop_timer_init(&h->again, l, heir_again, h);
    return h;
}

void heir_free(struct heir **h)
{
    if (!*h)
        return;
    CHECK(!(*h)->is_asking);
    loop_timer_clear(&(*h)->again);
    free(*h);
    *h = NULL;
}

static void heir_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static void heir_stays(struct op *op)
{
    *op = (struct op){ 0 }; /* it begins again */
    ((struct heir *)op)->is_asking = false;
}

static const struct op_kind heir_kind = { .name = "heir", .free = heir_stays };

static void heir_start(struct heir *h)
{
    uint64_t now_ms = loop_now_ms(h->loop);

    if (h->is_asking || h->again.is_set || h->count == 0)
        return;
    if (h->dead[0].due_ms > now_ms) {
        loop_timer_set(&h->again, h->dead[0].due_ms - now_ms);
        return;
    }
    h->is_asking = true;
    op_start(h->ops, &h->op, &heir_kind, heir_ask, heir_done, h);
}

static void heir_put(struct heir *h, uint32_t id, uint64_t wait_ms)
{
    uint64_t now_ms = loop_now_ms(h->loop);
    uint32_t at = h->count;

    if (h->count == HEIR_QUEUE) {
        h->calls->too_many(h->ctx);
        return;
    }
    for (; at > 0 && h->dead[at - 1].due_ms > now_ms + wait_ms; at--)
        h->dead[at] = h->dead[at - 1];
    h->dead[at] = (struct heir_dead){ id, now_ms, now_ms + wait_ms };
    h->count++;
}

void heir_of(struct heir *h, uint32_t id)
{
    heir_put(h, id, 0);
    heir_put(h, id, HEIR_SECOND_MS);
    heir_put(h, id, LIMIT_STORE_MS + HEIR_SECOND_MS);
    if (!h->is_asking)
        loop_timer_clear(&h->again);
    heir_start(h);
}

static void heir_ask(struct op *op, enum err err)
{
    struct heir *h = (struct heir *)op;
    uint64_t ago_ms = loop_now_ms(h->loop) - h->dead[0].since_ms + LIMIT_INHERIT_MS;

    CHECK(!err);
    h->inherit =
        (struct node_inherit){ .id = h->dead[0].id, .back_ms = (uint32_t)ago_ms, .room = LIMIT_INHERITED };
    h->inherit.at = calloc(h->inherit.room, sizeof *h->inherit.at);
    CHECK(h->inherit.at);
    store_node_inherit(h->store, &h->inherit, op_then(op, heir_told));
}

static void heir_take(struct heir *h)
{
    log_line(LOG_INFO, "inherited", "node=%u places=%u more=%d", h->inherit.id, h->inherit.count,
             h->inherit.more);
    for (uint32_t k = 0; k < h->inherit.count; k++)
        h->calls->place(h->ctx, h->inherit.at[k].user, h->inherit.at[k].i);
    if (h->inherit.more)
        h->calls->too_many(h->ctx);
    h->count--;
    for (uint32_t k = 0; k < h->count; k++)
        h->dead[k] = h->dead[k + 1];
}

static void heir_told(struct op *op, enum err err)
{
    struct heir *h = (struct heir *)op;

    if (!err)
        heir_take(h);
    free(h->inherit.at);
    loop_timer_set(&h->again, err ? HEIR_AGAIN_MS : 1);
    op_finish(op, ERR_OK);
}

static void heir_again(void *ctx)
{
    heir_start(ctx);
}
