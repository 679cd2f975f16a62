/* unit/model/test_key.c - ULIDs as idempotency keys */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "limits.h"
#include "model/key.h"
#include <cmocka.h>

static void there_and_back(void **state)
{
    static const char *const good[] = { "00000000000000000000000000", "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                                        "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "00000000000000000000000001",
                                        "0123456789ABCDEFGHJKMNPQRS", "10000000000000000000000000" };
    char text[KEY_TEXT_BYTES + 1];
    struct key k, lower;

    (void)state;
    for (size_t n = 0; n < sizeof good / sizeof *good; n++) {
        assert_int_equal(key_parse(text_of(good[n]), &k), ERR_OK);
        key_print(k, text);
        assert_string_equal(text, good[n]);
    }
    /* the time of the specification's own example */
    assert_int_equal(key_parse(TEXT("01ARZ3NDEKTSV4RRFFQ69G5FAV"), &k), ERR_OK);
    assert_true(key_unix_ms(k) == 1469922850259ull);
    assert_int_equal(key_parse(TEXT("01arz3ndektsv4rrffq69g5fav"), &lower), ERR_OK);
    assert_true(k.high == lower.high && k.low == lower.low);
    assert_int_equal(key_parse(TEXT("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), &k), ERR_OK);
    assert_true(k.high == UINT64_MAX && k.low == UINT64_MAX);
}

static void refused(void **state)
{
    static const char *const bad[] = { "",
                                       "01ARZ3NDEKTSV4RRFFQ69G5FA",
                                       "01ARZ3NDEKTSV4RRFFQ69G5FAVX",
                                       "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
                                       "0IARZ3NDEKTSV4RRFFQ69G5FAV",
                                       "0LARZ3NDEKTSV4RRFFQ69G5FAV",
                                       "0OARZ3NDEKTSV4RRFFQ69G5FAV",
                                       "0UARZ3NDEKTSV4RRFFQ69G5FAV",
                                       "0-ARZ3NDEKTSV4RRFFQ69G5FAV",
                                       "01ARZ3NDEKTSV4RRFFQ69G5FA ",
                                       "01ARZ3NDEKTSV4RRFFQ69G5\xc3\xa9X" };
    struct key k;

    (void)state;
    for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) {
        assert_int_equal(key_parse(text_of(bad[n]), &k), ERR_OUT_OF_RANGE);
        assert_true(k.high == 0 && k.low == 0);
    }
    assert_int_equal(key_parse((struct text){ "0\0ARZ3NDEKTSV4RRFFQ69G5FAV", 26 }, &k), ERR_OUT_OF_RANGE);
}

static void the_window_holds_to_the_millisecond(void **state)
{
    const uint64_t now = 1800000000000u, back = LIMIT_KEY_WINDOW_DAYS * 86400000ull;
    struct {
        uint64_t at;
        enum err want;
    } const cases[] = {
        { now, ERR_OK },
        { now - back, ERR_OK },
        { now - back - 1, ERR_STALE_KEY },
        { now + LIMIT_KEY_AHEAD_MS, ERR_OK },
        { now + LIMIT_KEY_AHEAD_MS + 1, ERR_STALE_KEY },
        { 0, ERR_STALE_KEY },
        { (1ull << 48) - 1, ERR_STALE_KEY },
    };

    (void)state;
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        struct key k = { .high = cases[n].at << 16 | 0xffff, .low = UINT64_MAX };
        assert_int_equal(key_check(k, now), cases[n].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(there_and_back), cmocka_unit_test(refused),
                                        cmocka_unit_test(the_window_holds_to_the_millisecond) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
