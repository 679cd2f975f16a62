/* sim/fakeloop.c - base/loop.h without sockets: its clock is the world's */
#include "sim/fakeloop.h"
#include "base/check.h"
#include <stdlib.h>

struct loop {
    uint64_t now_ms, unix_ms;
    struct wheel timers;
    struct pool pool;
    world_fn *fn;
    void *ctx;
};

enum { POOL_BYTES = 64 * 1024 };

static void loop_look_at_clock(struct loop *l)
{
    l->now_ms = world_it()->now_us / WORLD_MS + 1000 * 1000;
    l->unix_ms = world_it()->now_us / WORLD_MS + WORLD_UNIX_MS;
}

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);

    CHECK(l);
    loop_look_at_clock(l);
    wheel_init(&l->timers, l->now_ms);
    pool_init(&l->pool, POOL_BYTES);
    return l;
}

void loop_free(struct loop **l)
{
    if (!*l)
        return;
    pool_fini(&(*l)->pool);
    free(*l);
    *l = NULL;
}

void fakeloop_happens(struct loop *l, world_fn *fn, void *ctx)
{
    l->fn = fn;
    l->ctx = ctx;
}

bool fakeloop_next(const struct loop *l, uint64_t *at_us)
{
    uint64_t at_ms;

    if (!wheel_next(&l->timers, &at_ms))
        return false;
    *at_us = at_ms > 1000 * 1000 ? (at_ms - 1000 * 1000) * WORLD_MS : 0;
    return true;
}

void loop_wait(struct loop *l, bool may_sleep)
{
    world_fn *fn = l->fn;

    (void)may_sleep;
    loop_look_at_clock(l);
    wheel_advance(&l->timers, l->now_ms);
    l->fn = NULL;
    if (fn)
        fn(l->ctx);
    for (struct wheel_entry *e; (e = wheel_take(&l->timers));) {
        struct loop_timer *t = (struct loop_timer *)e;
        t->is_set = false;
        t->fn(t->ctx);
    }
}

struct pool *loop_pool(struct loop *l)
{
    return &l->pool;
}

uint64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

uint64_t loop_unix_ms(const struct loop *l)
{
    return l->unix_ms;
}

void loop_timer_init(struct loop_timer *t, struct loop *l, loop_timer_fn *fn, void *ctx)
{
    *t = (struct loop_timer){ .loop = l, .fn = fn, .ctx = ctx };
}

void loop_timer_set(struct loop_timer *t, uint64_t wait_ms)
{
    CHECK(t->loop);
    uint64_t now_ms = t->loop->now_ms;
    wheel_set(&t->loop->timers, &t->entry, wait_ms < UINT64_MAX - now_ms ? now_ms + wait_ms : UINT64_MAX);
    t->is_set = true;
}

void loop_timer_clear(struct loop_timer *t)
{
    if (t->is_set)
        wheel_clear(&t->loop->timers, &t->entry);
    t->is_set = false;
}
