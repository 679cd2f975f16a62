/* unit/net/test_h2strict.c - late frames, skipped streams and looping priorities; alone, and on a real connection */
#include "frames.h"
#include "net/h2strict.h"
#include "wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/* One frame of a client whose payload is zeros; in pieces of one byte or whole. */
static enum h2strict_offence say(struct h2strict *s, unsigned type, unsigned flags, uint32_t stream,
                                 uint8_t length)
{
    char frame[9 + 255] = { 0,
                            0,
                            (char)length,
                            (char)type,
                            (char)flags,
                            (char)(stream >> 24),
                            (char)(stream >> 16),
                            (char)(stream >> 8),
                            (char)stream };
    enum h2strict_offence offence = H2STRICT_NONE;

    if (stream % 4 == 1)
        return h2strict_input(s, frame, 9U + length);
    for (size_t i = 0; i < 9U + length && !offence; i++)
        offence = h2strict_input(s, frame + i, 1);
    return offence;
}

static void begin(struct h2strict *s)
{
    h2strict_init(s);
    assert_int_equal(h2strict_input(s, preface, sizeof(preface) - 1), H2STRICT_NONE);
    assert_int_equal(say(s, SETTINGS, 0, 0, 0), H2STRICT_NONE);
}

static void test_ended(void **state)
{
    struct h2strict s;

    (void)state;
    for (uint32_t stream = 1; stream <= 3; stream += 2) {
        begin(&s);
        assert_int_equal(say(&s, HEADERS, 0, stream, 7), H2STRICT_NONE);
        assert_int_equal(say(&s, DATA, 0, stream, 200), H2STRICT_NONE);
        assert_int_equal(say(&s, HEADERS, END_STREAM, stream, 7), H2STRICT_NONE); /* trailers */
        assert_int_equal(say(&s, WINDOW, 0, stream, 4), H2STRICT_NONE);
        assert_int_equal(say(&s, RST, 0, stream, 4), H2STRICT_NONE);
        assert_int_equal(say(&s, DATA, 0, stream, 1), H2STRICT_ENDED);
        begin(&s);
        assert_int_equal(say(&s, HEADERS, END_STREAM, stream, 7), H2STRICT_NONE);
        assert_int_equal(say(&s, HEADERS, 0, stream, 7), H2STRICT_ENDED);
        begin(&s);
        assert_int_equal(say(&s, HEADERS, 0, stream, 7), H2STRICT_NONE);
        assert_int_equal(say(&s, RST, 0, stream, 4), H2STRICT_NONE);
        assert_int_equal(say(&s, HEADERS, 0, stream + 2, 7), H2STRICT_NONE);
        assert_int_equal(say(&s, DATA, 0, stream + 2, 7), H2STRICT_NONE);
        assert_int_equal(say(&s, HEADERS, END_STREAM, stream, 7), H2STRICT_ENDED);
    }
}

static void test_skipped(void **state)
{
    struct h2strict s;

    (void)state;
    begin(&s);
    assert_int_equal(say(&s, DATA, 0, 5, 1), H2STRICT_NONE); /* idle: nghttp2 knows what to say */
    assert_int_equal(say(&s, HEADERS, 0, 5, 7), H2STRICT_NONE);
    assert_int_equal(say(&s, DATA, 0, 5, 1), H2STRICT_NONE);
    assert_int_equal(say(&s, HEADERS, 0, 3, 7), H2STRICT_SKIPPED);
}

/* Two bits a stream, for 64 of them: what is older is not known any more.
 * (Nothing is read behind an offence: those frames are empty, so that the next one is found.) */
static void test_bounds(void **state)
{
    struct h2strict s;

    (void)state;
    begin(&s);
    for (uint32_t stream = 1; stream <= 127; stream += 2)
        assert_int_equal(say(&s, HEADERS, stream == 1 ? END_STREAM : 0, stream, 1), H2STRICT_NONE);
    assert_int_equal(say(&s, DATA, 0, 1, 0), H2STRICT_ENDED);
    assert_int_equal(say(&s, HEADERS, 0, 129, 1), H2STRICT_NONE);
    assert_int_equal(say(&s, DATA, 0, 1, 1), H2STRICT_NONE);
    assert_int_equal(say(&s, HEADERS, END_STREAM, 0x7fffffff, 1), H2STRICT_NONE);
    assert_int_equal(say(&s, DATA, 0, 0x7fffffff, 0), H2STRICT_ENDED);
    assert_int_equal(say(&s, DATA, 0, 129, 1), H2STRICT_NONE);
    assert_int_equal(say(&s, DATA, 0, 0x7ffffffd, 1), H2STRICT_SKIPPED);
    begin(&s);
    assert_int_equal(say(&s, HEADERS, END_STREAM, 1, 1), H2STRICT_NONE);
    assert_int_equal(say(&s, HEADERS, 0, 129, 1), H2STRICT_NONE); /* the map is shifted by all of its bits */
    assert_int_equal(say(&s, DATA, 0, 129, 1), H2STRICT_NONE);
}

static void test_loop(void **state)
{
    static const char on_other[] = "\0\0\5\2\0\0\0\0\3\0\0\0\1\20",
                      on_itself[] = "\0\0\5\2\0\0\0\0\3\200\0\0\3\20";
    struct h2strict s;

    (void)state;
    begin(&s);
    assert_int_equal(h2strict_input(&s, on_other, 14), H2STRICT_NONE);
    assert_int_equal(say(&s, HEADERS, 0, 1, 7), H2STRICT_NONE); /* what follows is read where it begins */
    assert_int_equal(h2strict_input(&s, on_itself, 14), H2STRICT_LOOP);
}

/* A stream that is over on both sides; nghttp2 has forgotten it. */
static void test_connection(void **state)
{
    struct wire *w = *state;
    struct frames_said s;
    int fd;

    wire_listen(w);
    fd = frames_connect(w, true, 65535);
    frames_request(fd, 1, false, "/now", END_STREAM);
    s = frames_hear(w, fd, 5000, 1);
    assert_int_equal(s.ends, 1);
    frames_send(fd, DATA, 0, 1, "late", 4);
    s = frames_hear(w, fd, 5000, 0);
    assert_true(s.closed && s.goaways == 1);
    assert_int_equal(s.goaway_code, 5); /* STREAM_CLOSED */
    close(fd);
}

/* Whose upload we have reset may not know it yet. */
static void test_reset_by_us(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    struct frames_said s;
    int fd;

    d.write_stall = 150;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    fd = frames_connect(w, true, 10); /* a window that never opens: we reset the stream */
    frames_request(fd, 1, true, "/now", 0);
    frames_request(fd, 3, false, "/big", END_STREAM);
    frames_request(fd, 5, true, "/big", 0);
    frames_send(fd, DATA, END_STREAM, 5, "x", 1);
    s = frames_hear_until(w, fd, RST, 2);
    assert_int_equal(s.frames[RST], 2);
    assert_false(s.closed);
    assert_int_equal(s.goaways, 0);
    close(fd);
}

int main(void)
{
#define WIRED(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ended), cmocka_unit_test(test_skipped), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_loop),  WIRED(test_connection),         WIRED(test_reset_by_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
