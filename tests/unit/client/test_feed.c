/* unit/client/test_feed.c - server-sent events, polls and proxies against a peer: the good, the odd, the bad */
#include "lib/feed_inner.h"
#include "stage.h"
#include <fcntl.h>

static struct stage *open_sse(void)
{
    struct stage *s = stage_new(NULL);
    open_feed(s, FEED_SSE);
    assert_non_null(strstr(s->got.at, "GET /v1/events?after=3.6&pad=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(s->got.at, "Accept: text/event-stream\r\n"));
    say(s, SSE_HEAD);
    assert_false(feed_is_live(s->feed)); /* a head proves nothing: what follows may be held back */
    chunk(s, "retry: 2000\nid: 3.6\n: ok\n\n");
    AWAIT(s, feed_is_live(s->feed));
    assert_string_equal(s->log.at, "batch {\"events\":[],\"cursor\":\"3.6\"}\n");
    buf_drop(&s->log, s->log.bytes);
    return s;
}

static void sse_brings_batches_and_signals(void **state)
{
    struct stage *s = open_sse();
    (void)state;
    chunk(s, "id: 3.7\nevent: message\ndata: {\"i\":7}\n\nid: 3.8\nevent: message\ndata: {\"i\":8}\n\n");
    AWAIT(s, s->log.bytes);
    assert_string_equal(s->log.at, "batch {\"events\":[{\"i\":7},{\"i\":8}],\"cursor\":\"3.8\"}\n");
    buf_drop(&s->log, s->log.bytes);
    chunk(s, ":\nevent: signal\ndata: {\"t\":\"head\",\"cursor\":\"3.8\"}\n\n");
    AWAIT(s, s->log.bytes);
    assert_string_equal(s->log.at, "signal {\"t\":\"head\",\"cursor\":\"3.8\"}\n");
    buf_drop(&s->log, s->log.bytes);
    for (const char *at = "17\r\nid: 3.9\ndata: {\"i\":9}\n\n\r\n"; *at; at++)
        say_bytes(s, at, 1);
    AWAIT(s, s->log.bytes);
    assert_string_equal(s->log.at, "batch {\"events\":[{\"i\":9}],\"cursor\":\"3.9\"}\n");
    assert_int_equal(s->ended, 0);
    stage_free(s);
}

static void sse_says_goodbye(void **state)
{
    static const struct {
        const char *text;
        enum feed_end end;
        int status;
        uint32_t retry_ms;
    } all[] = {
        { "retry: 700\nevent: bye\ndata: {\"retry_ms\":700}\n\n", FEED_MOVED, 0, 700 },
        { "event: bye\ndata: {\"code\":\"replaced\",\"retry_ms\":0}\n\n", FEED_MOVED, 0, 0 },
        { "event: bye\ndata: {\"code\":\"slow\",\"retry_ms\":300}\n\n", FEED_MOVED, 0, 300 },
        { "event: bye\ndata: {\"code\":\"revoked\",\"retry_ms\":0}\n\n", FEED_REFUSED, 401, 0 },
        { "event: bye\ndata: {\"code\":\"resync\",\"retry_ms\":0}\n\n", FEED_REFUSED, 410, 0 },
    };
    (void)state;
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++) {
        struct stage *s = open_sse();
        char text[300];
        snprintf(text, sizeof text, "id: 3.7\ndata: {\"i\":7}\n\n%s", all[n].text);
        chunk(s, text);
        ends_as(s, all[n].end, "");
        assert_int_equal(s->feed->problem.http_status, all[n].status);
        assert_int_equal(s->feed->retry_ms, all[n].retry_ms);
        /* What came before the goodbye is not lost. */
        assert_string_equal(s->log.at, "batch {\"events\":[{\"i\":7}],\"cursor\":\"3.7\"}\n");
        stage_free(s);
    }
}

static void a_stream_that_breaks_is_broken(void **state)
{
    struct stage *s = open_sse();
    (void)state;
    shutdown(s->fd, SHUT_RDWR);
    ends_as(s, FEED_BROKEN, "");
    stage_free(s);
    s = open_sse();
    say(s, "0\r\n\r\n");
    ends_as(s, FEED_BROKEN, "ended");
    stage_free(s);
    s = open_sse();
    chunk(s, "data: \xff\n\n");
    ends_as(s, FEED_GARBLED, "protocol");
    stage_free(s);
    s = open_sse();
    chunk(s, "id: 3.7\ndata: {no json\n\n");
    ends_as(s, FEED_GARBLED, "");
    assert_string_equal(s->log.at, "");
    stage_free(s);
}

/* Whatever way it is, what others say in the server's place is told from what the server says. */
static void strangers_answer(void **state)
{
    static const struct {
        const char *text;
        enum feed_end end;
        const char *detail, *code;
        int status;
        uint32_t retry_ms;
    } all[] = {
        { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 18\r\n\r\n<html>login</html>",
          FEED_GARBLED, "", "", 200, 0 },
        { "HTTP/1.1 302 Found\r\nLocation: http://portal/\r\nContent-Length: 0\r\n\r\n", FEED_GARBLED,
          "something on the way answered 302", "bad_answer", 302, 0 },
        { "HTTP/1.1 511 Network Authentication Required\r\nContent-Length: 2\r\n\r\nno", FEED_REFUSED,
          "something on the way answered 511", "bad_answer", 511, 0 },
        { "HTTP/1.1 410 Gone\r\nContent-Length: 43\r\n\r\n{\"code\":\"resync\",\"detail\":\"it is too "
          "old.\"}",
          FEED_REFUSED, "the server refused it: it is too old", "resync", 410, 0 },
        { "HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 15\r\n\r\n{\"code\":\"busy\"}",
          FEED_REFUSED, "the server answered 503", "busy", 503, 3000 },
        { "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: "
          "30\r\n\r\n{\"code\":\"busy\",\"retry_ms\":412}",
          FEED_REFUSED, "the server answered 503", "busy", 503, 412 },
        { "SSH-2.0-OpenSSH_9.2\r\n\r\n", FEED_BROKEN, "not an HTTP/1.1 answer", "", 0, 0 },
    };
    static const enum feed_way ways[] = { FEED_SSE, FEED_WS, FEED_LONGPOLL };
    (void)state;
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++) {
        for (size_t w = 0; w < 3; w++) {
            struct stage *s = stage_new(NULL);
            open_feed(s, ways[w]);
            say(s, all[n].text);
            if (all[n].end == FEED_BROKEN &&
                !s->ended) { /* a poll is asked once more before it is given up */
                AWAIT(s, s->ended || s->accepted == 2);
                if (!s->ended)
                    say(s, all[n].text);
            }
            ends_as(s, all[n].end, ways[w] == FEED_LONGPOLL && all[n].status == 200 ? "" : all[n].detail);
            if (all[n].status != 200) {
                assert_string_equal(s->feed->problem.code, all[n].code);
                assert_int_equal(s->feed->problem.http_status, all[n].status);
            }
            assert_int_equal(s->feed->retry_ms, all[n].retry_ms);
            assert_string_equal(s->log.at, "");
            stage_free(s);
        }
    }
}

