/* base/loop.c - libevent, kept in one place
 *
 * libevent watches sockets and signals. Timers lie on a wheel of our own, a third of the size; what libevent knows of
 * them is one event that ends its sleep.
 */
#include "base/loop.h"
#include "base/check.h"
#include <event2/event.h>
#include <event2/event_struct.h>
#include <time.h>

enum { SPARE_BYTES_MAX = 1024 * 1024, TRIM_EVERY_MS = 1000 };

struct loop {
    struct event_base *base;
    uint64_t now_ms, unix_ms;
    bool is_fresh; /* the clocks were read since the last sleep */
    struct wheel timers;
    struct pool pool;
    struct loop_timer trim; /* of the pool; set while something is kept */
    struct event alarm;
    uint64_t alarm_ms; /* when it ends a sleep; UINT64_MAX: it does not */
};

_Static_assert(sizeof(struct event) <= LOOP_EVENT_BYTES, "room for a libevent event");

static struct event *loop_event(struct loop_event *e)
{
    return (struct event *)e->bytes;
}

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec t;

    CHECK(clock_gettime(clock, &t) == 0);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void loop_read_clocks(struct loop *l)
{
    l->now_ms = clock_ms(CLOCK_MONOTONIC);
    l->unix_ms = clock_ms(CLOCK_REALTIME);
    l->is_fresh = true;
}

/* The first callback after a sleep reads the clocks; the rest of the turn sees the same moment. What is due now fires
 * in this round, what callbacks set from here on does not. */
static void loop_woke(struct loop *l)
{
    if (l->is_fresh)
        return;
    loop_read_clocks(l);
    wheel_advance(&l->timers, l->now_ms);
}

static void loop_alarm(evutil_socket_t fd, short what, void *ctx)
{
    struct loop *l = ctx;

    (void)fd;
    (void)what;
    l->alarm_ms = UINT64_MAX;
}

static void loop_trim(void *ctx)
{
    struct loop *l = ctx;

    pool_trim(&l->pool);
}

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);

    CHECK(l);
    l->base = event_base_new();
    CHECK(l->base);
    loop_read_clocks(l);
    wheel_init(&l->timers, l->now_ms);
    CHECK(event_assign(&l->alarm, l->base, -1, 0, loop_alarm, l) == 0);
    l->alarm_ms = UINT64_MAX;
    pool_init(&l->pool, SPARE_BYTES_MAX);
    loop_timer_init(&l->trim, l, loop_trim, l);
    return l;
}

void loop_free(struct loop **l)
{
    if (!*l)
        return;
    event_del(&(*l)->alarm);
    event_base_free((*l)->base);
    pool_fini(&(*l)->pool);
    free(*l);
    *l = NULL;
}

/* Whether the loop may sleep; if so, no longer than until the next timer. An alarm that rings too early (its timer was
 * cleared, or libevent's coarse clock was behind) costs a round, so it is never set back. */
static bool loop_set_alarm(struct loop *l)
{
    uint64_t at;

    if (!wheel_next(&l->timers, &at))
        return true;
    uint64_t now_ms = clock_ms(CLOCK_MONOTONIC); /* the turn may have taken long */
    if (at <= now_ms)
        return false;
    if (at >= l->alarm_ms)
        return true;
    struct timeval tv = { (time_t)((at - now_ms) / 1000), (suseconds_t)((at - now_ms) % 1000 * 1000) };
    CHECK(event_add(&l->alarm, &tv) == 0);
    l->alarm_ms = at;
    return true;
}

void loop_wait(struct loop *l, bool may_sleep)
{
    if (l->pool.bytes && !l->trim.is_set)
        loop_timer_set(&l->trim, TRIM_EVERY_MS);

    bool sleeps = may_sleep && loop_set_alarm(l);

    l->is_fresh = false;
    event_base_loop(l->base, sleeps ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
    loop_woke(l);
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

static void loop_io_event(evutil_socket_t fd, short what, void *ctx)
{
    struct loop_io *io = ctx;

    (void)fd;
    loop_woke(io->loop);
    io->fn(io->ctx, (what & EV_READ ? LOOP_READ : 0u) | (what & EV_WRITE ? LOOP_WRITE : 0u));
}

void loop_io_init(struct loop_io *io, struct loop *l, int fd, loop_io_fn *fn, void *ctx)
{
    *io = (struct loop_io){ .loop = l, .fn = fn, .ctx = ctx, .fd = fd };
}

void loop_io_want(struct loop_io *io, unsigned what)
{
    CHECK(io->loop);
    if (what == io->wants)
        return;
    if (io->wants)
        event_del(loop_event(&io->event));
    io->wants = what;
    if (!what)
        return;
    short events = EV_PERSIST;
    if (what & LOOP_READ)
        events |= EV_READ;
    if (what & LOOP_WRITE)
        events |= EV_WRITE;
    CHECK(event_assign(loop_event(&io->event), io->loop->base, io->fd, events, loop_io_event, io) == 0);
    CHECK(event_add(loop_event(&io->event), NULL) == 0);
}

void loop_io_fini(struct loop_io *io)
{
    if (io->loop && io->wants)
        event_del(loop_event(&io->event));
    io->wants = 0;
    io->loop = NULL;
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

static void loop_signal_event(evutil_socket_t number, short what, void *ctx)
{
    struct loop_signal *s = ctx;

    (void)what;
    loop_woke(s->loop);
    s->fn(s->ctx, (int)number);
}

void loop_signal_init(struct loop_signal *s, struct loop *l, int number, loop_signal_fn *fn, void *ctx)
{
    *s = (struct loop_signal){ .loop = l, .fn = fn, .ctx = ctx };
    CHECK(event_assign(loop_event(&s->event), l->base, number, EV_SIGNAL | EV_PERSIST, loop_signal_event,
                       s) == 0);
    CHECK(event_add(loop_event(&s->event), NULL) == 0);
}

void loop_signal_fini(struct loop_signal *s)
{
    event_del(loop_event(&s->event));
}
