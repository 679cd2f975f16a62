/* unit/model/test_wirefast.c - what the fast way takes, Jansson takes too, and reads the same in it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "limits.h"
#include "model/wirefast.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

struct part {
    struct text name;
    bool has_name;
};
struct body {
    struct text text, extra;
    uint64_t id, number;
    bool flag, has_flag, has_number;
    struct part device;
    struct wire_ids members;
    struct wire_objects list;
};

#define AT(type, member) offsetof(struct type, member)
static const struct wire_schema part_schema = {
    sizeof(struct part),
    (const struct wire_field[]){
        { "name", WIRE_STRING, true, 1, 8, AT(part, name), AT(part, has_name), NULL }, { 0 } },
};
static const struct wire_schema body_schema = {
    sizeof(struct body),
    (const struct wire_field[]){
        { "text", WIRE_STRING, true, 0, 60, AT(body, text), 0, NULL },
        { "extra", WIRE_JSON, false, 0, 80, AT(body, extra), 0, NULL },
        { "id", WIRE_ID, false, 0, 0, AT(body, id), 0, NULL },
        { "number", WIRE_NUMBER, false, 2, (1ull << 53) - 1, AT(body, number), AT(body, has_number), NULL },
        { "flag", WIRE_BOOL, false, 0, 0, AT(body, flag), AT(body, has_flag), NULL },
        { "device", WIRE_OBJECT, false, 0, 0, AT(body, device), 0, &part_schema },
        { "members", WIRE_IDS, false, 1, 3, AT(body, members), 0, NULL },
        { "list", WIRE_OBJECTS, false, 0, 2, AT(body, list), 0, &part_schema },
        { 0 } },
};

/* Jansson's own form of a value, so that two ways to write it can be told to be one. */
static struct text compact(struct text value, struct arena *arena)
{
    struct wire_error why;
    struct body b;
    char *json = arena_printf(arena, "{\"text\":\"\",\"extra\":%.*s}", (int)value.bytes, value.at);

    assert_int_equal(wire_read_carefully(&body_schema, text_of(json), arena, &b, &why), ERR_OK);
    return b.extra;
}

static void assert_same_text(struct text a, struct text b, const char *what, struct text json)
{
    if (!text_equal(a, b))
        fail_msg("%s differs in %.*s", what, (int)json.bytes, json.at);
}

static void assert_same(const struct body *a, const struct body *b, struct arena *arena, struct text json)
{
    assert_same_text(a->text, b->text, "text", json);
    assert_int_equal(a->extra.bytes == 0, b->extra.bytes == 0);
    if (a->extra.bytes)
        assert_same_text(compact(a->extra, arena), b->extra, "extra", json);
    assert_true(a->id == b->id && a->number == b->number && a->flag == b->flag);
    assert_true(a->has_flag == b->has_flag && a->has_number == b->has_number);
    assert_same_text(a->device.name, b->device.name, "device.name", json);
    assert_int_equal(a->device.has_name, b->device.has_name);
    assert_int_equal(a->members.count, b->members.count);
    for (uint32_t k = 0; k < a->members.count; k++)
        assert_true(a->members.at[k] == b->members.at[k]);
    assert_int_equal(a->list.count, b->list.count);
    for (uint32_t k = 0; k < a->list.count; k++)
        assert_same_text(((struct part *)a->list.at)[k].name, ((struct part *)b->list.at)[k].name, "list",
                         json);
}

/* Whether the fast way takes it; Jansson is asked too, and what both take is compared. */
static bool is_taken(struct text json)
{
    struct arena arena = { 0 };
    struct wire_error why;
    struct body fast = { 0 }, careful;
    /* exactly as long as it is, so that the sanitizer sees a byte too far */
    char *copy = malloc(json.bytes ? json.bytes : 1);
    assert_non_null(copy);
    if (json.bytes)
        memcpy(copy, json.at, json.bytes);
    struct text exact = { copy, json.bytes };

    bool taken = wirefast_read(&body_schema, exact, &arena, &fast);
    enum err err = wire_read_carefully(&body_schema, exact, &arena, &careful, &why);
    if (taken && err)
        fail_msg("%s, yet taken: %.*s", err_code(err), (int)json.bytes, json.at);
    if (taken)
        assert_same(&fast, &careful, &arena, json);
    free(copy);
    arena_fini(&arena);
    return taken;
}

static const char *const good[] = {
    "{\"text\":\"hello\"}",
    " { \"text\" : \"hello\" ,\n\t\"number\" : 17 , \"flag\" : false }\r\n",
    "{\"flag\":true,\"id\":\"7311482\",\"text\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}",
    "{\"text\":\"\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4 \xf0\x9f\x98\x80 caf\xc3\xa9\"}",
    "{\"text\":\"\",\"extra\":{\"a\":[1,null,true,\"x\\n\",{}],\"b\":{\"c\":[]}},\"list\":[]}",
    "{\"text\":\"x\",\"extra\": [ 1 , 2 ] ,\"device\":{\"name\":\"a\\u0041\"}}",
    "{\"members\":[\"1\",\"22\" , \"9223372036854775807\"],\"text\":\"x\"}",
    "{\"list\":[{\"name\":\"p\"},{\"name\":\"q\"}],\"text\":\"x\",\"number\":9007199254740991}",
};

