/* unit/client/test_websocket.c - WebSocket frames: cut anywhere, in fragments, against the rules; and ours */
#include "lib/websocket.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bytes {
    const char *at;
    size_t count;
};
#define BYTES(text) ((struct bytes){ text, sizeof(text) - 1 })

static void note_text(void *context, const char *bytes, size_t count)
{
    assert_int_equal(strlen(bytes), count);
    buf_format(context, "text %s;", bytes);
}

static void note_ping(void *context, const char *bytes, size_t count)
{
    buf_format(context, "ping %.*s;", (int)count, bytes);
}

static void note_closed(void *context, unsigned code, const char *reason)
{
    buf_format(context, "closed %u %s;", code, reason);
}

static const struct websocket_events events = { note_text, note_ping, note_closed };

/* 0: all was good; else the code of the Close. */
static unsigned read_in_steps(struct bytes b, size_t step, struct buf *log)
{
    struct websocket w = { 0 };
    bool is_good = true;
    for (size_t at = 0; at < b.count && is_good; at += step)
        is_good = websocket_read(&w, b.at + at, b.count - at < step ? b.count - at : step, &events, log);
    assert_int_equal(is_good, w.broke == 0);
    if (!is_good) /* and so it stays */
        assert_false(websocket_read(&w, "\x81\x01x", 3, &events, log));
    unsigned code = w.broke;
    websocket_fini(&w);
    buf_add(log, "", 0);
    return code;
}

static void at_every_cut(struct bytes b, const char *expected, unsigned code)
{
    for (size_t step = 1; step <= b.count; step++) {
        struct buf log = { 0 };
        assert_int_equal(read_in_steps(b, step, &log), code);
        assert_string_equal(log.at, expected);
        buf_fini(&log);
    }
}

static void messages_survive_every_cut(void **state)
{
    (void)state;
    at_every_cut(BYTES("\x81\x02hi\x81\x00\x81\x03you"), "text hi;text ;text you;", 0);
    at_every_cut(BYTES("\x01\x02he\x00\x02ll\x80\x01o"), "text hello;", 0);
    at_every_cut(BYTES("\x01\x02he\x89\x01p\x80\x03llo\x8a\x01q"), "ping p;text hello;", 0);
    at_every_cut(BYTES("\x89\x00\x8a\x00"), "ping ;", 0);
    at_every_cut(BYTES("\x01\x02\xe2\x82\x80\x01\xac"), "text \xe2\x82\xac;", 0); /* a character in two */
    at_every_cut(BYTES("\x88\x0f\x03\xf4retry=12000!!"), "closed 1012 retry=12000!!;", 0);
    at_every_cut(BYTES("\x88\x00\x81\x01x"), "closed 1005 ;", 0); /* nothing is read after a Close */
    at_every_cut(BYTES("\x88\x02\x03\xe8\xff\xff\xff"), "closed 1000 ;", 0);
}

static void longer_lengths(void **state)
{
    struct buf frame = { 0 }, log = { 0 };
    char *text = buf_zeroed(1, 70001);
    (void)state;
    memset(text, 'a', 70000);
    buf_add(&frame, "\x81\x7e\x00\x7e", 4);
    buf_add(&frame, text, 126);
    buf_add(&frame, "\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70", 10);
    buf_add(&frame, text, 70000);
    assert_int_equal(read_in_steps((struct bytes){ frame.at, frame.bytes }, 1000, &log), 0);
    assert_int_equal(log.bytes, 126 + 70000 + 2 * strlen("text ;"));
    buf_fini(&frame);
    buf_fini(&log);
    free(text);
}

