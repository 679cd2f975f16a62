/* unit/client/test_ways.c - which way is taken after what happened, by a clock of our own */
#include "lib/ways.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { T0 = 1000 * 1000, SECOND = 1000, MINUTE = 60 * SECOND };

static void is_way(const struct ways *w, int n, enum feed_way way, enum feed_http http)
{
    assert_true(n >= 0 && n < w->count);
    assert_int_equal(w->at[n].way.way, way);
    assert_int_equal(w->at[n].way.http, http);
}

static uint32_t ends(struct ways *w, int n, enum feed_end end, bool was_live, uint64_t now_ms)
{
    struct ways_end e = { .end = end, .was_live = was_live, .lived_ms = was_live ? 2 * SECOND : 0 };
    return ways_ended(w, n, &e, now_ms);
}

static void the_order(void **state)
{
    struct ways w;
    (void)state;
    ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO);
    assert_int_equal(w.count, 5);
    is_way(&w, 0, FEED_WS, FEED_HTTP_2);
    is_way(&w, 1, FEED_WS, FEED_HTTP_1);
    is_way(&w, 2, FEED_SSE, FEED_HTTP_ANY);
    is_way(&w, 3, FEED_LONGPOLL, FEED_HTTP_ANY);
    is_way(&w, 4, FEED_POLL, FEED_HTTP_ANY);
    ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_1_1);
    assert_int_equal(w.count, 4);
    is_way(&w, 0, FEED_WS, FEED_HTTP_1);
    is_way(&w, 1, FEED_SSE, FEED_HTTP_1);
    ways_init(&w, POSTHORN_TRANSPORT_PUSH, POSTHORN_HTTP_AUTO);
    assert_int_equal(w.count, 1);
    is_way(&w, 0, FEED_PUSH, FEED_HTTP_2);
    ways_init(&w, POSTHORN_TRANSPORT_PUSH, POSTHORN_HTTP_1_1);
    assert_int_equal(w.count, 0);
    ways_init(&w, POSTHORN_TRANSPORT_WS, POSTHORN_HTTP_AUTO);
    assert_int_equal(w.count, 2);
    ways_init(&w, POSTHORN_TRANSPORT_SSE, POSTHORN_HTTP_2);
    is_way(&w, 0, FEED_SSE, FEED_HTTP_2);
}

static void what_does_not_work_is_left_aside_at_once(void **state)
{
    static const enum feed_end bad[] = { FEED_REFUSED, FEED_GARBLED, FEED_MUTE, FEED_BROKEN };
    struct ways w;
    (void)state;
    ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO);
    for (int n = 0; n < 4; n++) {
        assert_int_equal(ways_best(&w, T0), n);
        assert_int_equal(ends(&w, n, bad[n], false, T0), 0);
    }
    assert_int_equal(ways_best(&w, T0), 4);
    assert_int_equal(ends(&w, 4, FEED_BROKEN, false, T0), 0);
    assert_int_equal(ways_best(&w, T0), WAYS_NONE);
}

static void aside_for_longer_and_longer(void **state)
{
    struct ways w;
    uint64_t now = T0, expected = 30 * SECOND;
    (void)state;
    ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO);
    for (int n = 0; n < 10; n++) {
        ends(&w, 0, FEED_MUTE, false, now);
        assert_int_equal(ways_best(&w, now + expected * 3 / 4 - 1), 1);
        assert_int_equal(ways_best(&w, now + expected * 5 / 4), 0);
        assert_true(ways_better_due_ms(&w, 1) == w.at[0].aside_until_ms);
        now = w.at[0].aside_until_ms;
        expected = expected * 2 > 30 * MINUTE ? 30 * MINUTE : expected * 2;
    }
    struct ways_end good = { .end = FEED_BROKEN, .was_live = true, .lived_ms = 2 * MINUTE };
    ways_ended(&w, 0, &good, now);
    ends(&w, 0, FEED_MUTE, false, now);
    assert_int_equal(ways_best(&w, now + 38 * SECOND), 0); /* 30 s and at most a quarter more */
}

static void one_that_worked_is_tried_again_in_place(void **state)
{
    struct ways w;
    (void)state;
    ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO);
    for (int n = 0; n < 2; n++) {
        assert_in_range(ends(&w, 0, FEED_BROKEN, true, T0), BACKOFF_LEAST_MS, BACKOFF_MOST_MS);
        assert_int_equal(ways_best(&w, T0), 0);
    }
    assert_int_equal(ends(&w, 0, FEED_BROKEN, true, T0), 0);
    assert_int_equal(ways_best(&w, T0), 1);
}

