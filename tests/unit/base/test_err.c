/* unit/base/test_err.c - the table of outcomes: clients switch on these words */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/err.h"
#include <cmocka.h>
#include <ctype.h>
#include <string.h>

static void every_row_is_whole(void **state)
{
    (void)state;
    for (int k = 0; k < ERR_COUNT; k++) {
        enum err err = (enum err)k;
        assert_true(err_status(err) >= 200 && err_status(err) <= 599);
        assert_true(strlen(err_title(err)) > 1);
        for (const char *c = err_code(err); *c; c++)
            assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
        for (int other = 0; other < k; other++)
            assert_string_not_equal(err_code(err), err_code((enum err)other));
        if (err_status(err) == 503 || err_status(err) == 429)
            assert_true(err_may_retry(err));
    }
}

static void words_of_the_contract(void **state)
{
    (void)state;
    assert_string_equal(err_code(ERR_KEY_REUSED), "key_reused");
    assert_int_equal(err_status(ERR_KEY_REUSED), 409);
    assert_string_equal(err_code(ERR_STALE_KEY), "stale_key");
    assert_int_equal(err_status(ERR_STALE_KEY), 422);
    assert_string_equal(err_code(ERR_RESYNC), "resync");
    assert_int_equal(err_status(ERR_RESYNC), 410);
    assert_string_equal(err_code(ERR_NOT_FOUND), "not_found");
    assert_false(err_may_retry(ERR_NOT_FOUND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(words_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
