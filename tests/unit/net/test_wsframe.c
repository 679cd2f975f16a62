/* unit/net/test_wsframe.c - frames in all shapes: what is taken, what is refused, and with which code */
#include "limits.h"
#include "net/wsframe.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BYTES_MAX = 400 * 1000, SAID_MAX = 8192 };

/* What a client sends. */
struct sent {
    char *at;
    size_t bytes;
};

static struct sent sent_new(void)
{
    struct sent s = { malloc(BYTES_MAX), 0 };

    assert_non_null(s.at);
    return s;
}

static void put(struct sent *s, const void *p, size_t bytes)
{
    assert_true(s->bytes + bytes <= BYTES_MAX);
    memcpy(s->at + s->bytes, p, bytes);
    s->bytes += bytes;
}

/* A masked frame whose head announces claims bytes and which carries bytes of them. */
static void put_claiming(struct sent *s, unsigned first, uint64_t claims, const char *payload, size_t bytes)
{
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x00, 0xd1 };
    uint8_t head[14] = { (uint8_t)first };
    size_t n = claims < 126 ? 0 : claims < 65536 ? 2 : 8;

    head[1] = (uint8_t)(0x80 | (n == 0 ? claims : n == 2 ? 126 : 127));
    for (size_t i = 0; i < n; i++)
        head[2 + i] = (uint8_t)(claims >> 8 * (n - 1 - i));
    memcpy(head + 2 + n, mask, 4);
    put(s, head, 2 + n + 4);
    for (size_t i = 0; i < bytes; i++)
        put(s, &(char){ (char)(payload[i] ^ mask[i % 4]) }, 1);
}

static void put_frame(struct sent *s, unsigned first, const char *payload, size_t bytes)
{
    put_claiming(s, first, bytes, payload, bytes);
}

static void put_z(struct sent *s, unsigned first, const char *z)
{
    put_frame(s, first, z, strlen(z));
}

/* What came of it: T(abc) B(abc) P(..) O(..) C1000(reason) X1002, one behind the other. Long payloads show their
 * length. */
static void say(char *said, const struct wsframe_event *e)
{
    static const char letters[] = ".TBPOCX";
    size_t at = strlen(said);

    if (e->what == WSFRAME_IS_MORE)
        return;
    at += (size_t)snprintf(said + at, SAID_MAX - at, "%c", letters[e->what]);
    if (e->what == WSFRAME_IS_CLOSE || e->what == WSFRAME_IS_BAD)
        at += (size_t)snprintf(said + at, SAID_MAX - at, "%u", e->code);
    if (e->what == WSFRAME_IS_BAD)
        return;
    if (e->payload.bytes > 130)
        snprintf(said + at, SAID_MAX - at, "(%zu)", e->payload.bytes);
    else
        snprintf(said + at, SAID_MAX - at, "(%.*s)", (int)e->payload.bytes,
                 e->payload.at ? e->payload.at : "");
}

static void read_in_steps(struct wsframe *f, const struct sent *s, size_t step, char *said)
{
    said[0] = 0;
    for (size_t begin = 0; begin < s->bytes; begin += step) {
        size_t bytes = s->bytes - begin < step ? s->bytes - begin : step, used = 0;
        char *copy = malloc(bytes); /* exactly as large, so that the sanitizer sees a step too far */

        assert_non_null(copy);
        memcpy(copy, s->at + begin, bytes);
        while (used < bytes) {
            struct wsframe_event e;
            size_t n = wsframe_read(f, (struct text){ copy + used, bytes - used }, &e);

            assert_true(n > 0 && n <= bytes - used);
            used += n;
            say(said, &e);
        }
        wsframe_taken(f);
        free(copy);
    }
}

/* The same whether it comes at once, in twos, threes, ... or byte by byte. */
static void expect_with(bool takes_binary, struct sent *s, const char *expected)
{
    static const size_t steps[] = { BYTES_MAX, 1, 2, 3, 5, 7, 1000 };

    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct wsframe f;
        char said[SAID_MAX];

        wsframe_init(&f, takes_binary);
        read_in_steps(&f, s, steps[i], said);
        wsframe_fini(&f);
        assert_string_equal(said, expected);
    }
    free(s->at);
}

