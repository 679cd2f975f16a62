/* unit/net/test_tls.c - TLS on real sockets: handshakes, reload under a live connection, answers in records */
#include "limits.h"
#include "wire.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct client {
    int fd;
    SSL *ssl;
};

static struct client dial(struct wire *w)
{
    uint16_t plain = w->port;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    struct client c;
    int r = 0;

    w->port = w->tls_port;
    c.fd = wire_connect(w);
    w->port = plain;
    c.ssl = SSL_new(tls);
    SSL_CTX_free(tls);
    SSL_set_fd(c.ssl, c.fd);
    for (int i = 0; i < 200 && r != 1; i++) {
        r = SSL_connect(c.ssl);
        wire_run(w, 1);
    }
    assert_int_equal(r, 1);
    return c;
}

static void hang_up(struct client *c)
{
    SSL_free(c->ssl);
    close(c->fd);
}

/* Sends a request and waits for bytes of answer behind the head; how many came. */
static size_t ask(struct wire *w, struct client *c, const char *request, size_t bytes)
{
    static char inbox[WIRE_BIG_BYTES + 4096];
    size_t have = 0, body = 0;

    assert_int_equal(SSL_write(c->ssl, request, (int)strlen(request)), (int)strlen(request));
    for (int i = 0; i < 4000 && body < bytes; i++) {
        int r;

        wire_run(w, 1);
        while ((r = SSL_read(c->ssl, inbox + have, (int)(sizeof(inbox) - 1 - have))) > 0)
            have += (size_t)r;
        inbox[have] = 0;
        if (strstr(inbox, "\r\n\r\n"))
            body = have - (size_t)(strstr(inbox, "\r\n\r\n") + 4 - inbox);
    }
    return body;
}

/* More than the kernel takes, so that records are refused in the middle and must come again as they were. */
static void test_big_answers(void **state)
{
    static const char requests[] = "GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /big HTTP/1.1\r\nHost: a\r\n\r\n"
                                   "GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /big HTTP/1.1\r\nHost: a\r\n\r\n";
    static char piece[64 * 1024];
    struct wire *w = *state;
    struct client c;
    size_t got = 0, want = 4 * (size_t)WIRE_BIG_BYTES;

    wire_listen(w);
    c = dial(w);
    assert_int_equal(SSL_write(c.ssl, requests, sizeof(requests) - 1), (int)sizeof(requests) - 1);
    wire_run(w, 100);
    for (int i = 0; i < 4000 && got < want; i++) {
        int r;

        wire_run(w, 1);
        while ((r = SSL_read(c.ssl, piece, sizeof(piece))) > 0)
            got += (size_t)r;
        assert_int_equal(SSL_get_error(c.ssl, r), SSL_ERROR_WANT_READ);
    }
    assert_true(got > want && got < want + 4 * 1024);
    assert_int_equal(ask(w, &c, "GET /now HTTP/1.1\r\nHost: a\r\n\r\n", 2), 2);
    hang_up(&c);
    WIRE_UNTIL(w, wire_stats(w).connections == 0);
}

