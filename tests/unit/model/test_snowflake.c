/* unit/model/test_snowflake.c - ids rise whatever the clock does */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "model/snowflake.h"
#include <cmocka.h>

#define NOW_MS (SNOWFLAKE_EPOCH_MS + 90ull * 24 * 3600 * 1000)

static void rises_with_a_clock_that_stops_and_turns_back(void **state)
{
    static const int64_t clock[] = { 0, 0, 5, 5, -1000, -5000, 6, 7 };
    struct snowflake s;
    uint64_t last = 0;

    (void)state;
    snowflake_init(&s, 1023);
    for (size_t k = 0; k < sizeof clock / sizeof *clock; k++) {
        for (int n = 0; n < 3; n++) {
            uint64_t id = snowflake_next(&s, NOW_MS + (uint64_t)clock[k]);
            assert_true(id > last);
            assert_true(id < INT64_MAX);
            assert_int_equal(id >> 12 & 1023, 1023);
            last = id;
        }
    }
    assert_true(snowflake_unix_ms(last) == NOW_MS + 7);
}

static void a_full_millisecond_borrows_the_next(void **state)
{
    struct snowflake s;
    uint64_t last = 0;

    (void)state;
    snowflake_init(&s, 0);
    for (int k = 0; k < 3 * 4096 + 1; k++) {
        uint64_t id = snowflake_next(&s, NOW_MS);
        assert_true(id > last);
        assert_int_equal(id >> 12 & 1023, 0);
        assert_true(snowflake_unix_ms(id) <= NOW_MS + 3);
        last = id;
    }
    assert_true(snowflake_unix_ms(last) == NOW_MS + 3);
    assert_true(snowflake_unix_ms(snowflake_next(&s, NOW_MS + 10)) == NOW_MS + 10);
}

/* Another process had this node's ids up to some moment, and this process may have had another node's. */
static void resumes_above_what_others_gave(void **state)
{
    struct snowflake s;
    uint64_t above = snowflake_at(NOW_MS + 3000), last;

    (void)state;
    snowflake_init(&s, 0);
    snowflake_resume(&s, 7, above, snowflake_at(NOW_MS + 6000));
    last = snowflake_next(&s, NOW_MS);
    assert_true(last > above && snowflake_unix_ms(last) == NOW_MS + 3001);
    assert_int_equal(last >> 12 & 1023, 7);
    snowflake_resume(&s, 9, 0, 0);
    assert_true(snowflake_next(&s, NOW_MS) > last);
    assert_int_equal(s.last >> 12 & 1023, 9);
    assert_true(snowflake_unix_ms(snowflake_next(&s, NOW_MS + 4000)) == NOW_MS + 4000);
    snowflake_init(&s, 0);
    snowflake_resume(&s, 5, 0, 0);
    assert_true(snowflake_unix_ms(snowflake_next(&s, NOW_MS)) == NOW_MS);
}

/* A clock that jumps ahead, or beats that don't come: ids stay within what is reserved, and go on rising. */
static void stays_within_what_is_reserved(void **state)
{
    struct snowflake s;
    uint64_t last = 0;

    (void)state;
    snowflake_init(&s, 3);
    snowflake_resume(&s, 3, 0, snowflake_reserve(&s, NOW_MS, 3000));
    for (uint64_t ahead_ms = 0; ahead_ms < 3600 * 1000; ahead_ms += 700) {
        uint64_t id = snowflake_next(&s, NOW_MS + ahead_ms);
        assert_true(id > last);
        assert_true(snowflake_unix_ms(id) <= NOW_MS + 3002);
        last = id;
    }
    assert_true(snowflake_reserve(&s, NOW_MS - 1000, 3000) ==
                snowflake_at(NOW_MS + 3001 + SNOWFLAKE_AHEAD_MS));
}

static void never_zero(void **state)
{
    struct snowflake s;

    (void)state;
    snowflake_init(&s, 0);
    assert_true(snowflake_next(&s, 0) > 0);
    assert_true(snowflake_next(&s, 0) > 1);
}

static void moments(void **state)
{
    (void)state;
    assert_true(snowflake_at(0) == 0);
    assert_true(snowflake_at(SNOWFLAKE_EPOCH_MS) == 0);
    assert_true(snowflake_at(SNOWFLAKE_EPOCH_MS + 1) == 1ull << 22);
    assert_true(snowflake_unix_ms(snowflake_at(NOW_MS)) == NOW_MS);
    assert_true(snowflake_unix_ms(snowflake_at(NOW_MS) - 1) == NOW_MS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rises_with_a_clock_that_stops_and_turns_back),
        cmocka_unit_test(a_full_millisecond_borrows_the_next),
        cmocka_unit_test(resumes_above_what_others_gave),
        cmocka_unit_test(stays_within_what_is_reserved),
        cmocka_unit_test(never_zero),
        cmocka_unit_test(moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
