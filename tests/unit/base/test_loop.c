/* unit/base/test_loop.c - sockets, timers and signals come back inside loop_wait() only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/loop.h"
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct seen {
    struct loop *loop;
    struct loop_io *io;
    unsigned what;
    int calls;
    uint64_t now_ms[4];
};

static void on_io(void *ctx, unsigned what)
{
    struct seen *s = ctx;

    s->what |= what;
    s->calls++;
}

/* Whoever calls this for the hundredth time is not coming back by itself. */
static void on_io_for_ever(void *ctx, unsigned what)
{
    struct seen *s = ctx;

    s->what |= what;
    assert_true(++s->calls < 100);
}

static void on_io_fini(void *ctx, unsigned what)
{
    struct seen *s = ctx;

    (void)what;
    s->calls++;
    loop_io_fini(s->io);
}

static void on_timer(void *ctx)
{
    struct seen *s = ctx;
    struct timespec nap = { 0, 3000000 };

    s->now_ms[s->calls++ & 3] = loop_now_ms(s->loop);
    nanosleep(&nap, NULL);
}

static void on_signal(void *ctx, int signal)
{
    struct seen *s = ctx;

    s->calls += signal == SIGUSR1;
}

static void level_triggered_until_read(void **state)
{
    struct loop *l = loop_new();
    struct seen s = { .loop = l };
    struct loop_io io;
    int pair[2];
    char c;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    loop_io_init(&io, l, pair[0], on_io, &s);
    loop_io_want(&io, LOOP_READ);
    loop_wait(l, false);
    assert_int_equal(s.calls, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(s.calls, 0);
    loop_wait(l, true);
    loop_wait(l, true);
    assert_int_equal(s.calls, 2);
    assert_int_equal(s.what, LOOP_READ);
    loop_io_want(&io, LOOP_READ | LOOP_WRITE);
    loop_wait(l, true);
    assert_int_equal(s.what, LOOP_READ | LOOP_WRITE);
    assert_int_equal(read(pair[0], &c, 1), 1);
    loop_io_want(&io, 0);
    s.calls = 0;
    loop_wait(l, false);
    assert_int_equal(s.calls, 0);
    loop_io_fini(&io);
    loop_io_fini(&io);
    close(pair[0]);
    close(pair[1]);
    loop_free(&l);
    assert_null(l);
}

static void may_be_finished_in_its_own_callback(void **state)
{
    struct loop *l = loop_new();
    struct loop_io io;
    struct seen s = { .loop = l, .io = &io };
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    loop_io_init(&io, l, pair[0], on_io_fini, &s);
    loop_io_want(&io, LOOP_READ | LOOP_WRITE);
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_wait(l, true);
    loop_wait(l, false);
    assert_int_equal(s.calls, 1);
    close(pair[0]);
    close(pair[1]);
    loop_free(&l);
}

static void timers_fire_once_and_see_one_moment(void **state)
{
    struct loop *l = loop_new();
    struct loop_timer a, b, never;
    struct seen s = { .loop = l };

    (void)state;
    loop_timer_init(&a, l, on_timer, &s);
    loop_timer_init(&b, l, on_timer, &s);
    loop_timer_init(&never, l, on_timer, &s);
    loop_timer_clear(&never);
    loop_timer_set(&never, 1);
    loop_timer_clear(&never);
    assert_false(never.is_set);
    loop_timer_set(&a, 60000);
    loop_timer_set(&a, 20);
    loop_timer_set(&b, 20);
    uint64_t before = loop_now_ms(l);
    while (s.calls < 2)
        loop_wait(l, true);
    assert_true(loop_now_ms(l) - before >= 18 && loop_now_ms(l) - before < 5000);
    assert_int_equal(s.now_ms[0], s.now_ms[1]);
    assert_false(a.is_set);
    loop_timer_set(&b, 0);
    loop_wait(l, true);
    assert_int_equal(s.calls, 3);
    assert_true(s.now_ms[2] >= s.now_ms[1] + 6); /* a new turn, a new moment */
    assert_true(loop_unix_ms(l) > 1704067200000u);
    loop_free(&l);
}

static void signals_arrive_in_the_loop(void **state)
{
    struct loop *l = loop_new();
    struct loop_signal sig;
    struct seen s = { .loop = l };

    (void)state;
    loop_signal_init(&sig, l, SIGUSR1, on_signal, &s);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(s.calls, 0);
    loop_wait(l, true);
    assert_int_equal(s.calls, 1);
    loop_signal_fini(&sig);
    loop_free(&l);
}

struct again {
    struct seen seen;
    struct loop_timer *timer, *other;
};

static void on_again(void *ctx)
{
    struct again *a = ctx;

    a->seen.calls++;
    loop_timer_set(a->timer, 0);
}

static void on_last(void *ctx)
{
    struct again *a = ctx;

    a->seen.calls++;
    loop_timer_clear(a->other);
    free(a->timer);
    a->timer = NULL;
}

/* Set to nothing inside its own callback: the next round's, and the round does not sleep. */
static void at_once_is_the_next_round(void **state)
{
    struct loop *l = loop_new();
    struct loop_timer timer;
    struct again a = { .timer = &timer };

    (void)state;
    loop_timer_init(&timer, l, on_again, &a);
    loop_timer_set(&timer, 0);
    for (int n = 1; n <= 5; n++) {
        loop_wait(l, n % 2);
        assert_int_equal(a.seen.calls, n);
    }
    loop_timer_clear(&timer);
    loop_wait(l, false);
    assert_int_equal(a.seen.calls, 5);
    loop_free(&l);
}

static void may_free_itself_and_clear_the_next(void **state)
{
    struct loop *l = loop_new();
    struct loop_timer other;
    struct again a = { .timer = malloc(sizeof *a.timer), .other = &other };

    (void)state;
    loop_timer_init(a.timer, l, on_last, &a);
    loop_timer_init(&other, l, on_again, &a);
    loop_timer_set(a.timer, 2);
    loop_timer_set(&other, 2);
    for (uint64_t end = loop_now_ms(l) + 50; loop_now_ms(l) < end;)
        loop_wait(l, false);
    assert_int_equal(a.seen.calls, 1);
    assert_null(a.timer);
    assert_false(other.is_set);
    loop_free(&l);
}

struct due {
    struct loop_timer timer;
    struct loop *loop;
    uint64_t at_ms, *last_ms;
    int *left;
};

static void on_due(void *ctx)
{
    struct due *d = ctx;

    assert_true(loop_now_ms(d->loop) >= d->at_ms); /* never early */
    assert_true(d->at_ms >= *d->last_ms);
    *d->last_ms = d->at_ms;
    --*d->left;
}

static void many_timers_in_order_and_never_early(void **state)
{
    enum { MANY = 2000 };
    struct loop *l = loop_new();
    struct due *d = calloc(MANY, sizeof *d);
    uint64_t last_ms = 0, begun_ms = loop_now_ms(l);
    int left = MANY, rounds = 0;

    (void)state;
    for (int n = 0; n < MANY; n++) {
        uint64_t wait_ms = (uint64_t)n * 7919 % 300;
        d[n] =
            (struct due){ .loop = l, .at_ms = loop_now_ms(l) + wait_ms, .last_ms = &last_ms, .left = &left };
        loop_timer_init(&d[n].timer, l, on_due, &d[n]);
        loop_timer_set(&d[n].timer, wait_ms);
    }
    while (left) {
        loop_wait(l, true);
        rounds++;
    }
    assert_true(loop_now_ms(l) - begun_ms >= 299);
    assert_true(rounds < 1000); /* it slept in between */
    free(d);
    loop_free(&l);
}

/* A socket that stays writable: the turn gets its turn all the same. */
static void a_look_is_one_round(void **state)
{
    struct loop *l = loop_new();
    struct seen s = { .loop = l };
    struct loop_io io;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    loop_io_init(&io, l, pair[0], on_io_for_ever, &s);
    loop_io_want(&io, LOOP_WRITE);
    loop_wait(l, false);
    loop_wait(l, false);
    assert_int_equal(s.calls, 2);
    assert_int_equal(s.what, LOOP_WRITE);
    loop_io_fini(&io);
    close(pair[0]);
    close(pair[1]);
    loop_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_triggered_until_read),
        cmocka_unit_test(a_look_is_one_round),
        cmocka_unit_test(may_be_finished_in_its_own_callback),
        cmocka_unit_test(timers_fire_once_and_see_one_moment),
        cmocka_unit_test(at_once_is_the_next_round),
        cmocka_unit_test(may_free_itself_and_clear_the_next),
        cmocka_unit_test(many_timers_in_order_and_never_early),
        cmocka_unit_test(signals_arrive_in_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