static void expect(struct sent *s, const char *expected)
{
    expect_with(true, s, expected);
}

static void messages_and_control_frames(void **state)
{
    struct sent s = sent_new();
    char a_while[70000];

    (void)state;
    memset(a_while, 'x', sizeof(a_while));
    put_z(&s, 0x81, "hello");
    put_z(&s, 0x82, "bytes");
    put_z(&s, 0x81, "");
    put_z(&s, 0x89, "are you there");
    put_z(&s, 0x8a, "");
    put_frame(&s, 0x81, a_while, 125);
    put_frame(&s, 0x81, a_while, 126);
    put_frame(&s, 0x81, a_while, 65535);
    put_frame(&s, 0x81, a_while, 65536);
    put_frame(&s, 0x88,
              "\x03\xe8"
              "bye",
              5);
    put_z(&s, 0x81, "too late");
    expect(
        &s,
        "T(hello)B(bytes)T()P(are you there)O()"
        "T(xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx)"
        "T(xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx)"
        "T(65535)T(65536)C1000(bye)");
}

static void fragments_are_joined_around_control_frames(void **state)
{
    struct sent s = sent_new();

    (void)state;
    put_z(&s, 0x01, "one ");
    put_z(&s, 0x89, "ping");
    put_z(&s, 0x00, "");
    put_z(&s, 0x00, "two ");
    put_z(&s, 0x8a, "pong");
    put_z(&s, 0x80, "three");
    put_z(&s, 0x02, "");
    put_z(&s, 0x80, "");
    put_z(&s, 0x81, "after");
    expect(&s, "P(ping)O(pong)T(one two three)B()T(after)");
}

static void one_bad(unsigned first, const char *payload, const char *expected)
{
    struct sent s = sent_new();

    put_z(&s, 0x81, "first");
    put_z(&s, first, payload);
    put_z(&s, 0x81, "last");
    expect(&s, expected);
}

static void reserved_bits_and_opcodes(void **state)
{
    (void)state;
    one_bad(0x81 | 0x40, "x", "T(first)X1002");
    one_bad(0x81 | 0x20, "x", "T(first)X1002");
    one_bad(0x89 | 0x10, "", "T(first)X1002");
    for (unsigned opcode = 3; opcode < 8; opcode++)
        one_bad(0x80 | opcode, "x", "T(first)X1002");
    for (unsigned opcode = 11; opcode < 16; opcode++)
        one_bad(0x80 | opcode, "", "T(first)X1002");
    one_bad(0x80, "continues what?", "T(first)X1002");
    one_bad(0x00, "continues what?", "T(first)X1002");
    one_bad(0x09, "half a ping", "T(first)X1002");
    one_bad(0x08, "", "T(first)X1002");
}

static void a_message_can_not_begin_inside_another(void **state)
{
    struct sent s = sent_new();

    (void)state;
    put_z(&s, 0x01, "one");
    put_z(&s, 0x81, "two");
    expect(&s, "X1002");
    s = sent_new();
    put_z(&s, 0x01, "one");
    put_z(&s, 0x02, "two");
    expect(&s, "X1002");
}

static void frames_without_a_mask(void **state)
{
    struct sent s = sent_new();

    (void)state;
    put(&s, "\x81\x05hello", 7);
    expect(&s, "X1002");
    s = sent_new();
    put(&s, "\x89\x00", 2);
    expect(&s, "X1002");
}

