/* unit/client/test_h2_push.c - pushed responses: promises kept and refused */
#include "h2_pair.h"

static struct exchange *anchor(struct pair *p)
{
    struct exchange *x = get(p, "/v1/events?after=1.1&push=1");
    x->response.wants_pieces = true;
    x->promised = promised;
    return x;
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
        cmocka_unit_test(a_promise_on_the_anchor_is_kept),
        cmocka_unit_test(promises_that_nobody_asked_for_are_refused),
        cmocka_unit_test(a_promise_that_the_anchor_refuses_is_refused),
        cmocka_unit_test(few_promises_wait_at_a_time),
        cmocka_unit_test(without_pushes_a_promise_breaks_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
