/* unit/model/test_wire.c - what comes in is what the schema says, or the answer names the field */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "limits.h"
#include "model/wire.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

struct inner {
    struct text name;
    bool has_name;
};

struct outer {
    struct text text, extra;
    uint64_t id, number;
    bool flag, has_flag, has_number;
    struct inner device;
    struct wire_ids members;
    struct wire_objects list;
};

static const struct wire_field inner_fields[] = {
    { .name = "name",
      .type = WIRE_STRING,
      .is_required = true,
      .least = 1,
      .most = 8,
      .offset = offsetof(struct inner, name),
      .present_offset = offsetof(struct inner, has_name) },
    { .name = NULL },
};
static const struct wire_schema inner_schema = { sizeof(struct inner), inner_fields };

static const struct wire_field outer_fields[] = {
    { .name = "text",
      .type = WIRE_STRING,
      .is_required = true,
      .most = 20,
      .offset = offsetof(struct outer, text) },
    { .name = "extra", .type = WIRE_JSON, .most = 40, .offset = offsetof(struct outer, extra) },
    { .name = "id", .type = WIRE_ID, .offset = offsetof(struct outer, id) },
    { .name = "number",
      .type = WIRE_NUMBER,
      .least = 2,
      .most = (1ull << 53) - 1,
      .offset = offsetof(struct outer, number),
      .present_offset = offsetof(struct outer, has_number) },
    { .name = "flag",
      .type = WIRE_BOOL,
      .offset = offsetof(struct outer, flag),
      .present_offset = offsetof(struct outer, has_flag) },
    { .name = "device",
      .type = WIRE_OBJECT,
      .offset = offsetof(struct outer, device),
      .schema = &inner_schema },
    { .name = "members", .type = WIRE_IDS, .least = 1, .most = 3, .offset = offsetof(struct outer, members) },
    { .name = "list",
      .type = WIRE_OBJECTS,
      .most = 2,
      .offset = offsetof(struct outer, list),
      .schema = &inner_schema },
    { .name = NULL },
};
static const struct wire_schema outer_schema = { sizeof(struct outer), outer_fields };

struct reading {
    struct arena arena;
    struct outer got;
    struct wire_error why;
};

static enum err read_text(struct reading *r, struct text json)
{
    arena_fini(&r->arena);
    /* exactly as long as it is, so that the sanitizer sees a byte too far */
    char *copy = malloc(json.bytes ? json.bytes : 1);
    assert_non_null(copy);
    if (json.bytes)
        memcpy(copy, json.at, json.bytes);
    enum err err = wire_read(&outer_schema, (struct text){ copy, json.bytes }, &r->arena, &r->got, &r->why);
    free(copy);
    return err;
}

static void everything_arrives(void **state)
{
    struct reading r = { 0 };

    (void)state;
    assert_int_equal(
        read_text(&r, TEXT(" {\"text\":\"h\\u00e9\\ud83d\\ude00\",\"extra\": { \"a\" : [ 1 , null ] },"
                           "\"id\":\"7311482\",\"number\":9007199254740991,\"flag\":true,"
                           "\"device\":{\"name\":\"x\"},\"members\":[\"1\",\"2\"],"
                           "\"list\":[{\"name\":\"p\"},{\"name\":\"q\"}]} ")),
        ERR_OK);
    assert_true(text_equal(r.got.text, TEXT("h\xc3\xa9\xf0\x9f\x98\x80")));
    assert_true(text_equal(r.got.extra, TEXT("{ \"a\" : [ 1 , null ] }")));
    assert_true(r.got.id == 7311482 && r.got.number == (1ull << 53) - 1 && r.got.has_number);
    assert_true(r.got.flag && r.got.has_flag);
    assert_true(text_equal(r.got.device.name, TEXT("x")) && r.got.device.has_name);
    assert_true(r.got.members.count == 2 && r.got.members.at[0] == 1 && r.got.members.at[1] == 2);
    assert_int_equal(r.got.list.count, 2);
    assert_true(text_equal(((struct inner *)r.got.list.at)[1].name, TEXT("q")));
    assert_string_equal(r.why.field, "");
    arena_fini(&r.arena);
}

