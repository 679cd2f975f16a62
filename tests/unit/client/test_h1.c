/* unit/client/test_h1.c - HTTP/1.1 answers: whole, cut anywhere, malformed */
#include "lib/h1.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads text in pieces of `step` bytes; answers the state at the end. */
static enum h1_state read_in_steps(const char *text, size_t bytes, size_t step, struct response *r,
                                   bool closes, bool *keeps_alive)
{
    struct h1 h = { 0 };
    h1_begin(&h);
    for (size_t at = 0; at < bytes;) {
        size_t count = bytes - at < step ? bytes - at : step;
        size_t used = h1_read(&h, r, text + at, count);
        at += used;
        if (used < count || h.state == H1_DONE || h.state == H1_BAD)
            break;
    }
    if (closes)
        h1_closed(&h);
    *keeps_alive = h.keeps_alive;
    enum h1_state state = h.state;
    h1_fini(&h);
    return state;
}

static void good_answers_survive_every_cut(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *body;
        bool closes, keeps;
        uint64_t retry_after_ms;
    } good[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false, true, 0 },
        { "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", false, true, 0 },
        { "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\ncontent-length:2\r\nConnection: close\r\n\r\n{}", 503, "{}",
          false, false, 7000 },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX: "
          "y\r\n\r\n",
          200, "abc0123456789", false, true, 0 },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", 201, "{}",
          false, true, 0 },
        { "HTTP/1.1 204 No Content\r\n\r\n", 204, "", false, true, 0 },
        { "HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end", true, false, 0 },
        { "HTTP/1.1 429 Slow\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nContent-Length: 0\r\n\r\n", 429,
          "", false, true, 0 },
    };
    (void)state;
    for (size_t n = 0; n < sizeof good / sizeof good[0]; n++) {
        size_t bytes = strlen(good[n].text);
        for (size_t step = 1; step <= bytes; step++) {
            struct response r = { 0 };
            bool keeps;
            enum h1_state end = read_in_steps(good[n].text, bytes, step, &r, good[n].closes, &keeps);
            assert_int_equal(end, H1_DONE);
            assert_int_equal(r.status, good[n].status);
            assert_int_equal(keeps, good[n].keeps);
            assert_int_equal(r.retry_after_ms, good[n].retry_after_ms);
            assert_string_equal(r.body.at ? r.body.at : "", good[n].body);
            buf_fini(&r.body);
        }
    }
}

static void bad_answers_are_refused(void **state)
{
    static const char *const bad[] = {
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n123456789\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
        "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: empty\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBlank : x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nFold: x\r\n more\r\n\r\n",
        "<html>captive portal</html>\r\n",
    };
    (void)state;
    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++) {
        for (size_t step = 1; step <= strlen(bad[n]); step++) {
            struct response r = { 0 };
            bool keeps;
            assert_int_equal(read_in_steps(bad[n], strlen(bad[n]), step, &r, false, &keeps), H1_BAD);
            buf_fini(&r.body);
        }
    }
}

static void a_cut_answer_is_not_an_answer(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    (void)state;
    for (size_t bytes = 0; bytes < sizeof text - 1; bytes++) {
        struct response r = { 0 };
        bool keeps;
        assert_int_equal(read_in_steps(text, bytes, bytes ? bytes : 1, &r, true, &keeps), H1_BAD);
        buf_fini(&r.body);
    }
}

static void bounds_hold(void **state)
{
    struct buf text = { 0 };
    struct response r = { 0 };
    bool keeps;
    (void)state;
    buf_text(&text, "HTTP/1.1 200 OK\r\nLong: ");
    for (int n = 0; n < H1_LINE_MOST; n++)
        buf_text(&text, "x");
    assert_int_equal(read_in_steps(text.at, text.bytes, 1000, &r, false, &keeps), H1_BAD);
    buf_drop(&text, text.bytes);
    buf_text(&text, "HTTP/1.1 200 OK\r\n");
    for (int n = 0; n <= H1_LINES_MOST; n++)
        buf_text(&text, "A: b\r\n");
    assert_int_equal(read_in_steps(text.at, text.bytes, 1000, &r, false, &keeps), H1_BAD);
    buf_drop(&text, text.bytes);
    buf_text(&text, "HTTP/1.0 200 OK\r\n\r\n");
    char *part = buf_zeroed(1, 65536);
    while (text.bytes <= EXCHANGE_ANSWER_MOST + 100)
        buf_add(&text, part, 65536);
    free(part);
    assert_int_equal(read_in_steps(text.at, text.bytes, 65536, &r, false, &keeps), H1_BAD);
    assert_true(r.body.bytes <= EXCHANGE_ANSWER_MOST);
    buf_fini(&text);
    buf_fini(&r.body);
}

static void what_follows_is_left(void **state)
{
    static const char two[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n";
    struct h1 h = { 0 };
    struct response r = { 0 };
    (void)state;
    h1_begin(&h);
    assert_int_equal(h1_read(&h, &r, two, sizeof two - 1),
                     strlen("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    assert_int_equal(h.state, H1_DONE);
    h1_fini(&h);
    buf_fini(&r.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_answers_survive_every_cut), cmocka_unit_test(bad_answers_are_refused),
        cmocka_unit_test(a_cut_answer_is_not_an_answer),  cmocka_unit_test(bounds_hold),
        cmocka_unit_test(what_follows_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
