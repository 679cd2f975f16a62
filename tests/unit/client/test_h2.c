/* unit/client/test_h2.c - HTTP/2 against a server in memory: tunnels, answers in pieces, promises kept and refused */
#include "lib/h2.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

enum { BODIES = 300 };

/* What the server has to say on a stream. */
struct body {
    struct buf left;
    bool ends;
};

struct pair {
    struct h2 *h2;
    nghttp2_session *server;
    int32_t stream; /* of the last request that came */
    struct buf seen, closed; /* by the server: fields and data; "stream:code;" */
    struct body bodies[BODIES]; /* by stream number */
    /* the client's side */
    struct exchange *ended[16];
    struct exchange *pushed[16];
    unsigned ended_count, pushed_count, promised_count;
    bool refuses; /* any promise */
    struct buf pieces;
    unsigned piece_count;
};

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t name_bytes,
                     const uint8_t *value, size_t value_bytes, uint8_t flags, void *context)
{
    struct pair *p = context;
    (void)s, (void)flags;
    p->stream = frame->hd.stream_id;
    buf_format(&p->seen, "%.*s: %.*s\n", (int)name_bytes, name, (int)value_bytes, value);
    return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t count,
                   void *context)
{
    struct pair *p = context;
    (void)s, (void)flags, (void)stream;
    buf_add(&p->seen, bytes, count);
    return 0;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *context)
{
    struct pair *p = context;
    (void)s;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        buf_format(&p->closed, "%d:%u;", frame->hd.stream_id, frame->rst_stream.error_code);
    return 0;
}

static ssize_t read_body(nghttp2_session *s, int32_t stream, uint8_t *into, size_t room, uint32_t *flags,
                         nghttp2_data_source *source, void *context)
{
    struct body *b = source->ptr;
    (void)s, (void)stream, (void)context;
    size_t count = b->left.bytes < room ? b->left.bytes : room;
    if (count)
        memcpy(into, b->left.at, count);
    buf_drop(&b->left, count);
    if (b->left.bytes == 0 && b->ends)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (count == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)count;
}

static void ended(void *context, struct exchange *x)
{
    struct pair *p = context;
    assert_true(p->ended_count < 16);
    p->ended[p->ended_count++] = x;
}

static void pushed(void *context, struct exchange *x)
{
    struct pair *p = context;
    assert_true(p->pushed_count < 16);
    p->pushed[p->pushed_count++] = x;
}

static bool promised(void *context, struct exchange *x)
{
    struct pair *p = context;
    assert_string_equal(x->path, "/v1/events?after=1.2");
    p->promised_count++;
    return !p->refuses;
}

static void piece(void *context, const char *bytes, size_t count)
{
    struct pair *p = context;
    buf_add(&p->pieces, bytes, count);
    p->piece_count++;
}

static struct pair *pair_new(bool takes_pushes, bool takes_tunnels)
{
    static const struct h2_events events = { ended, pushed };
    struct pair *p = buf_zeroed(1, sizeof *p);
    nghttp2_session_callbacks *calls;
    const nghttp2_settings_entry settings = { NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 };
    assert_int_equal(nghttp2_session_callbacks_new(&calls), 0);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    assert_int_equal(nghttp2_session_server_new(&p->server, calls, p), 0);
    nghttp2_session_callbacks_del(calls);
    assert_int_equal(nghttp2_submit_settings(p->server, 0, &settings, takes_tunnels), 0);
    p->h2 = h2_new("chat.example", true, takes_pushes, &events, p);
    return p;
}

static void pair_free(struct pair *p)
{
    for (unsigned n = 0; n < p->pushed_count; n++)
        if (p->pushed[n]->end == EXCHANGE_OPEN) {
            h2_cancel(p->h2, p->pushed[n]);
            exchange_free(&p->pushed[n]);
        }
    for (unsigned n = 0; n < p->ended_count; n++)
        exchange_free(&p->ended[n]);
    for (unsigned n = 0; n < BODIES; n++)
        buf_fini(&p->bodies[n].left);
    buf_fini(&p->seen);
    buf_fini(&p->closed);
    buf_fini(&p->pieces);
    h2_free(&p->h2);
    nghttp2_session_del(p->server);
    free(p);
}