static void lengths_in_their_shortest_form(void **state)
{
    struct sent s = sent_new();

    (void)state;
    put(&s, "\x81\xfe\x00\x7d\0\0\0\0", 8); /* 125 in 16 bits */
    expect(&s, "X1002");
    s = sent_new();
    put(&s, "\x81\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14); /* 65,535 in 64 */
    expect(&s, "X1002");
    s = sent_new();
    put(&s, "\x81\xff\x80\0\0\0\0\0\xff\xff\0\0\0\0", 14); /* the highest bit must be 0 */
    expect(&s, "X1002");
    s = sent_new();
    put(&s, "\x81\xff\0\0\0\0\xff\xff\xff\xff\0\0\0\0", 14);
    expect(&s, "X1009");
}

static void control_frames_are_short(void **state)
{
    struct sent s = sent_new();
    char much[126];

    (void)state;
    memset(much, 'p', sizeof(much));
    put_frame(&s, 0x89, much, 126);
    expect(&s, "X1002");
    s = sent_new();
    put(&s, "\x88\xff", 2); /* the second byte is enough */
    expect(&s, "X1002");
    s = sent_new();
    put_frame(&s, 0x89, much, 1);
    put_frame(&s, 0x8a, much, 2);
    expect(&s, "P(p)O(pp)");
}

static void binary_where_only_text_is_taken(void **state)
{
    struct sent s = sent_new();

    (void)state;
    put_z(&s, 0x81, "text");
    put_claiming(&s, 0x82, 10, "", 0);
    expect_with(false, &s, "T(text)X1003");
}

static void a_message_has_a_bound(void **state)
{
    static char most[LIMIT_SOCKET_BYTES + 1] = { 0 };
    struct sent s = sent_new();

    (void)state;
    put_frame(&s, 0x82, most, LIMIT_SOCKET_BYTES);
    put_frame(&s, 0x02, most, LIMIT_SOCKET_BYTES - 10);
    put_frame(&s, 0x80, most, 10);
    put_claiming(&s, 0x82, LIMIT_SOCKET_BYTES + 1, most, 0); /* decided by the head */
    expect(&s, "B(131072)B(131072)X1009");
    s = sent_new();
    put_frame(&s, 0x02, most, LIMIT_SOCKET_BYTES - 10);
    put_claiming(&s, 0x80, 11, most, 0);
    expect(&s, "X1009");
}

static void fragments_have_a_bound(void **state)
{
    struct sent s = sent_new();

    (void)state;
    put_z(&s, 0x01, "a");
    for (int i = 2; i < LIMIT_SOCKET_FRAGMENTS; i++)
        put_z(&s, 0x00, i % 2 ? "" : "b");
    put_z(&s, 0x80, "c");
    put_z(&s, 0x81, "good");
    put_z(&s, 0x01, "");
    for (int i = 2; i <= LIMIT_SOCKET_FRAGMENTS; i++)
        put_z(&s, 0x00, "");
    expect(&s, "T(abbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbc)T(good)");
    s = sent_new();
    put_z(&s, 0x01, "");
    for (int i = 2; i <= LIMIT_SOCKET_FRAGMENTS; i++)
        put_z(&s, 0x00, "");
    put(&s, "\x00", 1);
    expect(&s, "X1009");
}

static void text_is_utf8_across_fragments(void **state)
{
    struct sent s = sent_new();

    (void)state;
    put_z(&s, 0x01, "gr\xc3");
    put_z(&s, 0x89, "\xff");
    put_z(&s, 0x00, "");
    put_z(&s, 0x80, "\xbc\xc3\x9f");
    put_z(&s, 0x82, "\xff\xfe"); /* bytes may be anything */
    put_z(&s, 0x81, "\xe2\x82\xac");
    expect(&s, "P(\xff)T(gr\xc3\xbc\xc3\x9f)B(\xff\xfe)T(\xe2\x82\xac)");
    one_bad(0x81, "half \xe2\x82", "T(first)X1007");
    s = sent_new();
    put_z(&s, 0x01, "half \xe2\x82");
    put_z(&s, 0x80, "");
    expect(&s, "X1007");
    s = sent_new(); /* a wrong byte is told before its frame, and its message, is whole */
    put_claiming(&s, 0x01, 100, "a \xed\xa0", 4);
    expect(&s, "X1007");
    s = sent_new();
    put_z(&s, 0x01, "\xf4");
    put_claiming(&s, 0x80, 100, "\x90", 1);
    expect(&s, "X1007");
}

static void one_close(const char *payload, size_t bytes, const char *expected)
{
    struct sent s = sent_new();

    put_frame(&s, 0x88, payload, bytes);
    put_z(&s, 0x81, "late");
    expect(&s, expected);
}

static void close_frames(void **state)
{
    char longest[2 + WSFRAME_REASON_BYTES] = { 0x03, (char)0xe9 };
    char expected[160];

    (void)state;
    memset(longest + 2, 'r', WSFRAME_REASON_BYTES);
    snprintf(expected, sizeof(expected), "C1001(%.*s)", WSFRAME_REASON_BYTES, longest + 2);
    one_close("", 0, "C1005()");
    one_close("\x03", 1, "X1002");
    one_close("\x03\xe8", 2, "C1000()");
    one_close(longest, sizeof(longest), expected);
    one_close("\x03\xe8\xff", 3, "X1007");
    one_close("\x03\xe8\xe2\x82", 4, "X1007");
    one_close("\x03\xe8\xe2\x82\xac", 5, "C1000(\xe2\x82\xac)");
}

static void close_codes(void **state)
{
    static const struct {
        unsigned from, to;
        bool is_good;
    } codes[] = { { 0, 999, false },     { 1000, 1003, true }, { 1004, 1006, false }, { 1007, 1014, true },
                  { 1015, 2999, false }, { 3000, 4999, true }, { 5000, 65535, false } };
    unsigned looked_at = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        for (unsigned code = codes[i].from; code <= codes[i].to; code++, looked_at++)
            assert_int_equal(wsframe_is_code(code), codes[i].is_good);
    assert_int_equal(looked_at, 65536);
    one_close("\x03\xec", 2, "X1002");
    one_close("\x03\xf7", 2, "X1002");
    one_close("\x13\x88", 2, "X1002");
}

/* Memory follows what came, not what a head claims, and is gone between messages. */
static void memory_follows_what_came(void **state)
{
    struct sent s = sent_new();
    struct wsframe f;
    char said[SAID_MAX];

    (void)state;
    wsframe_init(&f, true);
    put_claiming(&s, 0x82, LIMIT_SOCKET_BYTES, "abc", 3);
    read_in_steps(&f, &s, 1, said);
    assert_string_equal(said, "");
    assert_int_equal(f.message_bytes, 3);
    assert_true(f.message_room <= 128);
    wsframe_fini(&f);

    wsframe_init(&f, true);
    s.bytes = 0;
    put_z(&s, 0x81, "hello");
    put_z(&s, 0x89, "ping");
    for (size_t step = 1; step < 4; step++) {
        read_in_steps(&f, &s, step, said);
        assert_string_equal(said, "T(hello)P(ping)");
        assert_null(f.message);
        assert_null(f.control);
        assert_int_equal(f.message_room, 0);
    }
    wsframe_fini(&f);
    free(s.at);
    assert_true(sizeof(f) <= 64);
}

static void heads_of_our_own(void **state)
{
    uint8_t head[WSFRAME_HEAD_BYTES];

    (void)state;
    assert_int_equal(wsframe_head(head, WSFRAME_TEXT, 0), 2);
    assert_memory_equal(head, "\x81\x00", 2);
    assert_int_equal(wsframe_head(head, WSFRAME_PING, 125), 2);
    assert_memory_equal(head, "\x89\x7d", 2);
    assert_int_equal(wsframe_head(head, WSFRAME_BINARY, 126), 4);
    assert_memory_equal(head, "\x82\x7e\x00\x7e", 4);
    assert_int_equal(wsframe_head(head, WSFRAME_TEXT, 65535), 4);
    assert_memory_equal(head, "\x81\x7e\xff\xff", 4);
    assert_int_equal(wsframe_head(head, WSFRAME_TEXT, 65536), 10);
    assert_memory_equal(head, "\x81\x7f\0\0\0\0\0\x01\0\0", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_and_control_frames),
        cmocka_unit_test(fragments_are_joined_around_control_frames),
        cmocka_unit_test(reserved_bits_and_opcodes),
        cmocka_unit_test(a_message_can_not_begin_inside_another),
        cmocka_unit_test(frames_without_a_mask),
        cmocka_unit_test(lengths_in_their_shortest_form),
        cmocka_unit_test(control_frames_are_short),
        cmocka_unit_test(binary_where_only_text_is_taken),
        cmocka_unit_test(a_message_has_a_bound),
        cmocka_unit_test(fragments_have_a_bound),
        cmocka_unit_test(text_is_utf8_across_fragments),
        cmocka_unit_test(close_frames),
        cmocka_unit_test(close_codes),
        cmocka_unit_test(memory_follows_what_came),
        cmocka_unit_test(heads_of_our_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
