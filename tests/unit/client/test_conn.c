/* unit/client/test_conn.c - connections: what follows a proxy's head, bounds of what waits, a GOAWAY */
#include "lib/tls.h"
#include "lib/websocket.h"
#include "stage.h"

enum { PINGS = 8 * 1024, PING_BYTES = 127 };

static void what_follows_a_proxys_head_is_the_servers(void **state)
{
    static const char text[] = "HTTP/1.1 200 Connection established\r\n\r\nhello";
    struct stage *s = stage_new("");
    struct link l;
    char got[64];
    size_t count = 0;
    uint64_t until = clock_ms() + PATIENCE_MS;
    bool was_said = false;
    (void)state;
    link_open(&l, &s->url, &s->proxy, NULL, false, clock_ms());
    while (count < 5 && l.state != LINK_CLOSED && clock_ms() < until) {
        turn(s);
        if (!was_said && strstr(s->got.at, "\r\n\r\n"))
            was_said = send(s->fd, text, sizeof text - 1, MSG_NOSIGNAL) == sizeof text - 1;
        link_step(&l, &s->url, clock_ms());
        count += link_read(&l, got + count, sizeof got - count);
    }
    assert_int_equal(count, 5);
    assert_memory_equal(got, "hello", 5);
    link_close(&l);
    stage_free(s);
}

/* Why a handshake with a peer that answers so fails, in words. */
static void handshake_with(const char *answer, size_t bytes, const char *words)
{
    struct stage *s = stage_new(NULL);
    char why[300];
    SSL_CTX *context = tls_context(NULL, why, sizeof why);
    uint64_t until = clock_ms() + PATIENCE_MS;
    struct link l;
    bool was_said = false;
    assert_non_null(context);
    link_open(&l, &s->url, &s->proxy, context, true, clock_ms());
    while (l.state != LINK_CLOSED && clock_ms() < until) {
        turn(s);
        link_step(&l, &s->url, clock_ms());
        if (!was_said && s->got.bytes) {
            was_said = true;
            assert_true(bytes == 0 || send(s->fd, answer, bytes, MSG_NOSIGNAL) > 0);
            shutdown(s->fd, SHUT_WR);
        }
    }
    assert_int_equal(l.state, LINK_CLOSED);
    assert_non_null(strstr(l.why, words));
    SSL_CTX_free(context);
    stage_free(s);
}