/* Bytes to and fro until nobody has any. False: the client found them wrong. */
static bool pump(struct pair *p)
{
    bool is_good = true, moved = true;
    while (moved && is_good) {
        struct buf out = { 0 };
        const uint8_t *bytes;
        ssize_t count;
        assert_true(h2_write(p->h2, &out, 1 << 20));
        moved = out.bytes > 0;
        if (moved)
            assert_int_equal(nghttp2_session_mem_recv(p->server, (uint8_t *)out.at, out.bytes), out.bytes);
        buf_fini(&out);
        while (is_good && (count = nghttp2_session_mem_send(p->server, &bytes)) > 0) {
            is_good = h2_read(p->h2, (const char *)bytes, (size_t)count);
            moved = true;
        }
    }
    buf_add(&p->seen, "", 0);
    buf_add(&p->closed, "", 0);
    buf_add(&p->pieces, "", 0);
    return is_good;
}

static struct exchange *get(struct pair *p, const char *path)
{
    struct exchange *x = exchange_new("GET", path, "secret", NULL);
    x->response.piece = piece;
    x->response.piece_context = p;
    x->context = p;
    return x;
}

static struct exchange *tunnel(struct pair *p)
{
    struct exchange *x = get(p, "/v1/events?after=1.1");
    x->response.wants_tunnel = x->response.wants_pieces = true;
    return x;
}

static struct exchange *anchor(struct pair *p)
{
    struct exchange *x = get(p, "/v1/events?after=1.1&push=1");
    x->response.wants_pieces = true;
    x->promised = promised;
    return x;
}

#define NV(name, value)                                                                                      \
    {                                                                                                        \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value), 0          \
    }

static void answer(struct pair *p, int32_t stream, const char *status, const char *text, bool ends)
{
    struct body *b = &p->bodies[stream];
    const nghttp2_nv fields[] = { NV(":status", status), NV("content-type", "text/x"),
                                  NV("sec-websocket-protocol", "posthorn.v1") };
    nghttp2_data_provider provider = { .source.ptr = b, .read_callback = read_body };
    buf_text(&b->left, text);
    b->ends = ends;
    assert_int_equal(nghttp2_submit_response(p->server, stream, fields, 3, &provider), 0);
}

static void say(struct pair *p, int32_t stream, const char *text, bool ends)
{
    buf_text(&p->bodies[stream].left, text);
    p->bodies[stream].ends = ends;
    assert_int_equal(nghttp2_session_resume_data(p->server, stream), 0);
}

/* Answers the promised stream's number. */
static int32_t promise(struct pair *p, int32_t on, const char *method, const char *authority,
                       const char *path)
{
    const nghttp2_nv fields[] = { NV(":method", method), NV(":scheme", "https"), NV(":authority", authority),
                                  NV(":path", path) };
    int32_t stream = nghttp2_submit_push_promise(p->server, 0, on, fields, 4, NULL);
    assert_true(stream > 0 && stream < BODIES);
    return stream;
}

static int32_t good_promise(struct pair *p, int32_t on)
{
    return promise(p, on, "GET", "chat.example", "/v1/events?after=1.2");
}

/* ---- tunnels ---- */

