/* unit/model/test_json.c - what is written can be read, every character of it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "limits.h"
#include "model/json.h"
#include "model/wire.h"
#include <cmocka.h>

struct one {
    struct text s;
    uint64_t n, id;
    bool yes;
};

static const struct wire_field one_fields[] = {
    { .name = "s", .type = WIRE_STRING, .most = LIMIT_JSON_BYTES, .offset = offsetof(struct one, s) },
    { .name = "n", .type = WIRE_NUMBER, .most = (1ull << 53) - 1, .offset = offsetof(struct one, n) },
    { .name = "id", .type = WIRE_ID, .offset = offsetof(struct one, id) },
    { .name = "yes", .type = WIRE_BOOL, .offset = offsetof(struct one, yes) },
    { .name = NULL },
};
static const struct wire_schema one_schema = { sizeof(struct one), one_fields };

static void assert_round_trip(struct text s)
{
    struct arena arena = { 0 };
    struct wire_error why;
    struct one one;
    struct buf to;
    struct json j;

    buf_init(&to, LIMIT_JSON_BYTES);
    json_init(&j, &to);
    json_object(&j, NULL);
    json_string(&j, "s", s);
    json_close(&j);
    assert_false(to.overflowed);
    assert_int_equal(wire_read(&one_schema, buf_text(&to), &arena, &one, &why), ERR_OK);
    assert_true(text_equal(one.s, s));
    arena_fini(&arena);
    buf_fini(&to);
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

static void every_code_point_comes_back(void **state)
{
    char text[8192];
    size_t bytes = 0;

    (void)state;
    for (unsigned c = 1; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        bytes += put_char(text + bytes, c);
        if (bytes > sizeof text - 4 || c == 0x10ffff) {
            assert_round_trip((struct text){ text, bytes });
            bytes = 0;
        }
    }
    for (unsigned c = 1; c < 0x100; c++)
        assert_round_trip((struct text){ text, put_char(text, c) });
    assert_round_trip((struct text){ NULL, 0 });
}

static void numbers_and_words_come_back(void **state)
{
    struct arena arena = { 0 };
    struct wire_error why;
    struct one one;
    struct buf to;
    struct json j;

    (void)state;
    buf_init(&to, 1000);
    json_init(&j, &to);
    json_object(&j, NULL);
    json_number(&j, "n", (1ull << 53) - 1);
    json_id(&j, "id", INT64_MAX);
    json_bool(&j, "yes", true);
    json_close(&j);
    assert_int_equal(wire_read(&one_schema, buf_text(&to), &arena, &one, &why), ERR_OK);
    assert_true(one.n == (1ull << 53) - 1 && one.id == INT64_MAX && one.yes);
    arena_fini(&arena);
    buf_fini(&to);
}

static void commas_and_brackets(void **state)
{
    struct buf to;
    struct json j;

    (void)state;
    buf_init(&to, 1000);
    json_init(&j, &to);
    json_object(&j, NULL);
    json_members(&j, TEXT(""));
    json_array(&j, "a");
    json_close(&j);
    json_members(&j, TEXT("\"x\":1,\"y\":2"));
    json_members(&j, TEXT(""));
    json_array(&j, "b");
    json_number(&j, NULL, 0);
    json_object(&j, NULL);
    json_members(&j, TEXT("\"z\":3"));
    json_null(&j, "n");
    json_close(&j);
    json_id(&j, NULL, 5);
    json_raw(&j, NULL, TEXT("{\"r\":[]}"));
    json_close(&j);
    json_bool(&j, "f", false);
    json_close(&j);
    assert_int_equal(j.depth, 0);
    buf_put(&to, "", 1);
    assert_string_equal(
        to.at, "{\"a\":[],\"x\":1,\"y\":2,\"b\":[0,{\"z\":3,\"n\":null},\"5\",{\"r\":[]}],\"f\":false}");
    buf_fini(&to);
}

static void a_full_buf_says_so(void **state)
{
    struct buf to;
    struct json j;

    (void)state;
    buf_init(&to, 10);
    json_init(&j, &to);
    json_object(&j, NULL);
    json_string(&j, "text", TEXT("0123456789"));
    json_close(&j);
    assert_true(to.overflowed);
    assert_true(to.bytes <= 10);
    buf_fini(&to);
}

/* The writer looks at eight bytes at a time: every byte at every place of such a word. */
static void every_byte_at_every_place(void **state)
{
    char text[24];

    (void)state;
    for (int byte = 1; byte < 0x80; byte++) {
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, 'x', sizeof text);
            text[at] = (char)byte;
            assert_round_trip((struct text){ text, sizeof text });
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_comes_back), cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(numbers_and_words_come_back), cmocka_unit_test(commas_and_brackets),
        cmocka_unit_test(a_full_buf_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
