/* unit/net/test_proxy.c - PROXY headers: good ones, bad ones, in pieces, before TLS, and from whom they count */
#include "net/proxy.h"
#include "wire.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define TCP4                                                                                                 \
    SIGNATURE "\x21\x11\0\x0c"                                                                               \
              "\xcb\0\x71\x07"                                                                               \
              "\x0a\0\0\1"                                                                                   \
              "\x30\x39\x01\xbb" /* 203.0.113.7 */
#define TCP6                                                                                                 \
    SIGNATURE "\x21\x21\0\x27"                                                                               \
              "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"                                                     \
              "0123456789abcdef"                                                                             \
              "\x30\x39\x01\xbb"                                                                             \
              "\4\0\0"
#define LOCAL SIGNATURE "\x20\0\0\0"
#define GET "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"

static struct text text(struct sockaddr_storage *from, char into[static INET6_ADDRSTRLEN])
{
    const void *at = from->ss_family == AF_INET ? (void *)&((struct sockaddr_in *)from)->sin_addr
                                                : (void *)&((struct sockaddr_in6 *)from)->sin6_addr;

    assert_non_null(inet_ntop(from->ss_family, at, into, INET6_ADDRSTRLEN));
    return text_of(into);
}

static void test_headers(void **state)
{
    static const struct {
        struct text header;
        const char *from; /* NULL: refused; empty: the proxy itself */
    } cases[] = {
        { TEXT_INIT(TCP4), "203.0.113.7" },
        { TEXT_INIT(TCP6), "2001:db8::9" },
        { TEXT_INIT(LOCAL), "" },
        { TEXT_INIT(SIGNATURE "\x20\x11\0\x0c"
                              "abcdefghijkl"),
          "" },
        { TEXT_INIT(SIGNATURE "\x21\x11\0\x0b"
                              "abcdefghijk"),
          NULL }, /* too short for its addresses */
        { TEXT_INIT(SIGNATURE "\x21\x21\0\x0c"
                              "abcdefghijkl"),
          NULL },
        { TEXT_INIT(SIGNATURE "\x21\x12\0\x0c"
                              "abcdefghijkl"),
          NULL }, /* UDP */
        { TEXT_INIT(SIGNATURE "\x21\x31\0\x0c"
                              "abcdefghijkl"),
          NULL }, /* Unix */
        { TEXT_INIT(SIGNATURE "\x21\0\0\0"), NULL }, /* who knows */
        { TEXT_INIT(SIGNATURE "\x22\x11\0\x0c"
                              "abcdefghijkl"),
          NULL }, /* command 2 */
        { TEXT_INIT(SIGNATURE "\x11\x11\0\x0c"
                              "abcdefghijkl"),
          NULL }, /* version 1 */
        { TEXT_INIT("\r\n\r\n\0\r\nQUIT\r"
                    "\x21\x11\0\x0c"
                    "abcdefghijkl"),
          NULL },
        { TEXT_INIT("PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n"), NULL },
        { TEXT_INIT(SIGNATURE "\x21\x11\2\x19"
                              "abcdefghijkl"),
          NULL }, /* 537 bytes */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct text header = cases[i].header;
        struct sockaddr_storage from;
        char got[INET6_ADDRSTRLEN];
        enum err err = proxy_read((const uint8_t *)header.at, header.bytes, &from);

        assert_int_equal(err, cases[i].from ? ERR_OK : ERR_BAD_REQUEST);
        if (cases[i].from && !*cases[i].from)
            assert_int_equal(from.ss_family, AF_UNSPEC);
        else if (cases[i].from)
            assert_string_equal(text(&from, got).at, cases[i].from);
        for (size_t have = 0; cases[i].from && have < header.bytes; have++) /* nor before it is whole */
            assert_int_equal(proxy_read((const uint8_t *)header.at, have, &from), ERR_BAD_REQUEST);
    }
}