static void what_breaks_the_rules_is_refused(void **state)
{
    (void)state;
    at_every_cut(BYTES("\xc1\x02hi"), "", 1002); /* a reserved bit */
    at_every_cut(BYTES("\x81\x82"
                       "abcdhi"),
                 "", 1002); /* masked */
    at_every_cut(BYTES("\x80\x01x"), "", 1002); /* a fragment of nothing */
    at_every_cut(BYTES("\x01\x01x\x81\x01y"), "", 1002); /* a message inside another */
    at_every_cut(BYTES("\x82\x01x"), "", 1003); /* binary */
    at_every_cut(BYTES("\x83\x01x"), "", 1002); /* kinds that there are not */
    at_every_cut(BYTES("\x8b\x01x"), "", 1002);
    at_every_cut(BYTES("\x09\x01x"), "", 1002); /* control frames: not in pieces */
    at_every_cut(BYTES("\x89\x7e\x00\x7e"), "", 1002); /* nor long */
    at_every_cut(BYTES("\x81\x7e\x00\x7d"), "", 1002); /* lengths: in the shortest way */
    at_every_cut(BYTES("\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff"), "", 1002);
    at_every_cut(BYTES("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), "", 1002);
    at_every_cut(BYTES("\x81\x01\xff"), "", 1007);
    at_every_cut(BYTES("\x01\x02\xe2\x82\x80\x01x"), "", 1007);
    at_every_cut(BYTES("\x88\x01x"), "", 1002); /* half a code */
    at_every_cut(BYTES("\x88\x02\x03\xed"), "", 1002); /* codes that nobody may send */
    at_every_cut(BYTES("\x88\x02\x03\xe7"), "", 1002);
    at_every_cut(BYTES("\x88\x03\x03\xe8\xff"), "", 1007);
    at_every_cut(BYTES("\x81\x02hi\x82\x01x"), "text hi;", 1003); /* what came before is not lost */
}

static void messages_have_bounds(void **state)
{
    struct buf log = { 0 }, frames = { 0 };
    (void)state;
    /* One byte too long: refused when the head says so. */
    at_every_cut(BYTES("\x81\x7f\x00\x00\x00\x00\x00\x40\x00\x01"), "", 1009);
    at_every_cut(BYTES("\x01\x01x\x80\x7f\x00\x00\x00\x00\x00\x40\x00\x00"), "", 1009);
    buf_add(&frames, "\x01\x00", 2);
    for (int n = 1; n < WEBSOCKET_FRAGMENTS_MOST; n++)
        buf_add(&frames, "\x00\x00", 2);
    assert_int_equal(read_in_steps((struct bytes){ frames.at, frames.bytes }, 999, &log), 0);
    buf_add(&frames, "\x00\x00", 2);
    assert_int_equal(read_in_steps((struct bytes){ frames.at, frames.bytes }, 999, &log), 1009);
    buf_fini(&log);
    buf_fini(&frames);
}

/* Reads one of our frames as a server would. */
static void unmask(const struct buf *frame, unsigned kind, const char *expected, size_t count)
{
    const unsigned char *at = (const unsigned char *)frame->at;
    size_t head = count < 126 ? 2 : 4;
    assert_int_equal(frame->bytes, head + 4 + count);
    assert_int_equal(at[0], 0x80 | kind);
    assert_int_equal(at[1], 0x80 | (count < 126 ? count : 126));
    if (head == 4)
        assert_int_equal(at[2] << 8 | at[3], count);
    for (size_t n = 0; n < count; n++)
        assert_int_equal(at[head + 4 + n] ^ at[head + n % 4], (unsigned char)expected[n]);
}

static void our_frames_are_masked_anew_each(void **state)
{
    char *text = buf_zeroed(1, 65536);
    char masks[8][4];
    (void)state;
    memset(text, 'm', 65535);
    static const size_t counts[] = { 0, 1, 125, 126, 1000, 65535 };
    for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
        struct buf frame = { 0 };
        websocket_write(&frame, WEBSOCKET_TEXT, text, counts[n]);
        unmask(&frame, 1, text, counts[n]);
        buf_fini(&frame);
    }
    for (size_t n = 0; n < 8; n++) {
        struct buf frame = { 0 };
        websocket_write(&frame, WEBSOCKET_PONG, "p", 1);
        unmask(&frame, 10, "p", 1);
        memcpy(masks[n], frame.at + 2, 4);
        buf_fini(&frame);
    }
    unsigned same = 0;
    for (size_t n = 1; n < 8; n++)
        same += memcmp(masks[n], masks[0], 4) == 0;
    assert_true(same < 2); /* seven equal ones by chance: once in 2^224 */
    free(text);
}

static void the_handshake(void **state)
{
    char one[28], other[28];
    (void)state;
    /* RFC 6455 1.3 */
    assert_true(websocket_accepts("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_false(websocket_accepts("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO="));
    assert_false(websocket_accepts("dGhlIHNhbXBsZSBub25jZQ==", ""));
    websocket_key(one);
    websocket_key(other);
    assert_int_equal(strlen(one), 24);
    assert_string_not_equal(one, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_survive_every_cut),       cmocka_unit_test(longer_lengths),
        cmocka_unit_test(what_breaks_the_rules_is_refused), cmocka_unit_test(messages_have_bounds),
        cmocka_unit_test(our_frames_are_masked_anew_each),  cmocka_unit_test(the_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
