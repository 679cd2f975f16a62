/* unit/api/test_query.c - the part of a URL behind the question mark */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "api/query.h"
#include <cmocka.h>

struct asked {
    struct arena arena;
    struct call_param params[4];
    const char *name;
};

static enum err read_query(struct asked *a, const char *query)
{
    arena_fini(&a->arena);
    *a = (struct asked){ .params = { { .name = "text" },
                                     { .name = "wait", .is_number = true, .most = 55, .number = 3 },
                                     { .name = "must", .is_required = true } } };
    return query_read(text_of(query), &a->arena, a->params, &a->name);
}

static void test_good(void **state)
{
    struct asked a = { 0 };

    (void)state;
    assert_int_equal(read_query(&a, "must=1"), ERR_OK);
    assert_null(a.params[0].text.at);
    assert_int_equal(a.params[1].number, 3); /* what it is when not there */
    assert_int_equal(read_query(&a, "&text=a%2Bb+c%C3%BC&&wait=55&must="), ERR_OK);
    assert_true(text_equal(a.params[0].text, TEXT("a+b c\xc3\xbc")));
    assert_int_equal(a.params[1].number, 55);
    assert_int_equal(a.params[2].text.bytes, 0);
    assert_int_equal(read_query(&a, "%6dust=x=y"), ERR_OK);
    assert_true(text_equal(a.params[2].text, TEXT("x=y")));
    assert_int_equal(read_query(&a, "must"), ERR_OK);
    arena_fini(&a.arena);
}

static void test_bad(void **state)
{
    static const struct {
        const char *query;
        enum err err;
        const char *name;
    } bad[] = {
        { "", ERR_MISSING_FIELD, "must" },
        { "text=1", ERR_MISSING_FIELD, "must" },
        { "must=1&must=1", ERR_DUPLICATE_FIELD, "must" },
        { "must=1&other=1", ERR_UNKNOWN_FIELD, "other" },
        { "must=1&Text=1", ERR_UNKNOWN_FIELD, "Text" },
        { "must=1&wait=56", ERR_OUT_OF_RANGE, "wait" },
        { "must=1&wait=", ERR_BAD_TYPE, "wait" },
        { "must=1&wait=-1", ERR_BAD_TYPE, "wait" },
        { "must=1&wait=1x", ERR_BAD_TYPE, "wait" },
        { "must=1&wait=1234567890123456789", ERR_BAD_TYPE, "wait" },
        { "must=%", ERR_OUT_OF_RANGE, "must" },
        { "must=%4", ERR_OUT_OF_RANGE, "must" },
        { "must=%4g", ERR_OUT_OF_RANGE, "must" },
        { "must=%00", ERR_OUT_OF_RANGE, "must" },
        { "must=%ff", ERR_OUT_OF_RANGE, "must" },
        { "must=1&%ff=1", ERR_OUT_OF_RANGE, NULL },
        { "must=1&=1", ERR_UNKNOWN_FIELD, "" },
    };
    struct asked a = { 0 };

    (void)state;
    for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) {
        assert_int_equal(read_query(&a, bad[n].query), bad[n].err);
        if (bad[n].name)
            assert_string_equal(a.name, bad[n].name);
    }
    arena_fini(&a.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_good), cmocka_unit_test(test_bad) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