static void a_tunnel_waits_for_the_settings(void **state)
{
    struct pair *p = pair_new(false, true);
    struct exchange *x = tunnel(p);
    (void)state;
    h2_begin(p->h2, x);
    assert_true(x->is_waiting);
    assert_false(h2_is_settled(p->h2));
    assert_true(pump(p));
    assert_true(h2_is_settled(p->h2));
    assert_string_equal(p->seen.at, "");
    h2_begin(p->h2, x);
    assert_false(x->is_waiting);
    assert_true(pump(p));
    assert_non_null(strstr(p->seen.at, ":method: CONNECT\n"));
    assert_non_null(strstr(p->seen.at, ":protocol: websocket\n"));
    assert_non_null(strstr(p->seen.at, ":scheme: https\n"));
    assert_non_null(strstr(p->seen.at, ":path: /v1/events?after=1.1\n"));
    assert_non_null(strstr(p->seen.at, "sec-websocket-version: 13\n"));
    assert_non_null(strstr(p->seen.at, "sec-websocket-protocol: posthorn.v1\n"));
    assert_non_null(strstr(p->seen.at, "authorization: Bearer secret\n"));
    h2_cancel(p->h2, x);
    exchange_free(&x);
    pair_free(p);
}

static void no_tunnel_where_the_server_has_none(void **state)
{
    struct pair *p = pair_new(false, false);
    (void)state;
    assert_true(pump(p));
    h2_begin(p->h2, tunnel(p));
    assert_int_equal(p->ended_count, 1);
    assert_int_equal(p->ended[0]->end, EXCHANGE_UNFIT);
    assert_true(pump(p));
    assert_string_equal(p->seen.at, "");
    pair_free(p);
}

static void a_tunnel_goes_both_ways(void **state)
{
    struct pair *p = pair_new(false, true);
    struct exchange *x = tunnel(p);
    (void)state;
    assert_true(pump(p));
    buf_text(&x->out, "first");
    h2_begin(p->h2, x);
    assert_true(pump(p));
    assert_false(exchange_is_through(x));
    answer(p, p->stream, "200", "hello ", false);
    assert_true(pump(p));
    assert_true(exchange_is_through(x));
    assert_string_equal(x->response.ws_protocol, "posthorn.v1");
    buf_drop(&p->seen, p->seen.bytes);
    buf_text(&x->out, "up we go");
    h2_resume(p->h2, x);
    say(p, p->stream, "down", false);
    assert_true(pump(p));
    assert_string_equal(p->pieces.at, "hello down");
    assert_non_null(strstr(p->seen.at, "up we go"));
    assert_int_equal(x->response.body.bytes, 0);
    assert_int_equal(p->ended_count, 0);
    h2_cancel(p->h2, x);
    exchange_free(&x);
    assert_true(pump(p));
    assert_string_equal(p->closed.at, "1:8;"); /* CANCEL: as a closed connection */
    pair_free(p);
}

static void a_tunnel_that_the_server_ends_has_ended(void **state)
{
    struct pair *p = pair_new(false, true);
    (void)state;
    assert_true(pump(p));
    h2_begin(p->h2, tunnel(p));
    assert_true(pump(p));
    answer(p, p->stream, "200", "last words", true);
    assert_true(pump(p));
    assert_int_equal(p->ended_count, 1);
    assert_int_equal(p->ended[0]->end, EXCHANGE_ANSWERED);
    assert_string_equal(p->pieces.at, "last words");
    pair_free(p);
}

static void a_refused_tunnel_tells_why(void **state)
{
    struct pair *p = pair_new(false, true);
    (void)state;
    assert_true(pump(p));
    h2_begin(p->h2, tunnel(p));
    assert_true(pump(p));
    answer(p, p->stream, "401", "{\"code\":\"no\"}", true);
    assert_true(pump(p));
    assert_int_equal(p->ended_count, 1);
    assert_int_equal(p->ended[0]->end, EXCHANGE_ANSWERED);
    assert_int_equal(p->ended[0]->response.status, 401);
    assert_string_equal(p->ended[0]->response.body.at, "{\"code\":\"no\"}");
    assert_int_equal(p->piece_count, 0);
    pair_free(p);
}

/* ---- pieces ---- */