/* Byte by byte: never more than is there, and refused at the first wrong byte. */
static void test_lengths(void **state)
{
    const uint8_t *good = (const uint8_t *)TCP4;
    uint8_t bad[16];
    size_t bytes;

    (void)state;
    for (size_t have = 0; have < sizeof(TCP4); have++) {
        assert_int_equal(proxy_bytes(good, have, &bytes), ERR_OK);
        assert_int_equal(bytes, have < 16 ? 16 : 28);
    }
    memcpy(bad, good, sizeof(bad));
    bad[14] = 536 / 256;
    bad[15] = 536 % 256;
    assert_int_equal(proxy_bytes(bad, 16, &bytes), ERR_OK);
    assert_int_equal(bytes, PROXY_BYTES_MAX);
    bad[15]++;
    assert_int_equal(proxy_bytes(bad, 16, &bytes), ERR_BAD_REQUEST);
    for (size_t i = 0; i < 13; i++) {
        memcpy(bad, good, sizeof(bad));
        bad[i] ^= 4;
        assert_int_equal(proxy_bytes(bad, i, &bytes), ERR_OK);
        assert_int_equal(proxy_bytes(bad, i + 1, &bytes), ERR_BAD_REQUEST);
    }
}

static bool trusts(const char *list, const char *address)
{
    struct proxy_trust *t = NULL;
    struct sockaddr_storage at = { .ss_family = strchr(address, ':') ? AF_INET6 : AF_INET };
    bool yes;

    assert_int_equal(proxy_trust_new(list, &t), ERR_OK);
    assert_int_equal(inet_pton(at.ss_family, address,
                               at.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&at)->sin_addr
                                                       : (void *)&((struct sockaddr_in6 *)&at)->sin6_addr),
                     1);
    yes = proxy_trusts(t, (struct sockaddr *)&at);
    proxy_trust_free(&t);
    return yes;
}

