/* unit/model/test_cursor.c - one spelling for each place */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "model/cursor.h"
#include <cmocka.h>

static void there_and_back(void **state)
{
    static const char *const good[] = { "now", "0.0", "3.1045",
                                        "1.0", "0.7", "9007199254740991.9007199254740991" };
    char text[CURSOR_TEXT_MAX];
    struct cursor c;

    (void)state;
    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        assert_int_equal(cursor_parse(text_of(good[k]), &c), ERR_OK);
        assert_int_equal(c.is_now, k == 0);
        cursor_print(&c, text);
        assert_string_equal(text, good[k]);
    }
    assert_int_equal(cursor_parse(TEXT("3.1045"), &c), ERR_OK);
    assert_int_equal(c.timeline, 3);
    assert_int_equal(c.i.n, 1045);
}

static void the_longest_fits(void **state)
{
    struct cursor c = { .timeline = UINT64_MAX, .i = { UINT64_MAX } };
    char text[CURSOR_TEXT_MAX];

    (void)state;
    cursor_print(&c, text);
    assert_string_equal(text, "18446744073709551615.18446744073709551615");
}

static void refused(void **state)
{
    static const char *const bad[] = { "",
                                       ".",
                                       "3",
                                       "3.",
                                       ".3",
                                       "3.1045 ",
                                       " 3.1045",
                                       "+3.1",
                                       "-3.1",
                                       "3.-1",
                                       "03.1",
                                       "3.01",
                                       "3.1.1",
                                       "3,1",
                                       "Now",
                                       "now ",
                                       "9007199254740992.1",
                                       "1.9007199254740992",
                                       "1.18446744073709551617",
                                       "00.1",
                                       "1e3.1",
                                       "0x1.1" };
    struct cursor c;

    (void)state;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        c = (struct cursor){ .timeline = 7 };
        assert_int_equal(cursor_parse(text_of(bad[k]), &c), ERR_BAD_CURSOR);
        assert_int_equal(c.timeline, 0);
        assert_false(c.is_now);
    }
    assert_int_equal(cursor_parse((struct text){ "3.1\0"
                                                 "4",
                                                 5 },
                                  &c),
                     ERR_BAD_CURSOR);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(there_and_back), cmocka_unit_test(the_longest_fits),
                                        cmocka_unit_test(refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