static void pieces_come_as_they_are_sent_and_are_not_kept(void **state)
{
    struct pair *p = pair_new(false, false);
    struct exchange *x = get(p, "/v1/events?after=1.1");
    char *part = buf_zeroed(1, 1024 * 1024 + 1);
    (void)state;
    memset(part, 'x', 1024 * 1024);
    x->response.wants_pieces = true;
    x->accept = "text/event-stream";
    h2_begin(p->h2, x);
    assert_true(pump(p));
    assert_non_null(strstr(p->seen.at, "accept: text/event-stream\n"));
    answer(p, p->stream, "200", "one", false);
    assert_true(pump(p));
    assert_int_equal(p->piece_count, 1);
    assert_string_equal(x->response.content_type, "text/x");
    for (size_t sent = 0; sent <= EXCHANGE_ANSWER_MOST; sent += 1024 * 1024) {
        say(p, p->stream, part, false);
        assert_true(pump(p));
    }
    assert_int_equal(p->pieces.bytes, 9u * 1024 * 1024 + 3);
    assert_int_equal(x->response.body.bytes, 0);
    say(p, p->stream, "", true);
    assert_true(pump(p));
    assert_int_equal(p->ended_count, 1);
    assert_int_equal(p->ended[0]->end, EXCHANGE_ANSWERED);
    free(part);
    pair_free(p);
}

static void a_gathered_answer_has_a_bound(void **state)
{
    struct pair *p = pair_new(false, false);
    char *most = buf_zeroed(1, EXCHANGE_ANSWER_MOST + 2);
    (void)state;
    memset(most, 'x', EXCHANGE_ANSWER_MOST + 1);
    h2_begin(p->h2, get(p, "/"));
    assert_true(pump(p));
    answer(p, p->stream, "200", most, true);
    assert_true(pump(p));
    assert_int_equal(p->ended_count, 1);
    assert_int_equal(p->ended[0]->end, EXCHANGE_LOST);
    assert_true(p->ended[0]->response.body.bytes <= EXCHANGE_ANSWER_MOST);
    free(most);
    pair_free(p);
}

/* ---- promises ---- */

/* A client that takes pushes, with its anchor open on stream 1. */
static struct pair *with_anchor(struct exchange **x)
{
    struct pair *p = pair_new(true, true);
    *x = anchor(p);
    h2_begin(p->h2, *x);
    assert_true(pump(p));
    answer(p, 1, "200", "{}\n", false);
    assert_true(pump(p));
    return p;
}

static void a_promise_on_the_anchor_is_kept(void **state)
{
    struct exchange *x;
    struct pair *p = with_anchor(&x);
    (void)state;
    int32_t stream = good_promise(p, 1);
    assert_true(pump(p));
    assert_int_equal(p->promised_count, 1);
    assert_int_equal(p->pushed_count, 1);
    assert_int_equal(p->ended_count, 0);
    answer(p, stream, "200", "{\"events\":[]}", true);
    assert_true(pump(p));
    assert_int_equal(p->ended_count, 1);
    assert_int_equal(p->ended[0]->end, EXCHANGE_ANSWERED);
    assert_string_equal(p->ended[0]->response.body.at, "{\"events\":[]}");
    assert_string_equal(p->closed.at, "");
    h2_cancel(p->h2, x);
    exchange_free(&x);
    pair_free(p);
}

static void promises_that_nobody_asked_for_are_refused(void **state)
{
    static const struct {
        const char *method, *authority, *path;
    } bad[] = {
        { "POST", "chat.example", "/v1/events?after=1.2" },
        { "HEAD", "chat.example", "/v1/events?after=1.2" },
        { "GET", "evil.example", "/v1/events?after=1.2" },
        { "GET", "chat.example:8443", "/v1/events?after=1.2" },
        { "GET", "chat.example", "/v1/snapshot?limit=100" },
        { "GET", "chat.example", "/v1/events" },
        { "GET", "chat.example", "/" },
        { "GET", "chat.example",
          "/v1/events?after=1.2&more="
          "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
          "89"
          "01234567890" },
    };
    struct exchange *x;
    struct pair *p = with_anchor(&x);
    struct exchange *other = get(p, "/v1/account");
    (void)state;
    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++) {
        char expected[32];
        int32_t stream = promise(p, 1, bad[n].method, bad[n].authority, bad[n].path);
        assert_true(pump(p));
        snprintf(expected, sizeof expected, "%d:7;", stream); /* REFUSED_STREAM */
        assert_string_equal(p->closed.at, expected);
        buf_drop(&p->closed, p->closed.bytes);
    }
    h2_begin(p->h2, other); /* and not on any other request */
    assert_true(pump(p));
    good_promise(p, p->stream);
    assert_true(pump(p));
    assert_non_null(strstr(p->closed.at, ":7;"));
    assert_int_equal(p->promised_count, 0);
    assert_int_equal(p->pushed_count, 0);
    h2_cancel(p->h2, x);
    h2_cancel(p->h2, other);
    exchange_free(&x);
    exchange_free(&other);
    pair_free(p);
}

