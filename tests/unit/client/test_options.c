/* unit/client/test_options.c - the command line: options, suggestions, text made safe */
#include "cli/command.h"
#include "cli/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READ(o, why, ...)                                                                                    \
    options_read(o, (int)(sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)), (char *[]){ __VA_ARGS__ },    \
                 why, sizeof why)

static void options_stand_anywhere(void **state)
{
    struct options o;
    char why[200];
    (void)state;
    assert_true(READ(&o, why, "posthorn", "--server", "https://a", "send", "-j", "alice", "--wait=5", "hi",
                     "--", "-x"));
    assert_string_equal(o.value[OPTION_SERVER], "https://a");
    assert_string_equal(o.value[OPTION_WAIT], "5");
    assert_true(o.is_set[OPTION_JSON]);
    assert_int_equal(o.count, 4);
    assert_string_equal(o.arguments[0], "send");
    assert_string_equal(o.arguments[3], "-x");
    assert_true(READ(&o, why, "posthorn", "send", "alice", "-"));
    assert_string_equal(o.arguments[2], "-");
}

static void mistakes_are_named(void **state)
{
    struct options o;
    char why[200];
    (void)state;
    assert_false(READ(&o, why, "posthorn", "--sever", "x"));
    assert_non_null(strstr(why, "did you mean --server?"));
    assert_false(READ(&o, why, "posthorn", "--server"));
    assert_non_null(strstr(why, "--server URL"));
    assert_false(READ(&o, why, "posthorn", "--ca="));
    assert_false(READ(&o, why, "posthorn", "--json=yes"));
    assert_false(READ(&o, why, "posthorn", "--ca", "a", "--ca", "b"));
    assert_non_null(strstr(why, "twice"));
    assert_false(READ(&o, why, "posthorn", "-z"));
    char word[] = "x", *many[OPTIONS_ARGUMENTS_MOST + 2];
    for (size_t n = 0; n < OPTIONS_ARGUMENTS_MOST + 2; n++)
        many[n] = word;
    assert_true(options_read(&o, OPTIONS_ARGUMENTS_MOST + 1, many, why, sizeof why));
    assert_false(options_read(&o, OPTIONS_ARGUMENTS_MOST + 2, many, why, sizeof why));
}

static void a_command_takes_its_own_options_only(void **state)
{
    struct options o;
    char why[200];
    (void)state;
    assert_true(READ(&o, why, "posthorn", "--json", "--limit", "3", "history", "alice"));
    assert_int_equal(options_stray(&o, command_find("history")->options), OPTION_NONE);
    assert_int_equal(options_stray(&o, command_find("send")->options), OPTION_LIMIT);
}

static void mistyped_commands_find_theirs(void **state)
{
    (void)state;
    assert_string_equal(command_like("sned"), "send");
    assert_string_equal(command_like("lsiten"), "listen");
    assert_string_equal(command_like("conv"), "conversations");
    assert_string_equal(command_like("tail"), "listen");
    assert_null(command_like("xyzzy"));
    assert_null(command_find("sned"));
    for (size_t n = 0; command_at(n); n++) {
        const struct command *k = command_at(n);
        assert_ptr_equal(command_find(k->name), k);
        assert_true(k->least <= k->most && *k->summary && *k->examples);
    }
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("abc", ""), 3);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_int_equal(text_distance("ab", "ba"), 1);
    assert_int_equal(text_distance("0123456789012345678901234567890123", "x"), 99);
}

static void expect_safe(const char *from, const char *to)
{
    char *safe = text_safe(from, 2);
    assert_string_equal(safe, to);
    free(safe);
}

static void others_can_not_move_the_cursor(void **state)
{
    (void)state;
    expect_safe("plain ünïcödé 안녕 👩‍👩‍👧", "plain ünïcödé 안녕 👩‍👩‍👧");
    expect_safe("\033[2J\033]0;title\a", "\xef\xbf\xbd[2J\xef\xbf\xbd]0;title\xef\xbf\xbd");
    expect_safe("a\r\bb\177", "a\xef\xbf\xbd\xef\xbf\xbd"
                              "b\xef\xbf\xbd");
    expect_safe("\xc2\x9b"
                "31m",
                "\xef\xbf\xbd"
                "31m");
    expect_safe("\xe2\x80\xae"
                "evil",
                "\xef\xbf\xbd"
                "evil");
    expect_safe("two\nlines\ttab", "two\n  lines\ttab");
    expect_safe("\xff\xc0\xaf\xed\xa0\x80",
                "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    expect_safe("cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd");
}

static void numbers(void **state)
{
    unsigned long n;
    (void)state;
    assert_true(text_number("200", 1, 200, &n));
    assert_int_equal(n, 200);
    assert_false(text_number("201", 1, 200, &n));
    assert_false(text_number("0", 1, 200, &n));
    assert_false(text_number("", 0, 200, &n));
    assert_false(text_number("1x", 0, 200, &n));
    assert_false(text_number("-1", 0, 200, &n));
    assert_false(text_number("99999999999999999999", 0, 200, &n));
    assert_true(text_is_id("18446744073709551615"));
    assert_false(text_is_id("123456789012345678901"));
    assert_false(text_is_id("12a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(a_command_takes_its_own_options_only),
        cmocka_unit_test(mistyped_commands_find_theirs),
        cmocka_unit_test(distances),
        cmocka_unit_test(others_can_not_move_the_cursor),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