/* Even when it reads like ours. */
static void another_type_is_another_thing(void **state)
{
    struct stage *s = stage_new(NULL);
    (void)state;
    open_feed(s, FEED_SSE);
    say(s, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
    chunk(s, "id: 3.6\n\n");
    ends_as(s, FEED_GARBLED, "no server-sent events");
    assert_string_equal(s->log.at, "");
    stage_free(s);
}

static void silence_is_noticed(void **state)
{
    struct stage *s = stage_new(NULL);
    (void)state;
    open_feed(s, FEED_SSE);
    say(s, SSE_HEAD); /* a proxy that holds answers back gives the head, perhaps, and nothing more */
    uint64_t now = clock_ms();
    assert_true(feed_due_ms(s->feed) <= now + FEED_FIRST_MS);
    feed_step(s->feed, now + FEED_FIRST_MS - 5000);
    assert_int_equal(s->ended, 0);
    feed_step(s->feed, now + FEED_FIRST_MS);
    assert_int_equal(s->ended, 1);
    assert_int_equal(s->feed->end, FEED_MUTE);
    stage_free(s);
    s = open_sse();
    now = clock_ms();
    assert_true(feed_due_ms(s->feed) <= now + FEED_MUTE_MS && feed_due_ms(s->feed) > now + 20000);
    feed_step(s->feed, now + 20000);
    assert_int_equal(s->ended, 0);
    feed_step(s->feed, now + FEED_MUTE_MS);
    assert_int_equal(s->feed->end, FEED_MUTE);
    stage_free(s);
}

/* ---- polls ---- */

static void poll_answer(struct stage *s, const char *body)
{
    struct buf b = { 0 };
    buf_format(&b, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
               strlen(body), body);
    buf_drop(&s->got, s->got.bytes);
    buf_drop(&s->log, s->log.bytes);
    say_bytes(s, b.at, b.bytes);
    buf_fini(&b);
    AWAIT(s, s->log.bytes || s->ended);
}

static void long_polls_go_on_from_their_cursor(void **state)
{
    struct stage *s = stage_new(NULL);
    (void)state;
    open_feed(s, FEED_LONGPOLL);
    assert_non_null(strstr(s->got.at, "GET /v1/events?after=3.6&wait=1 HTTP/1.1\r\n")); /* soon live */
    poll_answer(
        s, "{\"events\":[{\"t\":\"message\",\"i\":7}],\"cursor\":\"3.7\",\"more\":false,\"retry_ms\":0}");
    assert_true(feed_is_live(s->feed));
    assert_non_null(strstr(s->log.at, "\"i\":7"));
    AWAIT(s, strstr(s->got.at, "\r\n\r\n"));
    assert_non_null(strstr(s->got.at, "GET /v1/events?after=3.7&wait=20 HTTP/1.1\r\n"));
    assert_int_equal(s->accepted, 1); /* one connection for all */
    poll_answer(s, "{\"events\":[],\"cursor\":\"3.7\"}"); /* long before its time, and no word: no spinning */
    assert_true(feed_due_ms(s->feed) > clock_ms());
    AWAIT(s, strstr(s->got.at, "\r\n\r\n"));
    poll_answer(s, "{\"events\":{},\"cursor\":\"3.7\"}");
    ends_as(s, FEED_GARBLED, "not a Posthorn server");
    stage_free(s);
}

static void a_poll_that_says_when_to_come_back_is_a_good_bye(void **state)
{
    static const enum feed_way ways[] = { FEED_LONGPOLL, FEED_POLL };
    (void)state;
    for (int n = 0; n < 2; n++) {
        struct stage *s = stage_new(NULL);
        open_feed(s, ways[n]);
        poll_answer(
            s,
            "{\"events\":[{\"t\":\"message\",\"i\":7}],\"cursor\":\"3.7\",\"more\":false,\"retry_ms\":400}");
        assert_non_null(strstr(s->log.at, "\"i\":7"));
        ends_as(s, FEED_MOVED, "moved");
        assert_int_equal(s->feed->retry_ms, 400);
        stage_free(s);
    }
}

static void short_polls_take_their_time(void **state)
{
    struct stage *s = stage_new(NULL);
    (void)state;
    open_feed(s, FEED_POLL);
    assert_non_null(strstr(s->got.at, "GET /v1/events?after=3.6&wait=0 HTTP/1.1\r\n"));
    poll_answer(s, "{\"events\":[],\"cursor\":\"3.6\"}");
    uint64_t due = feed_due_ms(s->feed), now = clock_ms();
    assert_true(due > now + FEED_POLL_MS - 1500 && due <= now + FEED_POLL_MS);
    stage_free(s);
}

/* Signals come early and without events: nothing to be patient about. */
static void polls_bring_signals(void **state)
{
    struct stage *s = stage_new(NULL);
    (void)state;
    open_feed(s, FEED_LONGPOLL);
    for (int n = 0; n < 3; n++) {
        AWAIT(s, strstr(s->got.at, "\r\n\r\n"));
        poll_answer(s, "{\"cursor\":\"3.6\",\"events\":[],\"signals\":[{\"t\":\"typing\"},{\"t\":\"x\"}]}");
        assert_int_equal(((struct feed_inner *)s->feed)->early, 0);
    }
    assert_non_null(strstr(s->log.at, "signal {\"t\":\"typing\"}\nsignal {\"t\":\"x\"}\nbatch {"));
    stage_free(s);
}

/* ---- on the way there ---- */

static void nobody_is_there(void **state)
{
    struct stage *s = stage_new(NULL);
    (void)state;
    close(s->listener); /* its number may not be taken by others meanwhile */
    s->listener = open("/dev/null", O_RDONLY | O_CLOEXEC);
    open_feed(s, FEED_SSE);
    ends_as(s, FEED_BROKEN, "can't connect to 127.0.0.1");
    stage_free(s);
}

static void a_tunnel_through_a_proxy(void **state)
{
    struct stage *s = stage_new("http://al%40ice:secret@");
    (void)state;
    open_feed(s, FEED_SSE);
    assert_string_equal(http_path(s->http) + strlen("through the proxy 127.0.0.1:"), s->proxy.port);
    assert_string_equal(s->got.at, "CONNECT chat.example:80 HTTP/1.1\r\nHost: chat.example:80\r\n"
                                   "Proxy-Authorization: Basic YWxAaWNlOnNlY3JldA==\r\n\r\n");
    buf_drop(&s->got, s->got.bytes);
    for (const char *at = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"; *at; at++)
        say_bytes(s, at, 1);
    AWAIT(s, strstr(s->got.at, "\r\n\r\n"));
    assert_non_null(strstr(s->got.at, "GET /v1/events?after=3.6&pad=1 HTTP/1.1\r\nHost: chat.example\r\n"));
    assert_null(strstr(s->got.at, "Proxy-Authorization")); /* it is none of the server's business */
    say(s, SSE_HEAD);
    chunk(s, "id: 3.6\n\n");
    AWAIT(s, feed_is_live(s->feed));
    stage_free(s);
}

static void proxies_that_refuse(void **state)
{
    static const struct {
        const char *text, *detail;
    } all[] = {
        { "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy wants a password" },
        { "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nnever", "the proxy forbids it" },
        { "HTTP/1.1 502 Bad Gateway\r\n\r\n", "the proxy can't reach the server" },
        { "220 mail.example ESMTP\r\n\r\n", "is not an HTTP proxy" },
        { "", "the proxy closed the connection" },
    };
    (void)state;
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++) {
        struct stage *s = stage_new("");
        open_feed(s, FEED_WS);
        if (all[n].text[0])
            say(s, all[n].text);
        else
            shutdown(s->fd, SHUT_RDWR);
        ends_as(s, FEED_BROKEN, all[n].detail);
        stage_free(s);
    }
    struct stage *s = stage_new("");
    struct buf endless = { 0 };
    buf_text(&endless, "HTTP/1.1 200 OK\r\n");
    while (endless.bytes <= PROXY_HEAD_MOST + 2048)
        buf_text(&endless, "More: and more\r\n");
    open_feed(s, FEED_WS);
    send(s->fd, endless.at, endless.bytes, MSG_NOSIGNAL);
    ends_as(s, FEED_BROKEN, "too long");
    buf_fini(&endless);
    stage_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sse_brings_batches_and_signals),
        cmocka_unit_test(sse_says_goodbye),
        cmocka_unit_test(a_stream_that_breaks_is_broken),
        cmocka_unit_test(strangers_answer),
        cmocka_unit_test(another_type_is_another_thing),
        cmocka_unit_test(silence_is_noticed),
        cmocka_unit_test(long_polls_go_on_from_their_cursor),
        cmocka_unit_test(a_poll_that_says_when_to_come_back_is_a_good_bye),
        cmocka_unit_test(short_polls_take_their_time),
        cmocka_unit_test(polls_bring_signals),
        cmocka_unit_test(nobody_is_there),
        cmocka_unit_test(a_tunnel_through_a_proxy),
        cmocka_unit_test(proxies_that_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