static void what_was_steady_comes_back_soon(void **state)
{
    struct ways w;
    struct ways_end e = { .end = FEED_BROKEN, .was_live = true, .lived_ms = WAYS_STEADY_MS };
    uint32_t most = 0;
    (void)state;
    for (int n = 0; n < 200; n++) {
        ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO);
        uint32_t wait_ms = ways_ended(&w, 0, &e, T0);
        assert_true(wait_ms <= BACKOFF_LEAST_MS);
        most = wait_ms > most ? wait_ms : most;
    }
    assert_true(most > BACKOFF_LEAST_MS / 2); /* a crowd is spread */
    e.lived_ms = WAYS_STEADY_MS - 1;
    assert_true(ways_ended(&w, 0, &e, T0) >= BACKOFF_LEAST_MS);
    e.lived_ms = WAYS_STEADY_MS;
    e.retry_ms = 3000;
    ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO);
    assert_true(ways_ended(&w, 0, &e, T0) >= 3000);
}

static void two_good_minutes_forgive(void **state)
{
    struct ways w;
    (void)state;
    ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO);
    for (int n = 0; n < 20; n++) {
        struct ways_end e = { .end = FEED_BROKEN, .was_live = true, .lived_ms = 2 * MINUTE };
        ways_ended(&w, 0, &e, T0);
        assert_int_equal(ways_best(&w, T0), 0);
    }
}

static void a_move_is_no_failure(void **state)
{
    struct ways w;
    struct ways_end e = { .end = FEED_MOVED, .was_live = true, .lived_ms = MINUTE, .retry_ms = 1234 };
    (void)state;
    ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO);
    for (int n = 0; n < 20; n++) {
        assert_int_equal(ways_ended(&w, 0, &e, T0), 1234);
        assert_int_equal(ways_best(&w, T0), 0);
    }
    e.lived_ms = 1; /* but one after the other is not answered in a hurry */
    assert_true(ways_ended(&w, 0, &e, T0) >= 1234);
    e.retry_ms = 0;
    assert_true(ways_ended(&w, 0, &e, T0) >= BACKOFF_LEAST_MS);
}

static void a_busy_server_is_waited_for(void **state)
{
    struct ways w;
    struct ways_end e = { .end = FEED_REFUSED, .is_busy = true, .retry_ms = 5000 };
    (void)state;
    ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO);
    assert_in_range(ways_ended(&w, 0, &e, T0), 5000, 30000);
    assert_int_equal(ways_best(&w, T0), 0);
}

static void a_server_that_is_away_says_nothing_about_ways(void **state)
{
    struct ways w;
    (void)state;
    ways_init(&w, POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO);
    ends(&w, 0, FEED_MUTE, false, T0);
    for (int n = 1; n < 5; n++)
        ends(&w, n, FEED_BROKEN, false, T0);
    assert_int_equal(ways_best(&w, T0), WAYS_NONE);
    uint32_t wait_ms = ways_nothing(&w, T0);
    assert_in_range(wait_ms, BACKOFF_LEAST_MS, BACKOFF_MOST_MS);
    assert_int_equal(ways_best(&w, T0 + wait_ms - 1), WAYS_NONE);
    assert_int_equal(ways_best(&w, T0 + wait_ms), 1); /* the mute one stays aside */
    assert_int_equal(w.at[1].fails, 0);
    assert_int_equal(w.at[0].fails, 1);
}

static void when_all_are_refused_all_are_tried_again(void **state)
{
    struct ways w;
    uint32_t longest = 0;
    (void)state;
    ways_init(&w, POSTHORN_TRANSPORT_WS, POSTHORN_HTTP_AUTO);
    for (int round = 0; round < 40; round++) {
        uint64_t now = (uint64_t)T0 + (uint64_t)round * MINUTE;
        ends(&w, 0, FEED_GARBLED, false, now);
        ends(&w, 1, FEED_REFUSED, false, now);
        uint32_t wait_ms = ways_nothing(&w, now);
        assert_int_equal(ways_best(&w, now + wait_ms), 0);
        longest = wait_ms > longest ? wait_ms : longest;
    }
    assert_in_range(longest, 15 * SECOND, 30 * SECOND); /* the pauses grow */
    ways_worked(&w);
    assert_in_range(ways_nothing(&w, T0), 500, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order),
        cmocka_unit_test(what_does_not_work_is_left_aside_at_once),
        cmocka_unit_test(aside_for_longer_and_longer),
        cmocka_unit_test(one_that_worked_is_tried_again_in_place),
        cmocka_unit_test(what_was_steady_comes_back_soon),
        cmocka_unit_test(two_good_minutes_forgive),
        cmocka_unit_test(a_move_is_no_failure),
        cmocka_unit_test(a_busy_server_is_waited_for),
        cmocka_unit_test(a_server_that_is_away_says_nothing_about_ways),
        cmocka_unit_test(when_all_are_refused_all_are_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