static void test_hang_up_while_waiting(void **state)
{
    struct wire *w = *state;
    struct client c;

    wire_listen(w);
    c = dial(w);
    SSL_write(c.ssl, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", 31);
    WIRE_UNTIL(w, w->waiting_count == 1);
    SSL_shutdown(c.ssl); /* says so in TLS; the socket stays open */
    WIRE_UNTIL(w, w->gone_count == 1);
    hang_up(&c);
}

/* Under TLS it is the certificate that says for whom we may speak. */
static void test_authority(void **state)
{
    static const struct {
        const char *request;
        bool is_ours;
    } cases[] = { { "GET /wait HTTP/1.1\r\nHost: localhost:8443\r\n\r\n", true },
                  { "GET /wait HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", true },
                  { "GET /wait HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n", false },
                  { "GET /wait HTTP/1.1\r\nHost: example.org\r\n\r\n", false } };
    struct wire *w = *state;

    wire_listen(w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct client c = dial(w);

        SSL_write(c.ssl, cases[i].request, (int)strlen(cases[i].request));
        WIRE_UNTIL(w, w->waiting_count == 1);
        assert_int_equal(exchange_is_authoritative(w->waiting[0]), cases[i].is_ours);
        hang_up(&c);
        WIRE_UNTIL(w, w->waiting_count == 0);
    }
}

static void remove_file(const struct wire *w, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", w->directory, name);
    assert_int_equal(unlink(path), 0);
}

static void test_reload(void **state)
{
    struct wire *w = *state;
    struct client before, after, last;
    X509 *old, *new, *same;

    wire_listen(w);
    before = dial(w);
    remove_file(w, "cert.pem");
    assert_int_equal(net_load_tls(w->net), ERR_OK);
    after = dial(w);
    old = SSL_get1_peer_certificate(before.ssl);
    new = SSL_get1_peer_certificate(after.ssl);
    assert_int_not_equal(X509_cmp(old, new), 0);
    assert_int_equal(ask(w, &before, "GET /now HTTP/1.1\r\nHost: a\r\n\r\n", 2), 2);
    assert_int_equal(ask(w, &after, "GET /now HTTP/1.1\r\nHost: a\r\n\r\n", 2), 2);
    /* a file that is no certificate leaves the last one standing */
    snprintf(w->config.tls_certificate, sizeof(w->config.tls_certificate), "/dev/null");
    snprintf(w->config.tls_key, sizeof(w->config.tls_key), "/dev/null");
    assert_int_equal(net_load_tls(w->net), ERR_BAD_REQUEST);
    last = dial(w);
    same = SSL_get1_peer_certificate(last.ssl);
    assert_int_equal(X509_cmp(new, same), 0);
    X509_free(old);
    X509_free(new);
    X509_free(same);
    hang_up(&before);
    hang_up(&after);
    hang_up(&last);
}

static void test_handshake_deadline(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    bool closed = false;
    int fd;

    d.handshake = 100;
    net_set_deadlines(w->net, &d);
    wire_listen(w);
    w->port = w->tls_port;
    fd = wire_connect(w);
    wire_send(fd, "\x16\x03\x01");
    assert_string_equal(wire_read(w, fd, NULL, &closed), "");
    assert_true(closed);
    assert_int_equal(wire_stats(w).timeouts, 1);
    close(fd);
}

/* A turn takes so many handshakes and no more: who is there already does not wait for a crowd that comes. */
static void test_a_crowd_of_handshakes(void **state)
{
    enum { CROWD = 2 * LIMIT_HANDSHAKES + 3 };
    struct wire *w = *state;
    int fd[CROWD];

    wire_listen(w);
    w->port = w->tls_port;
    for (int n = 0; n < CROWD; n++)
        fd[n] = wire_connect(w);
    WIRE_UNTIL(w, wire_stats(w).connections == CROWD);
    for (int n = 0; n < CROWD; n++)
        wire_send(fd[n], "GET / HTTP/1.1\r\n\r\n"); /* each handshake fails, so that it can be counted */
    for (uint32_t left = CROWD; left > 0;) {
        loop_wait(w->loop, false);
        net_flush(w->net);
        assert_in_range(left - wire_stats(w).connections, 0, LIMIT_HANDSHAKES);
        left = wire_stats(w).connections;
    }
    for (int n = 0; n < CROWD; n++)
        close(fd[n]);
}

static void test_not_tls_at_all(void **state)
{
    struct wire *w = *state;
    bool closed = false;
    int fd;

    wire_listen(w);
    w->port = w->tls_port;
    fd = wire_connect(w);
    wire_send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_null(strstr(wire_read(w, fd, NULL, &closed), "HTTP"));
    assert_true(closed);
    assert_int_equal(w->handled_count, 0);
    close(fd);
}

int main(void)
{
#define WIRED(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)
    const struct CMUnitTest tests[] = {
        WIRED(test_big_answers),
        WIRED(test_hang_up_while_waiting),
        WIRED(test_authority),
        WIRED(test_reload),
        WIRED(test_handshake_deadline),
        WIRED(test_not_tls_at_all),
        WIRED(test_a_crowd_of_handshakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
