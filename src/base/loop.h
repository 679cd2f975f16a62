/* base/loop.h - sockets, timers and signals of one thread (libevent's only home) */
#pragma once
#include "base/pool.h"
#include "base/wheel.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* Room for what libevent keeps of one event; its own header stays in loop.c. */
enum { LOOP_EVENT_BYTES = 128 };
struct loop_event {
    _Alignas(max_align_t) unsigned char bytes[LOOP_EVENT_BYTES];
};

struct loop *loop_new(void);
void loop_free(struct loop **l);
/* One round: sleeps until something happens when may_sleep, else only looks; then runs the callbacks
 * of what happened, sockets before timers. Reads the clocks once, before the callbacks. May come back
 * with nothing done. */
void loop_wait(struct loop *l, bool may_sleep);
struct pool *loop_pool(struct loop *l);         /* spare blocks of the thread */
uint64_t loop_now_ms(const struct loop *l);     /* monotonic, of this turn */
uint64_t loop_unix_ms(const struct loop *l);    /* wall clock, of this turn */

/* A socket. Callbacks run only inside loop_wait(). The struct stays the caller's and must not move;
 * it may be finished inside its own callback. */
typedef void loop_io_fn(void *ctx, unsigned what);      /* LOOP_READ | LOOP_WRITE */
struct loop_io {
    struct loop_event event;
    struct loop *loop;
    loop_io_fn *fn;
    void *ctx;
    int fd;
    unsigned wants;
};
void loop_io_init(struct loop_io *io, struct loop *l, int fd, loop_io_fn *fn, void *ctx);
void loop_io_want(struct loop_io *io, unsigned what);   /* level-triggered; 0: nothing */
void loop_io_fini(struct loop_io *io);                  /* does not close fd; twice is fine */

/* A timer that fires once: not before loop_now_ms() is wait_ms above what it was when it was set, and those that
 * are due together in the order of their times. It may be set, cleared and freed inside its own callback; set to
 * 0 ms inside a callback it fires in the next round. Must not move while set. */
typedef void loop_timer_fn(void *ctx);
struct loop_timer {
    struct wheel_entry entry;       /* first */
    struct loop *loop;
    loop_timer_fn *fn;
    void *ctx;
    bool is_set;
};
void loop_timer_init(struct loop_timer *t, struct loop *l, loop_timer_fn *fn, void *ctx);
void loop_timer_set(struct loop_timer *t, uint64_t wait_ms);    /* again: replaces */
void loop_timer_clear(struct loop_timer *t);                    /* unset is fine */

/* A signal of the process. */
typedef void loop_signal_fn(void *ctx, int signal);
struct loop_signal {
    struct loop_event event;
    struct loop *loop;
    loop_signal_fn *fn;
    void *ctx;
};
void loop_signal_init(struct loop_signal *s, struct loop *l, int signal, loop_signal_fn *fn, void *ctx);
void loop_signal_fini(struct loop_signal *s);
