/* unit/client/test_feed_websocket.c - WebSocket over HTTP/1.1 against a peer: opened, used, closed, faked */
#include "stage.h"
#include <openssl/sha.h>

static void frame(struct stage *s, unsigned kind, const char *payload, size_t bytes)
{
    struct buf b = { 0 };
    unsigned char head[2] = { (unsigned char)(0x80 | kind), (unsigned char)bytes };
    assert_true(bytes < 126);
    buf_add(&b, head, 2);
    buf_add(&b, payload, bytes);
    say_bytes(s, b.at, b.bytes);
    buf_fini(&b);
}

static void frame_text(struct stage *s, const char *text)
{
    frame(s, 1, text, strlen(text));
}

/* What belongs to the key that the client sent. */
static void accept_key(const struct stage *s, char into[32])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char key[25] = "", text[80];
    unsigned char d[20];
    const char *at = strstr(s->got.at, "Sec-WebSocket-Key: ");
    assert_non_null(at);
    memcpy(key, at + strlen("Sec-WebSocket-Key: "), 24);
    snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    SHA1((const unsigned char *)text, strlen(text), d);
    for (unsigned n = 0; n < 28; n++) { /* base64, written out: not the code that is under test */
        unsigned bit = n * 6, byte = bit / 8;
        unsigned two = (unsigned)d[byte < 20 ? byte : 19] << 8 | (byte + 1 < 20 ? d[byte + 1] : 0u);
        into[n] = byte < 20 ? alphabet[two >> (10 - bit % 8) & 63] : '=';
    }
    into[28] = 0;
}

static void upgrade(struct stage *s, const char *accept, const char *protocol)
{
    char head[300];
    snprintf(head, sizeof head,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
             accept, protocol);
    say(s, head);
}

static struct stage *open_ws(void)
{
    struct stage *s = stage_new(NULL);
    char accept[32];
    open_feed(s, FEED_WS);
    assert_non_null(strstr(s->got.at, "GET /v1/events?after=3.6 HTTP/1.1\r\n"));
    accept_key(s, accept);
    buf_drop(&s->got, s->got.bytes);
    upgrade(s, accept, "posthorn.v1");
    assert_false(feed_is_live(s->feed));
    frame_text(s, "{\"events\":[],\"cursor\":\"3.6\"}");
    AWAIT(s, feed_is_live(s->feed));
    assert_string_equal(s->log.at, "batch {\"events\":[],\"cursor\":\"3.6\"}\n");
    buf_drop(&s->log, s->log.bytes);
    return s;
}

/* Waits for a frame of the client's and reads it as a server would. */
static void expect_frame(struct stage *s, unsigned kind, const char *payload)
{
    size_t count = strlen(payload);
    AWAIT(s, s->got.bytes >= 6 + count);
    const unsigned char *at = (const unsigned char *)s->got.at;
    assert_int_equal(at[0], 0x80 | kind);
    assert_int_equal(at[1], 0x80 | count);
    for (size_t n = 0; n < count; n++)
        assert_int_equal(at[6 + n] ^ at[2 + n % 4], (unsigned char)payload[n]);
    buf_drop(&s->got, 6 + count);
}

static void websocket_brings_batches_and_answers_pings(void **state)
{
    struct stage *s = open_ws();
    (void)state;
    frame_text(s, "{\"events\":[{\"i\":7}],\"cursor\":\"3.7\"}");
    frame_text(s, "{\"signal\":{\"t\":\"head\",\"cursor\":\"3.7\"}}");
    frame_text(s, "{\"something\":\"of a later version\"}");
    AWAIT(s, strstr(s->log.at, "signal"));
    assert_string_equal(s->log.at, "batch {\"events\":[{\"i\":7}],\"cursor\":\"3.7\"}\n"
                                   "signal {\"t\":\"head\",\"cursor\":\"3.7\"}\n");
    frame(s, 9, "still there?", 12);
    expect_frame(s, 10, "still there?");
    feed_ack(s->feed, "3.7");
    expect_frame(s, 1, "{\"ack\":\"3.7\"}");
    assert_int_equal(s->ended, 0);
    stage_free(s);
}

static void websocket_closes(void **state)
{
    static const struct {
        const char *payload;
        size_t bytes;
        enum feed_end end;
        int status;
        uint32_t retry_ms;
    } all[] = {
        { "\x03\xf4retry=700", 11, FEED_MOVED, 0, 700 },
        { "\x03\xf5retry=800", 11, FEED_MOVED, 0, 800 },
        { "\x03\xe9", 2, FEED_MOVED, 0, 0 },
        { "\x03\xf0revoked", 9, FEED_REFUSED, 401, 0 },
        { "\x03\xe8", 2, FEED_BROKEN, 0, 0 },
        { "", 0, FEED_BROKEN, 0, 0 },
        { "\x03\xf4retry=", 8, FEED_MOVED, 0, 0 },
        { "\x03\xed", 2, FEED_GARBLED, 0, 0 },
    };
    (void)state;
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++) {
        struct stage *s = open_ws();
        frame(s, 8, all[n].payload, all[n].bytes);
        ends_as(s, all[n].end, "");
        assert_int_equal(s->feed->problem.http_status, all[n].status);
        assert_int_equal(s->feed->retry_ms, all[n].retry_ms);
        stage_free(s);
    }
}

static void an_upgrade_that_is_none(void **state)
{
    char accept[32];
    struct stage *s = stage_new(NULL);
    (void)state;
    open_feed(s, FEED_WS);
    upgrade(s, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "posthorn.v1"); /* of another key: a cache, an echo */
    frame_text(s, "{\"events\":[],\"cursor\":\"3.6\"}");
    ends_as(s, FEED_GARBLED, "Sec-WebSocket-Accept");
    stage_free(s);
    s = stage_new(NULL);
    open_feed(s, FEED_WS);
    accept_key(s, accept);
    upgrade(s, accept, "chat.v9");
    frame_text(s, "{\"events\":[],\"cursor\":\"3.6\"}");
    ends_as(s, FEED_GARBLED, "not a Posthorn server");
    stage_free(s);
    s = stage_new(NULL); /* a proxy took "Upgrade" out: the server sees a poll */
    open_feed(s, FEED_WS);
    say(s, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 28\r\n\r\n"
           "{\"events\":[],\"cursor\":\"3.6\"}");
    ends_as(s, FEED_GARBLED, "strips Upgrade");
    assert_string_equal(s->log.at, "");
    stage_free(s);
    s = open_ws();
    say_bytes(s,
              "\x81\x85"
              "abcdhello",
              11); /* masked */
    ends_as(s, FEED_GARBLED, "protocol");
    stage_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(websocket_brings_batches_and_answers_pings),
        cmocka_unit_test(websocket_closes),
        cmocka_unit_test(an_upgrade_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
