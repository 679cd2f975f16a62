/* unit/net/test_h1parse.c - what the strict parser takes, and what it refuses */
#include "net/h1parse.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOST "Host: a\r\n"
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

/* How a request ends when its bytes come in steps; OK only when head and body are whole. MORE: it waits. */
enum { MORE = ERR_COUNT };

static int chunks(const char *at, size_t bytes, size_t step, char *body, size_t *body_bytes)
{
    struct h1parse_chunks c = { 0 };
    size_t i = 0, have = 0;

    *body_bytes = 0;
    while (!h1parse_chunks_done(&c)) {
        struct text data;
        size_t used = 0;
        enum err err;

        if (i == have) {
            if (have == bytes)
                return MORE;
            have = have + step < bytes ? have + step : bytes;
        }
        err = h1parse_chunks(&c, at + i, have - i, &used, &data);
        if (err)
            return (int)err;
        assert_true(used > 0);
        i += used;
        if (data.bytes) {
            assert_true(data.at >= at && data.at + data.bytes <= at + bytes);
            memcpy(body + *body_bytes, data.at, data.bytes);
            *body_bytes += data.bytes;
        }
    }
    return i == bytes ? ERR_OK : -1;
}

static int outcome(const char *request, size_t bytes, size_t step)
{
    size_t scanned = 0, head_bytes = 0, body_bytes = 0;
    struct h1parse_head *head = malloc(sizeof(*head));
    char *copy = malloc(bytes), *body = malloc(bytes + 1);
    enum err err = ERR_OK;
    int result = MORE;

    memcpy(copy, request, bytes); /* exactly as large, so that the sanitizer sees a step too far */
    for (size_t have = 0; have < bytes && !err && !head_bytes;) {
        have = have + step < bytes ? have + step : bytes;
        err = h1parse_find(copy, have, &scanned, &head_bytes);
    }
    if (!err && head_bytes)
        err = h1parse_head((struct text){ copy, head_bytes }, head);
    if (err)
        result = (int)err;
    else if (head_bytes && head->is_chunked)
        result = chunks(copy + head_bytes, bytes - head_bytes, step, body, &body_bytes);
    else if (head_bytes)
        result = bytes - head_bytes == head->content_length ? ERR_OK : -1;
    free(body);
    free(copy);
    free(head);
    return result;
}

