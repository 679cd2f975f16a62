/* unit/client/test_h2.c - HTTP/2 against a server in memory: tunnels, answers in pieces */
#include "h2_pair.h"

static struct exchange *tunnel(struct pair *p)
{
    struct exchange *x = get(p, "/v1/events?after=1.1");
    x->response.wants_tunnel = x->response.wants_pieces = true;
    return x;
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