static void a_promise_that_the_anchor_refuses_is_refused(void **state)
{
    struct exchange *x;
    struct pair *p = with_anchor(&x);
    char expected[32];
    (void)state;
    good_promise(p, 1);
    assert_true(pump(p));
    p->refuses = true;
    int32_t stream = good_promise(p, 1);
    assert_true(pump(p));
    snprintf(expected, sizeof expected, "%d:7;", stream);
    assert_string_equal(p->closed.at, expected);
    assert_int_equal(p->promised_count, 2);
    assert_int_equal(p->pushed_count, 1);
    h2_cancel(p->h2, x);
    exchange_free(&x);
    pair_free(p);
}

static void few_promises_wait_at_a_time(void **state)
{
    struct exchange *x;
    struct pair *p = with_anchor(&x);
    (void)state;
    for (int n = 0; n < 100; n++) {
        good_promise(p, 1);
        assert_true(pump(p));
    }
    assert_int_equal(p->promised_count, 4);
    assert_true(p->closed.bytes >= 96 * strlen("10:8;"));
    answer(p, 2, "200", "{}", true); /* one less: the next is taken again */
    assert_true(pump(p));
    assert_int_equal(p->ended_count, 1);
    good_promise(p, 1);
    assert_true(pump(p));
    assert_int_equal(p->promised_count, 5);
    h2_cancel(p->h2, x);
    exchange_free(&x);
    pair_free(p);
}

static void without_pushes_a_promise_breaks_the_protocol(void **state)
{
    struct pair *p = pair_new(false, false);
    struct exchange *x = anchor(p);
    /* A PUSH_PROMISE as no honest server would send it: on stream 1, promising 2, with ":method: GET". */
    static const char frame[] = "\x00\x00\x05\x05\x04\x00\x00\x00\x01\x00\x00\x00\x02\x82";
    (void)state;
    h2_begin(p->h2, x);
    assert_true(pump(p));
    if (h2_read(p->h2, frame, sizeof frame - 1)) {
        struct buf out = { 0 };
        assert_true(h2_write(p->h2, &out, 1 << 20)); /* a GOAWAY, and nothing else */
        assert_true(h2_is_over(p->h2));
        buf_fini(&out);
    }
    assert_int_equal(p->promised_count, 0);
    if (p->ended_count == 0) {
        h2_cancel(p->h2, x);
        exchange_free(&x);
    }
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tunnel_waits_for_the_settings),
        cmocka_unit_test(no_tunnel_where_the_server_has_none),
        cmocka_unit_test(a_tunnel_goes_both_ways),
        cmocka_unit_test(a_tunnel_that_the_server_ends_has_ended),
        cmocka_unit_test(a_refused_tunnel_tells_why),
        cmocka_unit_test(pieces_come_as_they_are_sent_and_are_not_kept),
        cmocka_unit_test(a_gathered_answer_has_a_bound),
        cmocka_unit_test(a_promise_on_the_anchor_is_kept),
        cmocka_unit_test(promises_that_nobody_asked_for_are_refused),
        cmocka_unit_test(a_promise_that_the_anchor_refuses_is_refused),
        cmocka_unit_test(few_promises_wait_at_a_time),
        cmocka_unit_test(without_pushes_a_promise_breaks_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
