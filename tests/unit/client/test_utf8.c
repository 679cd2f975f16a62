/* unit/client/test_utf8.c - UTF-8: what is text and what is not */
#include "lib/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void text_is_text(void **state)
{
    static const char *const good[] = {
        "",
        "plain",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "a\xe2\x82\xac!",
    };
    (void)state;
    for (size_t n = 0; n < sizeof good / sizeof good[0]; n++)
        assert_true(utf8_is_text(good[n], strlen(good[n])));
    assert_true(utf8_is_text("a\0b", 3));
}

static void the_rest_is_not(void **state)
{
    static const char *const bad[] = {
        "\x80", /* a tail without a beginning */
        "\xc0\x80", /* overlong */
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80", /* half a surrogate pair */
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80", /* beyond the last code point */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xe2\x82", /* cut */
        "\xe2\x82!",
        "\xc2\xc2\x80",
        "\xf0\x90\x80",
    };
    (void)state;
    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++)
        assert_false(utf8_is_text(bad[n], strlen(bad[n])));
    assert_false(utf8_is_text("\xe2\x82\xac", 2)); /* what lies behind the end does not count */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_text),
        cmocka_unit_test(the_rest_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