static void what_speaks_no_tls(void **state)
{
    static const char portal[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    (void)state;
    handshake_with(portal, sizeof portal - 1, "what answers does not speak TLS");
    handshake_with("", 0, "closed in its handshake");
    handshake_with("\x15\x03\x03\x00\x02\x02\x28", 7, "TLS failed: "); /* an alert: handshake failure */
}

/* A connection over HTTP/1.1 whose tunnel the peer has opened. */
struct tunnel {
    struct stage *stage;
    struct conn *c;
    struct exchange *x;
    struct exchange_list finished;
    struct websocket ws;
    unsigned pings;
};

static void no_text(void *context, const char *bytes, size_t count)
{
    (void)context, (void)bytes, (void)count;
}

static void no_close(void *context, unsigned code, const char *reason)
{
    (void)context, (void)code, (void)reason;
}

static void answer_ping(void *context, const char *bytes, size_t count)
{
    struct tunnel *t = context;
    t->pings++;
    if (t->x->out.bytes < 64 * 1024)
        websocket_write(&t->x->out, WEBSOCKET_PONG, bytes, count);
}

static void piece(void *context, const char *bytes, size_t count)
{
    static const struct websocket_events events = { no_text, answer_ping, no_close };
    struct tunnel *t = context;
    assert_true(websocket_read(&t->ws, bytes, count, &events, t));
}

static void open_tunnel(struct tunnel *t)
{
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    uint64_t until = clock_ms() + PATIENCE_MS;
    bool was_begun = false, was_said = false;
    *t = (struct tunnel){ .stage = stage_new(NULL) };
    TAILQ_INIT(&t->finished);
    t->c = conn_new(&t->stage->url, &t->stage->proxy, NULL, CONN_H1, false, &t->finished, clock_ms());
    t->x = exchange_new("GET", "/v1/events?after=now", NULL, NULL);
    t->x->response.wants_tunnel = t->x->response.wants_pieces = true;
    t->x->response.piece = piece;
    t->x->response.piece_context = t;
    while (!exchange_is_through(t->x) && clock_ms() < until) {
        turn(t->stage);
        conn_step(t->c, clock_ms());
        if (!was_begun && conn_has_room(t->c, clock_ms())) {
            conn_begin(t->c, t->x);
            was_begun = true;
        }
        if (!was_said && strstr(t->stage->got.at, "\r\n\r\n"))
            was_said = send(t->stage->fd, head, sizeof head - 1, MSG_NOSIGNAL) > 0;
    }
    assert_true(exchange_is_through(t->x));
}

/* A server that asks and asks and never reads costs a bounded amount of memory. */
static void pongs_that_nobody_reads_have_a_bound(void **state)
{
    struct tunnel t;
    char *pings = buf_zeroed(PINGS, PING_BYTES);
    uint64_t until = clock_ms() + PATIENCE_MS;
    (void)state;
    for (size_t n = 0; n < PINGS; n++)
        memcpy(pings + n * PING_BYTES, "\x89\x7d", 2);
    open_tunnel(&t);
    int small = 16 * 1024;
    setsockopt(t.c->link.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(t.stage->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (size_t at = 0, rounds = 0; rounds < 12 && clock_ms() < until;) {
        size_t left = (size_t)PINGS * PING_BYTES - at;
        ssize_t sent = send(t.stage->fd, pings + at, left, MSG_NOSIGNAL);
        at += sent > 0 ? (size_t)sent : 0;
        rounds += at == (size_t)PINGS * PING_BYTES;
        at = at == (size_t)PINGS * PING_BYTES ? 0 : at;
        conn_step(t.c, clock_ms());
        assert_true(t.c->link.out.bytes <= LINK_OUT_MOST + 64 * 1024 + PING_BYTES + 4);
    }
    assert_true(t.c->link.out.bytes > 0); /* the peer's sockets are full: else this says nothing */
    assert_true(t.pings > 5 * PINGS);
    conn_free(&t.c);
    exchange_free(&t.x);
    websocket_fini(&t.ws);
    stage_free(t.stage);
    free(pings);
}

static const char h2_settings[] = "\0\0\0\x04\0\0\0\0\0";
static const char h2_goaway[] = "\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\0"; /* up to stream 1, NO_ERROR */

/* What becomes of a request whose connection ends: with a word, or without. */
static void lost_over_h2(bool is_told)
{
    struct stage *s = stage_new(NULL);
    struct exchange_list finished;
    struct exchange *x = exchange_new("GET", "/v1/events?after=now", NULL, NULL);
    uint64_t until = clock_ms() + PATIENCE_MS;
    bool was_begun = false, was_said = false;
    TAILQ_INIT(&finished);
    struct conn *c = conn_new(&s->url, &s->proxy, NULL, CONN_H2, false, &finished, clock_ms());
    while (TAILQ_EMPTY(&finished) && clock_ms() < until) {
        turn(s);
        conn_step(c, clock_ms());
        if (!was_begun && conn_has_room(c, clock_ms())) {
            conn_begin(c, x);
            was_begun = true;
        } else if (was_begun && !was_said && s->got.bytes > 60) {
            assert_true(send(s->fd, h2_settings, sizeof h2_settings - 1, MSG_NOSIGNAL) > 0);
            if (is_told)
                assert_true(send(s->fd, h2_goaway, sizeof h2_goaway - 1, MSG_NOSIGNAL) > 0);
            was_said = shutdown(s->fd, SHUT_WR) == 0;
        }
    }
    assert_ptr_equal(TAILQ_FIRST(&finished), x);
    assert_int_equal(x->end, EXCHANGE_LOST);
    assert_int_equal(x->was_told, is_told);
    conn_free(&c);
    exchange_free(&x);
    stage_free(s);
}

static void an_end_that_was_announced(void **state)
{
    (void)state;
    lost_over_h2(true);
    lost_over_h2(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_a_proxys_head_is_the_servers),
        cmocka_unit_test(what_speaks_no_tls),
        cmocka_unit_test(pongs_that_nobody_reads_have_a_bound),
        cmocka_unit_test(an_end_that_was_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
