/* unit/net/test_utf8.c - UTF-8 in pieces, held against every character that there is */
#include "net/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* What characters are made of, by encoding all of them: which two and three bytes can begin one or be one. */
struct known {
    bool one[256], two[256 * 256];
    uint8_t three[256 * 256 * 256 / 8];
};

static size_t encode(uint32_t c, uint8_t into[4])
{
    if (c < 0x80)
        return into[0] = (uint8_t)c, 1;
    if (c < 0x800)
        return into[0] = (uint8_t)(0xc0 | c >> 6), into[1] = (uint8_t)(0x80 | (c & 63)), 2;
    if (c < 0x10000) {
        into[0] = (uint8_t)(0xe0 | c >> 12);
        into[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        into[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    into[0] = (uint8_t)(0xf0 | c >> 18);
    into[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    into[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    into[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

static bool put(struct utf8 *u, const uint8_t *at, size_t bytes)
{
    return utf8_put(u, (struct text){ (const char *)at, bytes });
}

static bool is_text(const uint8_t *at, size_t bytes)
{
    struct utf8 u = { 0 };

    return put(&u, at, bytes) && utf8_is_whole(&u);
}

static void every_character_is_text_and_no_part_of_it_is_whole(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        uint8_t at[4];
        size_t bytes = encode(c, at);
        struct utf8 u = { 0 };

        if (c >= 0xd800 && c <= 0xdfff) {
            assert_false(is_text(at, bytes));
            continue;
        }
        for (size_t i = 0; i < bytes; i++) {
            assert_true(i == 0 || !utf8_is_whole(&u));
            assert_true(put(&u, at + i, 1));
        }
        assert_true(utf8_is_whole(&u));
    }
}

static void learn(struct known *k)
{
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        uint8_t at[4];
        size_t bytes = encode(c, at), i;

        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        k->one[at[0]] = true;
        if (bytes > 1)
            k->two[at[0] << 8 | at[1]] = true;
        i = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
        if (bytes > 2)
            k->three[i / 8] |= (uint8_t)(1 << i % 8);
    }
}

/* After bytes that may begin a character each next byte is taken just when the two together may, too. */
static void the_first_wrong_byte_is_refused(void **state)
{
    struct known *k = calloc(1, sizeof(*k));
    unsigned tried = 0;

    (void)state;
    assert_non_null(k);
    learn(k);
    for (unsigned a = 0; a < 256; a++) {
        uint8_t at[3] = { (uint8_t)a };
        struct utf8 first = { 0 };

        assert_int_equal(put(&first, at, 1), k->one[a]);
        for (unsigned b = 0; b < 256 && k->one[a] && a >= 0x80; b++) {
            struct utf8 second = first;

            at[1] = (uint8_t)b;
            assert_int_equal(put(&second, at + 1, 1), k->two[a << 8 | b]);
            for (unsigned c = 0; c < 256 && k->two[a << 8 | b] && a >= 0xe0; c++, tried++) {
                struct utf8 third = second;
                size_t i = (size_t)a << 16 | (size_t)b << 8 | c;

                at[2] = (uint8_t)c;
                assert_int_equal(put(&third, at + 2, 1), k->three[i / 8] >> i % 8 & 1);
            }
        }
    }
    assert_true(tried > 10000);
    free(k);
}

/* ASCII is looked at in eights: a wrong byte shows at each place, and a right one passes. */
static void a_byte_counts_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 40; bytes++) {
        for (size_t at = 0; at < bytes; at++) {
            uint8_t *text = malloc(bytes);

            assert_non_null(text);
            memset(text, 'a', bytes);
            assert_true(is_text(text, bytes));
            text[at] = 0xff;
            assert_false(is_text(text, bytes));
            text[at] = 0x80;
            assert_false(is_text(text, bytes));
            text[at] = 0xc3;
            assert_false(is_text(text, bytes));
            if (at + 1 < bytes) {
                text[at + 1] = 0xa4;
                assert_true(is_text(text, bytes));
            }
            free(text);
        }
    }
}

static void nothing_is_text(void **state)
{
    struct utf8 u = { 0 };

    (void)state;
    assert_true(utf8_put(&u, (struct text){ NULL, 0 }));
    assert_true(utf8_is_whole(&u));
    assert_true(put(&u, (const uint8_t *)"\xe2\x82", 2));
    assert_true(utf8_put(&u, (struct text){ NULL, 0 }));
    assert_false(utf8_is_whole(&u));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_is_text_and_no_part_of_it_is_whole),
        cmocka_unit_test(the_first_wrong_byte_is_refused),
        cmocka_unit_test(a_byte_counts_wherever_it_stands),
        cmocka_unit_test(nothing_is_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