static void what_is_not_there_is_zero(void **state)
{
    struct reading r;

    (void)state;
    memset(&r, 0xaa, sizeof r);
    r.arena = (struct arena){ 0 };
    assert_int_equal(read_text(&r, TEXT("{\"text\":\"\",\"flag\":false,\"list\":[]}")), ERR_OK);
    assert_true(r.got.text.bytes == 0 && r.got.has_flag && !r.got.flag && !r.got.has_number);
    assert_true(r.got.number == 0 && r.got.id == 0 && r.got.members.count == 0 && r.got.list.count == 0);
    assert_false(r.got.device.has_name);
    arena_fini(&r.arena);
}

struct refusal {
    const char *json;
    enum err err;
    const char *field;
};

static void assert_refused(const struct refusal *rows, size_t count)
{
    struct reading r = { 0 };

    for (size_t k = 0; k < count; k++) {
        enum err err = read_text(&r, text_of(rows[k].json));
        if (err != rows[k].err || strcmp(r.why.field, rows[k].field) != 0)
            fail_msg("%s: %s \"%s\"", rows[k].json, err_code(err), r.why.field);
    }
    arena_fini(&r.arena);
}

static void every_refusal_names_its_field(void **state)
{
    static const struct refusal rows[] = {
        { "{}", ERR_MISSING_FIELD, "text" },
        { "{\"text\":1}", ERR_BAD_TYPE, "text" },
        { "{\"text\":null}", ERR_BAD_TYPE, "text" },
        { "{\"text\":\"123456789012345678901\"}", ERR_OUT_OF_RANGE, "text" },
        { "{\"text\":\"a\\u0000b\"}", ERR_OUT_OF_RANGE, "text" },
        { "{\"text\":\"\",\"textt\":1}", ERR_UNKNOWN_FIELD, "textt" },
        { "{\"text\":\"\",\"Text\":\"\"}", ERR_UNKNOWN_FIELD, "Text" },
        { "{\"text\":\"\",\"\":1}", ERR_UNKNOWN_FIELD, "" },
        { "{\"text\":\"\",\"id\":7}", ERR_BAD_TYPE, "id" },
        { "{\"text\":\"\",\"id\":\"07\"}", ERR_OUT_OF_RANGE, "id" },
        { "{\"text\":\"\",\"id\":\"0\"}", ERR_OUT_OF_RANGE, "id" },
        { "{\"text\":\"\",\"number\":1}", ERR_OUT_OF_RANGE, "number" },
        { "{\"text\":\"\",\"number\":-2}", ERR_OUT_OF_RANGE, "number" },
        { "{\"text\":\"\",\"number\":9007199254740992}", ERR_OUT_OF_RANGE, "number" },
        { "{\"text\":\"\",\"number\":3.0}", ERR_BAD_TYPE, "number" },
        { "{\"text\":\"\",\"number\":3e2}", ERR_BAD_TYPE, "number" },
        { "{\"text\":\"\",\"number\":\"3\"}", ERR_BAD_TYPE, "number" },
        { "{\"text\":\"\",\"number\":99999999999999999999}", ERR_OUT_OF_RANGE, "" },
        { "{\"text\":\"\",\"flag\":0}", ERR_BAD_TYPE, "flag" },
        { "{\"text\":\"\",\"flag\":null}", ERR_BAD_TYPE, "flag" },
        { "{\"text\":\"\",\"device\":[]}", ERR_BAD_TYPE, "device" },
        { "{\"text\":\"\",\"device\":{}}", ERR_MISSING_FIELD, "device.name" },
        { "{\"text\":\"\",\"device\":{\"name\":\"\"}}", ERR_OUT_OF_RANGE, "device.name" },
        { "{\"text\":\"\",\"device\":{\"name\":\"x\",\"os\":1}}", ERR_UNKNOWN_FIELD, "device.os" },
        { "{\"text\":\"\",\"members\":{}}", ERR_BAD_TYPE, "members" },
        { "{\"text\":\"\",\"members\":[]}", ERR_OUT_OF_RANGE, "members" },
        { "{\"text\":\"\",\"members\":[\"1\",\"2\",\"3\",\"4\"]}", ERR_OUT_OF_RANGE, "members" },
        { "{\"text\":\"\",\"members\":[\"1\",2]}", ERR_BAD_TYPE, "members[1]" },
        { "{\"text\":\"\",\"members\":[\"1\",\"2\",\"x\"]}", ERR_OUT_OF_RANGE, "members[2]" },
        { "{\"text\":\"\",\"list\":[{\"name\":\"x\"},{\"name\":3}]}", ERR_BAD_TYPE, "list[1].name" },
        { "{\"text\":\"\",\"list\":[3]}", ERR_BAD_TYPE, "list[0]" },
        { "{\"text\":\"\",\"list\":[{},{},{}]}", ERR_OUT_OF_RANGE, "list" },
        { "{\"text\":\"\",\"extra\":null}", ERR_BAD_TYPE, "extra" },
        { "{\"text\":\"\",\"extra\":{\"a\":[{\"b\":\"\\u0000\"}]}}", ERR_OUT_OF_RANGE, "extra" },
        { "{\"text\":\"\",\"extra\":\"123456789012345678901234567890123456789\"}", ERR_OUT_OF_RANGE,
          "extra" },
        { "{\"text\":\"\",\"text\":\"\"}", ERR_DUPLICATE_FIELD, "text" },
        { "{\"text\":\"\",\"extra\":{\"a\":1,\"a\":1}}", ERR_DUPLICATE_FIELD, "a" },
        { "{\"text\":\"\",\"\\u0000\":1}", ERR_UNKNOWN_FIELD, "" },
    };

    (void)state;
    assert_refused(rows, sizeof rows / sizeof *rows);
}

