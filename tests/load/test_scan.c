/* load/test_scan.c - what the load client reads and counts with */
#include "load/scan.h"
#include "load/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char page[] =
    "{\"cursor\":\"3.12\",\"events\":[{\"i\":11,\"t\":\"message\",\"seq\":7,\"key\":\"K1\"},"
    "{\"i\":12,\"t\":\"mark\"}],\"more\":false}";

static void test_words_and_numbers(void **state)
{
    uint64_t n;

    (void)state;
    assert_true(scan_number(TEXT(page), "seq", &n));
    assert_int_equal(n, 7);
    assert_false(scan_number(TEXT(page), "cursor", &n));
    assert_false(scan_number(TEXT("{\"seq\":"), "seq", &n));
    assert_true(text_equal(scan_word(TEXT(page), "cursor"), TEXT("3.12")));
    assert_int_equal(scan_word(TEXT(page), "i").bytes, 0);
    assert_int_equal(scan_word(TEXT("{\"key\":\"cut"), "key").bytes, 0);
}

static void test_pieces(void **state)
{
    struct text rest = TEXT(page), piece;
    uint64_t i;

    (void)state;
    piece = scan_piece(&rest, "{\"i\":");
    assert_true(scan_number(piece, "i", &i) && i == 11);
    assert_int_equal(scan_digits((struct text){ "12345", 3 }, 10), 123);
    assert_int_equal(scan_digits(TEXT("1aF\r\n"), 16), 0x1af);
    assert_int_equal(scan_digits(TEXT("1a"), 10), 1);
    assert_int_equal(scan_digits(TEXT(""), 10), 0);
    assert_true(text_equal(scan_word(piece, "key"), TEXT("K1")));
    piece = scan_piece(&rest, "{\"i\":");
    assert_true(scan_number(piece, "i", &i) && i == 12);
    assert_int_equal(scan_word(piece, "key").bytes, 0);
    assert_int_equal(scan_piece(&rest, "{\"i\":").bytes, 0);
}

static void test_tally(void **state)
{
    struct tally *t = calloc(1, sizeof *t), *both = calloc(1, sizeof *both);

    (void)state;
    assert_non_null(t);
    assert_non_null(both);
    assert_true(tally_ms(t, 0.5) == 0);
    for (uint64_t us = 1; us <= 1000; us++)
        tally_add(t, us * 1000);
    tally_add(both, UINT64_MAX / 2);
    tally_join(both, t);
    assert_int_equal(both->count, 1001);
    /* Steps are 1/32 of their number: 3 %, downwards. */
    assert_true(tally_ms(t, 0.5) > 0.501 * 0.96 && tally_ms(t, 0.5) <= 0.501);
    assert_true(tally_ms(t, 0.99) > 0.991 * 0.96 && tally_ms(t, 0.99) <= 0.991);
    assert_true(tally_ms(both, 1.0) > tally_ms(t, 1.0));
    free(t);
    free(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_and_numbers),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_tally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