static const char *const doubtful[] = {
    "",
    "{",
    "{}",
    "[]",
    "null",
    "{\"text\":\"x\"",
    "{\"text\":\"x\",}",
    "{\"text\":\"x\"}}",
    "{\"text\":\"x\"} x",
    "\xef\xbb\xbf{\"text\":\"x\"}",
    "{\"text\":\"x\",\"text\":\"y\"}",
    "{\"text\":\"x\",\"other\":1}",
    "{\"text\":\"x\",\"tex\":1}",
    "{\"text\":\"x\",\"number\":1}",
    "{\"text\":\"x\",\"number\":-2}",
    "{\"text\":\"x\",\"number\":02}",
    "{\"text\":\"x\",\"number\":2.0}",
    "{\"text\":\"x\",\"number\":2e1}",
    "{\"text\":\"x\",\"number\":9007199254740992}",
    "{\"text\":\"x\",\"number\":99999999999999999999999}",
    "{\"text\":\"x\",\"id\":\"0\"}",
    "{\"text\":\"x\",\"id\":\"9223372036854775808\"}",
    "{\"text\":\"x\",\"id\":7}",
    "{\"text\":null}",
    "{\"text\":\"\\u0000\"}",
    "{\"text\":\"\\ud83d\"}",
    "{\"text\":\"\\ude00\\ud83d\"}",
    "{\"text\":\"\\ude00\\ude00\"}",
    "{\"text\":\"\\x\"}",
    "{\"text\":\"\\u12g4\"}",
    "{\"text\":\"a\nb\"}",
    "{\"text\":\"\xc0\x80\"}",
    "{\"text\":\"\xed\xa0\x80\"}",
    "{\"text\":\"\xf4\x90\x80\x80\"}",
    "{\"text\":\"\xe2\x82\"}",
    "{\"text\":\"x\",\"flag\":nul}",
    "{\"text\":\"x\",\"flag\":truely}",
    "{\"text\":\"x\",\"extra\":null}",
    "{\"text\":\"x\",\"extra\":{\"a\":1,\"a\":2}}",
    "{\"text\":\"x\",\"extra\":{\"a\":[1,{\"b\":0,\"b\":0}]}}",
    "{\"text\":\"x\",\"extra\":[1,]}",
    "{\"text\":\"x\",\"extra\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",
    "{\"text\":\"x\",\"members\":[]}",
    "{\"text\":\"x\",\"members\":[\"1\",\"2\",\"3\",\"4\"]}",
    "{\"text\":\"x\",\"members\":[\"1\",2]}",
    "{\"text\":\"x\",\"list\":[{\"name\":\"p\"},{\"name\":\"q\"},{\"name\":\"r\"}]}",
    "{\"text\":\"x\",\"list\":[{}]}",
    "{\"text\":\"x\",\"device\":{\"name\":\"\"}}",
    "{\"text\":\"x\",\"device\":[]}",
};

static void good_bodies_are_taken(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof good / sizeof *good; k++)
        if (!is_taken(text_of(good[k])))
            fail_msg("not taken: %s", good[k]);
}

static void doubtful_ones_are_not(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof doubtful / sizeof *doubtful; k++)
        if (is_taken(text_of(doubtful[k])))
            fail_msg("taken: %s", doubtful[k]);
}

static uint64_t roll(uint64_t *dice)
{
    *dice = (*dice ^ *dice >> 30) * 0xbf58476d1ce4e5b9u + 0x9e3779b97f4a7c15u;
    return *dice >> 20;
}

/* Bytes exchanged, left out, doubled: most of it is wrong, some is not, and both readers agree on which. */
static void both_ways_agree_on_anything(void **state)
{
    enum { ROUNDS = 60000, BYTES = 512 };
    static const char spice[] = "{}[]\",:\\ 0123456789eE.-untfabxy\xc3\xa9\xed\xa0\xf0\x9f\x98\x80\x01";
    uint64_t dice = 20261123;
    uint32_t taken = 0;
    char at[BYTES];

    (void)state;
    for (uint32_t n = 0; n < ROUNDS; n++) {
        bool from_good = roll(&dice) % 4;
        const char *from = from_good ? good[roll(&dice) % (sizeof good / sizeof *good)]
                                     : doubtful[roll(&dice) % (sizeof doubtful / sizeof *doubtful)];
        size_t bytes = strlen(from);
        memcpy(at, from, bytes);
        for (uint64_t changes = roll(&dice) % 4; changes > 0 && bytes > 1; changes--) {
            size_t where = roll(&dice) % (bytes - 1);
            uint64_t what = roll(&dice) % 3;
            if (what == 0) {
                memmove(at + where, at + where + 1, --bytes - where);
                continue;
            }
            if (what == 1 && bytes < BYTES)
                memmove(at + where + 1, at + where, bytes++ - where);
            at[where] = spice[roll(&dice) % (sizeof spice - 1)];
        }
        taken += is_taken((struct text){ at, bytes });
    }
    assert_in_range(taken, ROUNDS / 20, ROUNDS - ROUNDS / 20);
}

static void every_beginning_of_a_good_one_is_doubtful(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        size_t end = (size_t)(strrchr(good[k], '}') - good[k]);
        for (size_t bytes = 0; bytes <= end; bytes++)
            assert_false(is_taken((struct text){ good[k], bytes }));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_bodies_are_taken),
        cmocka_unit_test(doubtful_ones_are_not),
        cmocka_unit_test(both_ways_agree_on_anything),
        cmocka_unit_test(every_beginning_of_a_good_one_is_doubtful),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