static void what_is_not_json(void **state)
{
    static const struct refusal rows[] = {
        { "", ERR_BAD_JSON, "" },
        { " ", ERR_BAD_JSON, "" },
        { "{", ERR_BAD_JSON, "" },
        { "[]", ERR_BAD_TYPE, "" },
        { "[{\"text\":\"\"}]", ERR_BAD_TYPE, "" },
        { "\"text\"", ERR_BAD_JSON, "" },
        { "null", ERR_BAD_JSON, "" },
        { "{\"text\":\"\"} x", ERR_BAD_JSON, "" },
        { "{\"text\":\"\"}{}", ERR_BAD_JSON, "" },
        { "{\"text\":\"\",}", ERR_BAD_JSON, "" },
        { "{'text':''}", ERR_BAD_JSON, "" },
        { "{\"text\":\"\n\"}", ERR_BAD_JSON, "" },
        { "{\"text\":\"\\x\"}", ERR_BAD_JSON, "" },
        { "{\"text\":\"\\ud800\"}", ERR_BAD_JSON, "" },
        { "{\"text\":\"\\udc00\\ud800\"}", ERR_BAD_JSON, "" },
        { "{\"text\":\"\",\"number\":NaN}", ERR_BAD_JSON, "" },
        { "{\"text\":\"\",\"number\":02}", ERR_BAD_JSON, "" },
        { "{\"text\":\"\",\"number\":+2}", ERR_BAD_JSON, "" },
        { "\xef\xbb\xbf{\"text\":\"\"}", ERR_BAD_JSON, "" },
        { "// x\n{\"text\":\"\"}", ERR_BAD_JSON, "" },
        { "{\"text\":\"\xff\"}", ERR_BAD_UTF8, "" },
        { "{\"text\":\"\xc3\"}", ERR_BAD_UTF8, "" },
        { "{\"text\":\"\"}\xf0\x9f\x98", ERR_BAD_UTF8, "" },
    };
    struct reading r = { 0 };

    (void)state;
    assert_refused(rows, sizeof rows / sizeof *rows);
    assert_int_equal(read_text(&r, (struct text){ "{\"text\":\"\"}\0", 12 }), ERR_BAD_JSON);
    arena_fini(&r.arena);
}

static void depth_holds_before_jansson(void **state)
{
    char open[LIMIT_JSON_DEPTH + 1] = "", close[LIMIT_JSON_DEPTH + 1] = "", json[4 * LIMIT_JSON_DEPTH + 64];
    struct reading r = { 0 };

    (void)state;
    for (int deep = 1; deep <= LIMIT_JSON_DEPTH; deep++) {
        open[deep - 1] = '[';
        close[deep - 1] = ']';
        snprintf(json, sizeof json, "{\"text\":\"[[[[[[[[[[[[[[[[[[\\\\\",\"extra\":%s%s}", open, close);
        assert_int_equal(read_text(&r, text_of(json)), deep < LIMIT_JSON_DEPTH ? ERR_OK : ERR_TOO_DEEP);
    }
    /* a quote behind a backslash ends no string, two backslashes do */
    assert_int_equal(read_text(&r, TEXT("{\"text\":\"\\\"[[[[[[[[[[[[[[[[[\"}")), ERR_OK);
    arena_fini(&r.arena);
}

