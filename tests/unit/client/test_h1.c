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

static void note_piece(void *context, const char *bytes, size_t count)
{
    buf_add(context, bytes, count);
}

/* What the answer is when a tunnel, or pieces, were asked for. */
static void at_every_cut(const char *text, bool wants_tunnel, enum h1_state end, const char *pieces,
                         const char *body)
{
    size_t bytes = strlen(text);
    for (size_t step = 1; step <= bytes; step++) {
        struct buf got = { 0 };
        struct response r = {
            .wants_tunnel = wants_tunnel, .wants_pieces = true, .piece = note_piece, .piece_context = &got
        };
        bool keeps;
        assert_int_equal(read_in_steps(text, bytes, step, &r, false, &keeps), end);
        assert_string_equal(got.at ? got.at : "", pieces);
        assert_string_equal(r.body.at ? r.body.at : "", body);
        if (end == H1_TUNNEL) {
            assert_int_equal(r.status, 101);
            assert_string_equal(r.ws_accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            assert_string_equal(r.ws_protocol, "posthorn.v1");
            assert_false(keeps);
        }
        buf_fini(&got);
        buf_fini(&r.body);
    }
}

static void a_tunnel_begins_behind_its_head(void **state)
{
    (void)state;
    at_every_cut("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: "
                 "posthorn.v1\r\nContent-Length: 3\r\n\r\nany bytes\r\n\r\nHTTP/1.1 200",
                 true, H1_TUNNEL, "any bytes\r\n\r\nHTTP/1.1 200", "");
    at_every_cut("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}", true, H1_DONE, "", "{}");
    at_every_cut("HTTP/1.1 101 Switching Protocols\r\n\r\n", false, H1_BAD, "", "");
}

static void pieces_are_handed_on(void **state)
{
    (void)state;
    at_every_cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n",
                 false, H1_CHUNK_SIZE, "abc0123456789", "");
    at_every_cut("HTTP/1.0 200 OK\r\n\r\nuntil the end", false, H1_UNTIL_CLOSE, "until the end", "");
    at_every_cut("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, H1_DONE, "hello", "");
    at_every_cut("HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nhello", false, H1_DONE, "", "hello");
}

static void what_is_asked(void **state)
{
    struct buf to = { 0 };
    struct exchange *x = exchange_new("GET", "/v1/events?after=1.1", "secret", NULL);
    (void)state;
    memcpy(x->ws_key, "dGhlIHNhbXBsZSBub25jZQ==", 25);
    h1_write(&to, x, "chat.example");
    assert_non_null(strstr(to.at, "GET /v1/events?after=1.1 HTTP/1.1\r\nHost: chat.example\r\n"));
    assert_non_null(strstr(to.at, "\r\nConnection: Upgrade\r\n"));
    assert_non_null(strstr(to.at, "\r\nUpgrade: websocket\r\n"));
    assert_non_null(strstr(to.at, "\r\nSec-WebSocket-Version: 13\r\n"));
    assert_non_null(strstr(to.at, "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    assert_non_null(strstr(to.at, "\r\nSec-WebSocket-Protocol: posthorn.v1\r\n"));
    assert_non_null(strstr(to.at, "\r\nAuthorization: Bearer secret\r\n"));
    buf_drop(&to, to.bytes);
    x->ws_key[0] = 0;
    x->accept = "text/event-stream";
    x->method = "POST";
    x->overridden = "PATCH";
    h1_write(&to, x, "chat.example");
    assert_null(strstr(to.at, "pgrade"));
    assert_non_null(strstr(to.at, "\r\nAccept: text/event-stream\r\n"));
    assert_non_null(strstr(to.at, "POST /v1/events"));
    assert_non_null(strstr(to.at, "\r\nX-HTTP-Method-Override: PATCH\r\n"));
    buf_fini(&to);
    exchange_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_answers_survive_every_cut), cmocka_unit_test(bad_answers_are_refused),
        cmocka_unit_test(a_cut_answer_is_not_an_answer),  cmocka_unit_test(bounds_hold),
        cmocka_unit_test(what_follows_is_left),           cmocka_unit_test(a_tunnel_begins_behind_its_head),
        cmocka_unit_test(pieces_are_handed_on),           cmocka_unit_test(what_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
