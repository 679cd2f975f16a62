/* unit/api/test_limiter.c - buckets: how often, whose, and when again */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "api/limiter.h"
#include "base/secret.h"
#include <cmocka.h>
#include <time.h>

static struct limiter *made(struct loop **l, const char *settings)
{
    struct config c;
    struct config_error why;

    secret_init();
    assert_int_equal(config_parse(&c, settings, strlen(settings), &why), ERR_OK);
    *l = loop_new();
    loop_wait(*l, false);
    return limiter_new(*l, &c);
}

static void test_each_has_a_bucket(void **state)
{
    struct loop *l;
    struct limiter *m = made(&l, "[limits]\nlogins_per_minute = 3\nregistrations_per_hour = 1\n");
    uint32_t wait_ms = 0;

    (void)state;
    for (int n = 0; n < 3; n++)
        assert_int_equal(limiter_take(m, LIMITER_LOGIN, TEXT("ada"), &wait_ms), ERR_OK);
    assert_int_equal(limiter_take(m, LIMITER_LOGIN, TEXT("ada"), &wait_ms), ERR_RATE_LIMITED);
    assert_in_range(wait_ms, 19000, 20001);
    assert_int_equal(limiter_take(m, LIMITER_LOGIN, TEXT("bob"), &wait_ms), ERR_OK);
    assert_int_equal(limiter_take(m, LIMITER_REGISTER, TEXT("ada"), &wait_ms), ERR_OK);
    assert_int_equal(limiter_take(m, LIMITER_REGISTER, TEXT("ada"), &wait_ms), ERR_RATE_LIMITED);
    assert_in_range(wait_ms, 3599000, 3600001);
    limiter_free(&m);
    loop_free(&l);
}

static void test_none(void **state)
{
    struct loop *l;
    struct limiter *m = made(&l, "[limits]\nsends_per_second = 0\n");
    uint32_t wait_ms;

    (void)state;
    for (int n = 0; n < 5000; n++)
        assert_int_equal(limiter_take(m, LIMITER_SEND, TEXT("ada"), &wait_ms), ERR_OK);
    limiter_free(&m);
    loop_free(&l);
}

static void test_time_fills_it(void **state)
{
    struct loop *l;
    struct limiter *m = made(&l, "[limits]\nsends_per_second = 20\n");
    uint32_t wait_ms;

    (void)state;
    for (int n = 0; n < 80; n++) /* four times as many at once */
        assert_int_equal(limiter_take(m, LIMITER_SEND, TEXT("ada"), &wait_ms), ERR_OK);
    assert_int_equal(limiter_take(m, LIMITER_SEND, TEXT("ada"), &wait_ms), ERR_RATE_LIMITED);
    assert_in_range(wait_ms, 1, 51);
    nanosleep(&(struct timespec){ .tv_nsec = 60 * 1000 * 1000 }, NULL);
    loop_wait(l, false);
    assert_int_equal(limiter_take(m, LIMITER_SEND, TEXT("ada"), &wait_ms), ERR_OK);
    limiter_free(&m);
    loop_free(&l);
}

/* One kind has its own, however much another is used. */
static void test_typing(void **state)
{
    struct loop *l;
    struct limiter *m = made(&l, "[limits]\ntyping_ms = 3000\n");
    uint32_t wait_ms = 0;

    (void)state;
    assert_int_equal(limiter_take(m, LIMITER_TYPING, TEXT("ada"), &wait_ms), ERR_OK);
    assert_int_equal(limiter_take(m, LIMITER_TYPING, TEXT("ada"), &wait_ms), ERR_RATE_LIMITED);
    assert_in_range(wait_ms, 2900, 3001);
    assert_int_equal(limiter_take(m, LIMITER_TYPING, TEXT("bob"), &wait_ms), ERR_OK);
    assert_int_equal(limiter_take(m, LIMITER_SEND, TEXT("ada"), &wait_ms), ERR_OK);
    limiter_free(&m);
    loop_free(&l);
    m = made(&l, "[limits]\ntyping_ms = 0\n");
    for (int n = 0; n < 100; n++)
        assert_int_equal(limiter_take(m, LIMITER_TYPING, TEXT("ada"), &wait_ms), ERR_OK);
    limiter_free(&m);
    loop_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_has_a_bucket), cmocka_unit_test(test_none),
                                        cmocka_unit_test(test_typing), cmocka_unit_test(test_time_fills_it) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
