/* unit/model/test_handle.c - the same name for all who type it, and no two that look like one */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "model/handle.h"
#include <cmocka.h>

static void one_spelling(void **state)
{
    static const char *const same[][2] = {
        { "anna", "anna" },
        { "Anna", "anna" },
        { "ANNA.b_c-9", "anna.b_c-9" },
        { "\xef\xbc\xa1\xef\xbd\x8e\xef\xbd\x8e\xef\xbd\x81", "anna" }, /* full width */
        { "\xf0\x9d\x90\x80nna", "anna" }, /* mathematical bold */
        { "Stra\xc3\x9f"
          "e",
          "strasse" },
        { "A\xcc\x88rger", "\xc3\xa4rger" }, /* combining diaeresis */
        { "\xc3\x84rger", "\xc3\xa4rger" },
        { "\xef\xac\x81n", "fin" }, /* ligature */
        { "\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0", "\xd0\xb0\xd0\xbd\xd0\xbd\xd0\xb0" },
        { "\xce\xa3\xce\x91\xce\xa3", "\xcf\x83\xce\xb1\xcf\x83" }, /* final sigma */
        { "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c" }, /* Hangul jamo */
        { "\xe6\x9d\x8e\xe5\xb0\x8f\xe9\xbe\x99", "\xe6\x9d\x8e\xe5\xb0\x8f\xe9\xbe\x99" },
        { "7", "7" },
    };
    char into[LIMIT_HANDLE_BYTES + 1];

    (void)state;
    for (size_t k = 0; k < sizeof same / sizeof *same; k++) {
        assert_int_equal(handle_canonical(text_of(same[k][0]), into), ERR_OK);
        assert_string_equal(into, same[k][1]);
    }
}

static void refused(void **state)
{
    static const char *const bad[] = {
        "",
        ".anna",
        "anna.",
        "-",
        "_a",
        "a-",
        "an na",
        "anna@b",
        "a/b",
        "anna\n",
        "\x7f",
        "a\xe2\x80\x8b"
        "b",
        "a\xe2\x80\x8d"
        "b", /* zero width joiner */
        "anna\xef\xb8\x8f", /* variation selector */
        "an\xcd\x8fna", /* grapheme joiner */
        "\xe3\x85\xa4", /* Hangul filler */
        "\xe2\x80\xae"
        "anna", /* right to left override */
        "\xf0\x9f\x98\x80", /* emoji */
        "\xcc\x88"
        "a",
        "a.\xcc\x88"
        "b", /* marks on no letter */
        "\xc3",
        "\xc0\xaf",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "a\xff", /* not UTF-8 */
        "\xcd\xb8", /* not assigned */
        "\xee\x80\x80", /* private use */
        "\xe2\x85\xa7.", /* VIII, then a point */
    };
    char into[LIMIT_HANDLE_BYTES + 1];

    (void)state;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        if (handle_canonical(text_of(bad[k]), into) != ERR_OUT_OF_RANGE)
            fail_msg("row %zu was taken as \"%s\"", k, into);
        assert_string_equal(into, "");
    }
    assert_int_equal(handle_canonical((struct text){ "a\0b", 3 }, into), ERR_OUT_OF_RANGE);
}

static void the_bound_counts_canonical_bytes(void **state)
{
    char typed[1000] = "", into[LIMIT_HANDLE_BYTES + 1];

    (void)state;
    memset(typed, 'x', 65);
    assert_int_equal(handle_canonical((struct text){ typed, 64 }, into), ERR_OK);
    assert_int_equal(strlen(into), 64);
    assert_int_equal(handle_canonical((struct text){ typed, 65 }, into), ERR_OUT_OF_RANGE);
    for (int k = 0; k < 65; k++)
        memcpy(typed + 4 * k, "\xf0\x9d\x90\x80", 4);
    assert_int_equal(handle_canonical((struct text){ typed, 256 }, into), ERR_OK);
    assert_int_equal(strlen(into), 64);
    assert_int_equal(handle_canonical((struct text){ typed, 260 }, into), ERR_OUT_OF_RANGE);
    /* one ligature of three bytes that becomes eighteen letters */
    for (int k = 0; k < 10; k++)
        memcpy(typed + 3 * k, "\xef\xb7\xba", 3);
    assert_int_equal(handle_canonical((struct text){ typed, 30 }, into), ERR_OUT_OF_RANGE);
}

static size_t put_char(char *into, unsigned c)
{
    if (c < 0x80) {
        into[0] = (char)c;
        return 1;
    }
    size_t bytes = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t k = bytes - 1; k > 0; k--, c >>= 6)
        into[k] = (char)(0x80 | (c & 63));
    into[0] = (char)((0xf00u >> bytes & 0xff) | c);
    return bytes;
}

/* Every code point, behind a letter that marks can stand on: what comes out comes out again. */
static void canonical_stays_canonical(void **state)
{
    char once[LIMIT_HANDLE_BYTES + 1], twice[LIMIT_HANDLE_BYTES + 1], typed[8];
    unsigned taken = 0;

    (void)state;
    for (unsigned c = 1; c <= 0x10ffff; c++) {
        typed[0] = 'a';
        size_t bytes = 1 + put_char(typed + 1, c);
        enum err err = handle_canonical((struct text){ typed, bytes }, once);
        if (c >= 0xd800 && c <= 0xdfff)
            assert_int_equal(err, ERR_OUT_OF_RANGE);
        if (err)
            continue;
        taken++;
        assert_int_equal(handle_canonical(text_of(once), twice), ERR_OK);
        assert_string_equal(once, twice);
    }
    assert_in_range(taken, 120000, 160000);
}

static void passwords_compare_however_typed(void **state)
{
    char a[LIMIT_PASSWORD_BYTES + 1], b[LIMIT_PASSWORD_BYTES + 1], typed[600];

    (void)state;
    assert_int_equal(handle_password(TEXT("p\xc3\xa4ssword"), a), ERR_OK);
    assert_int_equal(handle_password(TEXT("pa\xcc\x88ssword"), b), ERR_OK);
    assert_string_equal(a, b);
    assert_int_equal(handle_password(TEXT("Password"), a), ERR_OK);
    assert_string_equal(a, "Password");
    assert_int_equal(handle_password(TEXT("pass wo \xf0\x9f\x98\x80"), a), ERR_OK);
    assert_int_equal(handle_password(TEXT("1234567"), a), ERR_OUT_OF_RANGE);
    assert_string_equal(a, "");
    assert_int_equal(handle_password((struct text){ "1234\0"
                                                    "5678",
                                                    9 },
                                     a),
                     ERR_OUT_OF_RANGE);
    assert_int_equal(handle_password(TEXT("12345678\xff"), a), ERR_OUT_OF_RANGE);
    memset(typed, 'p', sizeof typed);
    assert_int_equal(handle_password((struct text){ typed, 128 }, a), ERR_OK);
    assert_int_equal(strlen(a), 128);
    assert_int_equal(handle_password((struct text){ typed, 129 }, a), ERR_OUT_OF_RANGE);
    assert_int_equal(handle_password((struct text){ typed, 600 }, a), ERR_OUT_OF_RANGE);
    assert_int_equal(handle_password((struct text){ NULL, 0 }, a), ERR_OUT_OF_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_spelling),
        cmocka_unit_test(refused),
        cmocka_unit_test(the_bound_counts_canonical_bytes),
        cmocka_unit_test(canonical_stays_canonical),
        cmocka_unit_test(passwords_compare_however_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