static void size_holds_to_the_byte(void **state)
{
    char *json = malloc(LIMIT_JSON_BYTES + 1);
    struct reading r = { 0 };

    (void)state;
    assert_non_null(json);
    memset(json, ' ', LIMIT_JSON_BYTES + 1);
    memcpy(json, "{\"text\":\"\"}", 11);
    assert_int_equal(read_text(&r, (struct text){ json, LIMIT_JSON_BYTES }), ERR_OK);
    assert_int_equal(read_text(&r, (struct text){ json, LIMIT_JSON_BYTES + 1 }), ERR_TOO_LARGE);
    free(json);
    arena_fini(&r.arena);
}

/* A name of three-byte characters, wherever the end of the room falls into one. */
static void long_names_are_cut_between_characters(void **state)
{
    struct reading r = { 0 };
    char name[100], json[200];

    (void)state;
    for (size_t k = 0; k < 99; k += 3)
        memcpy(name + k, "\xe2\x82\xac", 3);
    name[99] = 0;
    for (int ahead = 0; ahead < 3; ahead++) {
        snprintf(json, sizeof json, "{\"text\":\"\",\"%.*s%s\":1}", ahead, "xx", name);
        assert_int_equal(read_text(&r, text_of(json)), ERR_UNKNOWN_FIELD);
        assert_int_equal(strlen(r.why.field), ahead ? 60 + ahead : 63);
        assert_true(wire_is_utf8(text_of(r.why.field)));
    }
    arena_fini(&r.arena);
}

static bool utf8_by_the_book(const unsigned char *p, size_t bytes)
{
    unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    for (size_t k = 0; k < bytes;) {
        size_t n = p[k] < 0x80 ? 1 : p[k] >> 5 == 6 ? 2 : p[k] >> 4 == 14 ? 3 : p[k] >> 3 == 30 ? 4 : 0;
        if (n == 0 || n > bytes - k)
            return false;
        unsigned c = n == 1 ? p[k] : p[k] & (0x7fu >> n);
        for (size_t m = 1; m < n; m++) {
            if (p[k + m] >> 6 != 2)
                return false;
            c = c << 6 | (p[k + m] & 63u);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
        k += n;
    }
    return true;
}

/* All sequences of up to three bytes, and of four whose first can begin one. */
static void utf8_is_what_the_book_says(void **state)
{
    unsigned char p[4];

    (void)state;
    for (unsigned n = 0; n < 1u << 24; n++) {
        p[0] = (unsigned char)(n >> 16);
        p[1] = (unsigned char)(n >> 8);
        p[2] = (unsigned char)n;
        for (size_t bytes = n & 0xffff ? n & 0xff ? 3 : 2 : 1; bytes <= 3; bytes++)
            if (wire_is_utf8((struct text){ (char *)p, bytes }) != utf8_by_the_book(p, bytes))
                fail_msg("%02x %02x %02x", p[0], p[1], p[2]);
        if (p[0] < 0xef || (n & 0x3f) > 1)
            continue;
        for (unsigned last = 0x7e; last < 0xc2; last++) {
            p[3] = (unsigned char)last;
            if (wire_is_utf8((struct text){ (char *)p, 4 }) != utf8_by_the_book(p, 4))
                fail_msg("%02x %02x %02x %02x", p[0], p[1], p[2], p[3]);
        }
    }
    assert_true(wire_is_utf8((struct text){ NULL, 0 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_arrives),
        cmocka_unit_test(what_is_not_there_is_zero),
        cmocka_unit_test(every_refusal_names_its_field),
        cmocka_unit_test(what_is_not_json),
        cmocka_unit_test(depth_holds_before_jansson),
        cmocka_unit_test(size_holds_to_the_byte),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(utf8_is_what_the_book_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
