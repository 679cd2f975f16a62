/* unit/base/test_buf.c - growing up to the bound and not a byte further */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/buf.h"
#include <cmocka.h>

static void grows_and_keeps_what_it_holds(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100000);
    for (int k = 0; k < 5000; k++)
        buf_printf(&b, "%d,", k % 10);
    assert_int_equal(b.bytes, 10000);
    assert_false(b.overflowed);
    for (size_t k = 0; k < 5000; k++)
        assert_int_equal(b.at[2 * k], '0' + (int)(k % 10));
    buf_drop(&b, 2);
    assert_int_equal(b.at[0], '1');
    assert_int_equal(b.bytes, 9998);
    buf_drop(&b, 9998);
    assert_int_equal(b.bytes, 0);
    buf_fini(&b);
}

static void the_bound_holds_to_the_byte(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    buf_put(&b, "1234567890", 10);
    assert_false(b.overflowed);
    assert_int_equal(b.bytes, 10);
    buf_drop(&b, 10);
    buf_put(&b, "12345678", 8);
    buf_printf(&b, "%d", 90);
    assert_false(b.overflowed);
    assert_true(text_equal(buf_text(&b), TEXT("1234567890")));
    buf_put(&b, NULL, 0);
    assert_false(b.overflowed);
    buf_printf(&b, "%c", 'x');
    assert_true(b.overflowed);
    assert_true(text_equal(buf_text(&b), TEXT("1234567890")));
    assert_null(buf_reserve(&b, 0));
    buf_fini(&b);
}

static void what_comes_after_an_overflow_is_refused(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 300);
    buf_put_text(&b, TEXT("head"));
    buf_printf(&b, "%0400d", 1);
    assert_true(b.overflowed);
    buf_put_text(&b, TEXT("x"));
    buf_printf(&b, "x");
    assert_true(text_equal(buf_text(&b), TEXT("head")));
    buf_fini(&b);
}

static void printf_longer_than_the_free_room(void **state)
{
    struct buf b;

    (void)state;
    for (int bytes = 250; bytes < 262; bytes++) {
        buf_init(&b, 1000);
        buf_printf(&b, "%0*d", bytes, 7);
        buf_printf(&b, "%s", "end");
        assert_int_equal(b.bytes, bytes + 3);
        assert_memory_equal(b.at + bytes - 1, "7end", 4);
        buf_fini(&b);
    }
}

static void reserved_bytes_count_when_added(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    memcpy(buf_reserve(&b, 600), "abc", 3);
    assert_int_equal(b.bytes, 0);
    buf_added(&b, 3);
    assert_true(text_equal(buf_text(&b), TEXT("abc")));
    assert_null(buf_reserve(&b, 998));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps_what_it_holds),
        cmocka_unit_test(the_bound_holds_to_the_byte),
        cmocka_unit_test(what_comes_after_an_overflow_is_refused),
        cmocka_unit_test(printf_longer_than_the_free_room),
        cmocka_unit_test(reserved_bytes_count_when_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