static void test_trust(void **state)
{
    static const char *const bad[] = { "localhost",   "10.0.0.0/33",   "10.0.0.0/",     "10.0.0/8", "::1/129",
                                       "10.0.0.0/8x", "127.0.0.1 nix", "127.0.0.1,::1", "::1/-1" };
    struct proxy_trust *t;

    (void)state;
    assert_false(trusts("", "127.0.0.1"));
    assert_true(trusts("127.0.0.1 ::1", "127.0.0.1"));
    assert_true(trusts("127.0.0.1 ::1", "::1"));
    assert_true(trusts("127.0.0.1 ::1", "::ffff:127.0.0.1"));
    assert_false(trusts("127.0.0.1 ::1", "127.0.0.2"));
    assert_true(trusts(" 10.16.0.0/12  2001:db8::/33", "10.31.255.255"));
    assert_false(trusts("10.16.0.0/12 2001:db8::/33", "10.32.0.0"));
    assert_true(trusts("10.16.0.0/12 2001:db8::/33", "2001:db8:7fff::"));
    assert_false(trusts("10.16.0.0/12 2001:db8::/33", "2001:db8:8000::"));
    assert_true(trusts("0.0.0.0/0", "1.2.3.4"));
    assert_false(trusts("0.0.0.0/0", "2001:db8::1"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(proxy_trust_new(bad[i], &t), ERR_BAD_REQUEST);
}

static void trust(struct wire *w, const char *list)
{
    snprintf(w->config.server_proxy_protocol, sizeof(w->config.server_proxy_protocol), "%s", list);
    wire_listen(w);
}

static void put(int fd, const char *at, size_t bytes)
{
    assert_int_equal(send(fd, at, bytes, MSG_NOSIGNAL), (ssize_t)bytes);
}

/* The peer is who the header says, however it comes; nothing of what follows is taken for it. */
static void test_connections(void **state)
{
    struct wire *w = *state;
    int fd;

    trust(w, "127.0.0.1");
    fd = wire_connect(w);
    put(fd, TCP4 GET, sizeof(TCP4 GET) - 1);
    WIRE_UNTIL(w, w->waiting_count == 1);
    assert_string_equal(exchange_peer(w->waiting[0]).at, "203.0.113.7");
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 1);
    fd = wire_connect(w);
    for (size_t i = 0; i < sizeof(TCP6 GET) - 1; i++) {
        put(fd, &TCP6 GET[i], 1);
        wire_run(w, 1);
    }
    WIRE_UNTIL(w, w->waiting_count == 1);
    assert_string_equal(exchange_peer(w->waiting[0]).at, "2001:db8::9");
    close(fd);
    WIRE_UNTIL(w, w->gone_count == 2);
    fd = wire_connect(w);
    put(fd, LOCAL GET, sizeof(LOCAL GET) - 1);
    WIRE_UNTIL(w, w->waiting_count == 1);
    assert_string_equal(exchange_peer(w->waiting[0]).at, "127.0.0.1");
    close(fd);
    WIRE_UNTIL(w, wire_stats(w).connections == 0);
}

static void test_required(void **state)
{
    struct wire *w = *state;
    struct net_deadlines d = wire_deadlines(60000);
    bool closed = false;
    int fd;

    d.handshake = 150;
    net_set_deadlines(w->net, &d);
    trust(w, "10.0.0.0/8 127.0.0.0/8");
    fd = wire_connect(w);
    wire_send(fd, GET);
    assert_string_equal(wire_read(w, fd, NULL, &closed), "");
    assert_true(closed);
    close(fd);
    fd = wire_connect(w);
    put(fd, TCP4, 20); /* and no more */
    assert_string_equal(wire_read(w, fd, NULL, &closed), "");
    assert_true(closed);
    close(fd);
    assert_int_equal(w->handled_count, 0);
    assert_int_equal(wire_stats(w).bad_requests, 1);
    assert_int_equal(wire_stats(w).timeouts, 1);
    assert_int_equal(wire_stats(w).connections, 0);
}

/* Whoever is not trusted only speaks for itself. */
static void test_not_believed(void **state)
{
    struct wire *w = *state;
    int fd;

    trust(w, "10.0.0.0/8");
    fd = wire_connect(w);
    put(fd, TCP4 GET, sizeof(TCP4 GET) - 1);
    assert_non_null(strstr(wire_read(w, fd, NULL, NULL), "400 Bad Request"));
    close(fd);
    fd = wire_connect(w);
    wire_send(fd, GET);
    WIRE_UNTIL(w, w->waiting_count == 1);
    assert_string_equal(exchange_peer(w->waiting[0]).at, "127.0.0.1");
    close(fd);
}

/* The header stands before TLS, which gets every byte behind it: here what is no handshake, and an alert for it. */
static void test_before_tls(void **state)
{
    struct wire *w = *state;
    bool closed = false;
    const char *got;
    int fd;

    trust(w, "127.0.0.1");
    w->port = w->tls_port;
    fd = wire_connect(w);
    put(fd, TCP4 "\x16\3\1\0\5hello", sizeof(TCP4) + 9);
    got = wire_read(w, fd, NULL, &closed);
    assert_int_equal(got[0], 0x15);
    assert_true(closed);
    close(fd);
}

/* The bound of connections is each peer's, not the proxy's. */
static void test_limits(void **state)
{
    static const char other[] = SIGNATURE "\x21\x11\0\x0c"
                                          "\xcb\0\x71\x08"
                                          "\x0a\0\0\1"
                                          "\x30\x39\x01\xbb" GET;
    struct wire *w = *state;
    int fds[3];

    net_free(&w->net);
    w->config.server_connections_per_ip_max = 1;
    w->net = net_new(w->loop, &w->config);
    trust(w, "127.0.0.1");
    fds[0] = wire_connect(w);
    put(fds[0], TCP4 GET, sizeof(TCP4 GET) - 1);
    WIRE_UNTIL(w, w->waiting_count == 1);
    fds[1] = wire_connect(w);
    put(fds[1], other, sizeof(other) - 1);
    WIRE_UNTIL(w, w->waiting_count == 2);
    fds[2] = wire_connect(w);
    put(fds[2], TCP4 GET, sizeof(TCP4 GET) - 1);
    assert_non_null(strstr(wire_read(w, fds[2], NULL, NULL), "503 "));
    assert_int_equal(wire_stats(w).connections, 2);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static void test_bad_list(void **state)
{
    struct wire *w = *state;

    snprintf(w->config.server_proxy_protocol, sizeof(w->config.server_proxy_protocol), "everybody");
    assert_int_equal(net_listen(w->net, "127.0.0.1:0", false, NULL, NULL, NULL), ERR_BAD_REQUEST);
}

/* Health checks and metrics do not come through the proxy. */
static void test_admin(void **state)
{
    struct wire *w = *state;
    int fd;

    snprintf(w->config.server_admin, sizeof(w->config.server_admin), "127.0.0.1:0");
    trust(w, "127.0.0.1");
    fd = wire_connect(w);
    wire_send(fd, GET);
    WIRE_UNTIL(w, w->waiting_count == 1);
    close(fd);
}

int main(void)
{
#define WIRED(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_trust),
        WIRED(test_connections),
        WIRED(test_required),
        WIRED(test_not_believed),
        WIRED(test_limits),
        WIRED(test_before_tls),
        WIRED(test_bad_list),
        WIRED(test_admin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
