/* unit/model/test_id.c - decimal ids, and nothing that merely looks like one */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "model/id.h"
#include <cmocka.h>

static void there_and_back(void **state)
{
    static const uint64_t ids[] = { 1, 9, 10, 7311482000000000000u, INT64_MAX };
    char text[ID_TEXT_MAX];
    uint64_t id;

    (void)state;
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
        id_print(ids[k], text);
        assert_true(id_parse(text_of(text), &id));
        assert_true(id == ids[k]);
    }
    id_print(UINT64_MAX, text);
    assert_string_equal(text, "18446744073709551615");
}

static void refused(void **state)
{
    static const char *const bad[] = { "",
                                       "0",
                                       "01",
                                       "-1",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1.0",
                                       "1e3",
                                       "0x1",
                                       "a",
                                       "1a",
                                       "9223372036854775808",
                                       "9999999999999999999",
                                       "18446744073709551616",
                                       "10000000000000000000" };
    uint64_t id = 42;

    (void)state;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        assert_false(id_parse(text_of(bad[k]), &id));
    assert_false(id_parse((struct text){ "1\0"
                                         "2",
                                         3 },
                          &id));
    assert_false(id_parse((struct text){ NULL, 0 }, &id));
    assert_true(id == 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(there_and_back), cmocka_unit_test(refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