static const struct {
    const char *request;
    int outcome;
} refused[] = {
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ERR_BAD_REQUEST },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello1", ERR_BAD_REQUEST },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", ERR_BAD_REQUEST },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello", ERR_BAD_REQUEST },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello", ERR_BAD_REQUEST },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\nhello", ERR_BAD_REQUEST },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\n", ERR_BAD_REQUEST },
    { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", ERR_NOT_IMPLEMENTED },
    { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      ERR_NOT_IMPLEMENTED },
    { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", ERR_NOT_IMPLEMENTED },
    { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ERR_BAD_REQUEST },
    { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", ERR_BAD_REQUEST },
    { "GET / HTTP/1.1\nHost: a\n\n", ERR_BAD_REQUEST },
    { "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", ERR_BAD_REQUEST },
    { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", ERR_BAD_REQUEST },
    { "GET / HTTP/1.1\r\n\r\n", ERR_BAD_REQUEST },
    { "GET / HTTP/1.1\r\n" HOST "Host: b\r\n\r\n", ERR_BAD_REQUEST },
    { "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", ERR_BAD_REQUEST },
    { "GET / HTTP/1.1\r\n" HOST "X: \x01 b\r\n\r\n", ERR_BAD_REQUEST },
    { CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", ERR_BAD_REQUEST },
    { CHUNKED "5\r\nhelloXX0\r\n\r\n", ERR_BAD_REQUEST },
    { CHUNKED "5;a\nb\r\nhello\r\n0\r\n\r\n", ERR_BAD_REQUEST },
    { CHUNKED "000000005\r\nhello\r\n0\r\n\r\n", ERR_BAD_REQUEST },
    { CHUNKED "5\r\nhello\r\n\r\n", ERR_BAD_REQUEST },
    { CHUNKED "5\r\nhello\r\n0\r\nX: a\r\n\r\n", ERR_BAD_REQUEST },
    { "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ERR_BAD_REQUEST },
    { "GET /\r\n\r\n", ERR_BAD_REQUEST },
    { "GET / HTTP/2.0\r\n" HOST "\r\n", ERR_BAD_VERSION },
    { "GET / HTTP/1.1\r\n" HOST "X: a\rb: c\r\n\r\n", ERR_BAD_REQUEST },
    { "GET / HTTP/1.1\r\n" HOST "X: a\r\r\n\r\n", ERR_BAD_REQUEST },
    { "GET http://a/ HTTP/1.1\r\n" HOST "\r\n", ERR_BAD_REQUEST },
    { "GET * HTTP/1.1\r\n" HOST "\r\n", ERR_BAD_REQUEST },
    { "GET /\xff HTTP/1.1\r\n" HOST "\r\n", ERR_BAD_REQUEST },
    { "GET /a#b HTTP/1.1\r\n" HOST "\r\n", ERR_BAD_REQUEST },
    { "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", ERR_NOT_IMPLEMENTED },
    { "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", ERR_BAD_REQUEST },
    { "AAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" HOST "\r\n", ERR_BAD_REQUEST },
    { "POST / HTTP/1.1\r\n" HOST "Expect: something\r\n\r\n", ERR_EXPECTATION_FAILED },
    { "GET / HTTP/1.1\r\n" HOST, MORE },
    { CHUNKED "5\r\nhel", MORE },
    { CHUNKED "5\r\nhello\r\n0\r\n\r", MORE },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        size_t bytes = strlen(refused[i].request);

        for (size_t step = 1; step <= bytes; step++)
            if (outcome(refused[i].request, bytes, step) != refused[i].outcome)
                fail_msg("vector %zu in steps of %zu: %d instead of %d", i, step,
                         outcome(refused[i].request, bytes, step), refused[i].outcome);
    }
    assert_int_equal(outcome("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 35, 1), ERR_BAD_REQUEST);
}

static void test_taken(void **state)
{
    static const char *const vectors[] = {
        "GET / HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nhOST: [::1]:8443\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X:\r\nY: \t a b \t \r\nZ: \xc3\xa4\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "content-length:005\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.0\r\n" HOST "Expect: anything\r\n\r\n",
        CHUNKED "0\r\n\r\n",
        CHUNKED "5;a=\"b c\"\r\nhello\r\n00A;x\r\n0123456789\r\n0;y\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        size_t bytes = strlen(vectors[i]);

        for (size_t step = 1; step <= bytes; step++)
            if (outcome(vectors[i], bytes, step) != ERR_OK)
                fail_msg("vector %zu in steps of %zu: %d", i, step, outcome(vectors[i], bytes, step));
    }
}

static void test_fields(void **state)
{
    struct h1parse_head h;
    struct text head = TEXT("PUT /p?q HTTP/1.1\r\nHost: a:80\r\nX-One:  two \t\r\nExpect: 100-continue\r\n"
                            "Content-Length: 12\r\nConnection: x, Keep-Alive\r\n\r\n");

    (void)state;
    assert_int_equal(h1parse_head(head, &h), ERR_OK);
    assert_true(text_equal(h.method, TEXT("PUT")));
    assert_true(text_equal(h.target, TEXT("/p?q")));
    assert_int_equal(h.fields_count, 5);
    assert_true(text_equal(h.fields[1].name, TEXT("X-One")));
    assert_true(text_equal(h.fields[1].value, TEXT("two")));
    assert_true(h.keep_alive && h.expects_continue && !h.is_chunked);
    assert_int_equal(h.content_length, 12);
}

static bool keeps_alive(const char *version, const char *connection)
{
    struct h1parse_head h;
    char at[256];
    int n = snprintf(at, sizeof(at), "GET / HTTP/%s\r\nHost: a\r\n%s\r\n", version, connection);

    assert_int_equal(h1parse_head((struct text){ at, (size_t)n }, &h), ERR_OK);
    return h.keep_alive;
}

static void test_connection(void **state)
{
    (void)state;
    assert_true(keeps_alive("1.1", ""));
    assert_true(keeps_alive("1.1", "Connection: closed, not-close\r\n"));
    assert_false(keeps_alive("1.1", "Connection: a, Close ,b\r\n"));
    assert_false(keeps_alive("1.1", "Connection: a\r\nConnection: close\r\n"));
    assert_false(keeps_alive("1.0", ""));
    assert_true(keeps_alive("1.0", "Connection: Keep-Alive\r\n"));
    assert_false(keeps_alive("1.0", "Connection: keep-alive, close\r\n"));
}

/* The n-th byte decides: n as asked is taken, one more is not. */
static enum err with_fields(unsigned fields, size_t value_bytes)
{
    static char at[4 * LIMIT_HEAD_BYTES], filler[2 * LIMIT_HEAD_BYTES];
    struct h1parse_head h;
    size_t n = (size_t)snprintf(at, sizeof(at), "GET / HTTP/1.1\r\nHost: a\r\n"), scanned = 0, head_bytes = 0;
    enum err err;

    memset(filler, 'a', sizeof(filler));
    for (unsigned i = 1; i < fields; i++)
        n += (size_t)snprintf(at + n, sizeof(at) - n, "X: %.*s\r\n", i == 1 ? (int)value_bytes : 0, filler);
    n += (size_t)snprintf(at + n, sizeof(at) - n, "\r\n");
    err = h1parse_find(at, n, &scanned, &head_bytes);
    if (err)
        return err;
    assert_int_equal(head_bytes, n);
    return h1parse_head((struct text){ at, n }, &h);
}

static enum err with_target(size_t bytes)
{
    static char at[2 * LIMIT_TARGET_BYTES];
    struct h1parse_head h;
    size_t n = 5 + bytes - 1;

    memset(at, 'a', sizeof(at));
    memcpy(at, "GET /", 5);
    memcpy(at + n, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
    return h1parse_head((struct text){ at, n + 22 }, &h);
}

static void test_bounds(void **state)
{
    static char endless[LIMIT_HEAD_BYTES];
    const size_t fixed = 16 + 9 + 2 + 5; /* line, Host, empty line, "X: \r\n" */
    size_t scanned = 0, head_bytes = 0;

    (void)state;
    assert_int_equal(with_fields(LIMIT_HEAD_FIELDS, 0), ERR_OK);
    assert_int_equal(with_fields(LIMIT_HEAD_FIELDS + 1, 0), ERR_HEAD_TOO_LARGE);
    assert_int_equal(with_fields(2, LIMIT_HEAD_BYTES - fixed), ERR_OK);
    assert_int_equal(with_fields(2, LIMIT_HEAD_BYTES - fixed + 1), ERR_HEAD_TOO_LARGE);
    assert_int_equal(with_target(LIMIT_TARGET_BYTES), ERR_OK);
    assert_int_equal(with_target(LIMIT_TARGET_BYTES + 1), ERR_URI_TOO_LONG);
    memset(endless, 'a', sizeof(endless));
    assert_int_equal(h1parse_find(endless, LIMIT_TARGET_BYTES, &scanned, &head_bytes), ERR_OK);
    assert_int_equal(h1parse_find(endless, LIMIT_TARGET_BYTES + 100, &scanned, &head_bytes),
                     ERR_URI_TOO_LONG);
}

static void test_chunk_extension_bound(void **state)
{
    static char at[8192];
    struct h1parse_chunks c = { 0 };
    struct text data;
    size_t used;

    (void)state;
    memset(at, 'x', sizeof(at));
    memcpy(at, "5;", 2);
    assert_int_equal(h1parse_chunks(&c, at, 2 + 4096, &used, &data), ERR_OK);
    assert_int_equal(used, 2 + 4096);
    assert_int_equal(h1parse_chunks(&c, "x", 1, &used, &data), ERR_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused), cmocka_unit_test(test_taken),
        cmocka_unit_test(test_fields),  cmocka_unit_test(test_connection),
        cmocka_unit_test(test_bounds),  cmocka_unit_test(test_chunk_extension_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
