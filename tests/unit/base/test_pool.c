/* unit/base/test_pool.c - blocks come back to those who want as much, and never to two at once */
#include "base/pool.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SOME_BYTES = 100, COUNT = 64 };

static void test_again(void **state)
{
    struct pool p;
    char *one, *two;

    (void)state;
    pool_init(&p, 4096);
    one = pool_take(&p, SOME_BYTES);
    memset(one, 7, SOME_BYTES);
    pool_give(&p, one);
    two = pool_take_zeroed(&p, SOME_BYTES - 1);
    for (int k = 0; k < SOME_BYTES - 1; k++)
        assert_int_equal(two[k], 0);
    if (POOL_KEEPS)
        assert_ptr_equal(one, two);
    assert_int_equal(p.bytes, 0);
    free(two); /* is malloc's */
    pool_give(&p, malloc(SOME_BYTES));
    pool_give(&p, NULL);
    pool_fini(&p);
}

/* Whatever size was asked for, there is room for it, and what is used is nobody else's. */
static void test_every_size(void **state)
{
    struct pool p;
    unsigned char *block[COUNT];

    (void)state;
    pool_init(&p, 1024 * 1024);
    for (int round = 0; round < 2; round++) {
        for (size_t bytes = 1; bytes <= 2 * POOL_BLOCK_BYTES_MAX; bytes++) {
            for (size_t k = 0; k < 3; k++)
                memset(block[k] = pool_take(&p, bytes + k), (int)(bytes + k) & 0xff, bytes + k);
            for (size_t k = 0; k < 3; k++) {
                for (size_t at = 0; at < bytes + k; at++)
                    assert_int_equal(block[k][at], (bytes + k) & 0xff);
                pool_give(&p, block[k]);
            }
        }
    }
    assert_true(p.bytes < 1024 * 1024);
    pool_fini(&p);
}

static void test_bound(void **state)
{
    struct pool p;
    void *block[COUNT];

    (void)state;
    pool_init(&p, 1000);
    for (int k = 0; k < COUNT; k++)
        block[k] = pool_take(&p, SOME_BYTES);
    for (int k = 0; k < COUNT; k++)
        pool_give(&p, block[k]);
    assert_true(p.bytes <= 1000);
    if (POOL_KEEPS)
        assert_true(p.bytes > 1000 - 2 * SOME_BYTES);
    pool_give(&p, pool_take(&p, 2 * POOL_BLOCK_BYTES_MAX)); /* too large to be kept */
    pool_fini(&p);
    assert_int_equal(p.bytes, 0);
    pool_give(&p, pool_take(&p, SOME_BYTES)); /* all zero: keeps nothing */
    assert_int_equal(p.bytes, 0);
}

/* What was wanted meanwhile stays, what was not goes. */
static void test_trim(void **state)
{
    struct pool p;
    void *block[4];

    (void)state;
    pool_init(&p, 4096);
    for (int k = 0; k < 4; k++)
        block[k] = pool_take(&p, SOME_BYTES);
    for (int k = 0; k < 4; k++)
        pool_give(&p, block[k]);
    size_t all = p.bytes;
    pool_trim(&p);
    assert_int_equal(p.bytes, all); /* it was not there yet */
    block[0] = pool_take(&p, SOME_BYTES);
    pool_give(&p, block[0]);
    pool_trim(&p);
    assert_int_equal(p.bytes, all / 4);
    pool_trim(&p);
    assert_int_equal(p.bytes, 0);
    pool_give(&p, pool_take(&p, SOME_BYTES));
    pool_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_again), cmocka_unit_test(test_every_size),
                                        cmocka_unit_test(test_bound), cmocka_unit_test(test_trim) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
