/* unit/net/test_dial.c - streams to other nodes: who is let in, on both ends, and every way in which dialling fails */
#include "authority.h"
#include "limits.h"
#include "net/dial.h"
#include "net/lookup.h"
#include "net/net.h"
#include "net/tls.h"
#include "wire.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { ECHO_MAX = 1024 * 1024 };

/* The wire's net with a link listener that gives back what comes, and one dial to it. */
struct line {
    struct wire *w;
    struct authority *ours, *theirs;
    struct exchange *x;
    struct dial *d;
    SSL_CTX *tls;
    bool is_open, is_refusing, is_inside;
    char why[32], name[EXCHANGE_NAME_BYTES], path[128], address[140];
    size_t echoed, asked;
    bool frees_at_input;
    uint16_t port;
};

static void on_echo(struct exchange *x, struct text bytes, void *ctx)
{
    struct line *l = ctx;

    if (!bytes.at) {
        l->x = NULL;
        exchange_finish(x);
        return;
    }
    exchange_write(x, blob_copy(bytes));
}

static void on_gone(struct exchange *x, void *ctx)
{
    struct line *l = ctx;

    assert_ptr_equal(x, l->x);
    l->x = NULL;
}

static void on_request(struct exchange *x, void *ctx)
{
    struct line *l = ctx;

    l->asked++;
    if (l->is_refusing || !text_equal(exchange_head(x)->protocol, TEXT(NET_LINK_PROTOCOL))) {
        exchange_respond(x, 404, NULL, 0, NULL);
        return;
    }
    assert_false(exchange_head(x)->is_websocket);
    exchange_certificate(x, l->name);
    exchange_trusted(x);
    l->x = x;
    exchange_on_gone(x, on_gone, l);
    exchange_tunnel(x, NULL, 0, on_echo, l);
}

static void on_open(void *ctx)
{
    struct line *l = ctx;

    assert_false(l->is_open || l->is_inside);
    l->is_open = true;
}

static void on_input(void *ctx, struct text bytes)
{
    struct line *l = ctx;

    assert_false(l->is_inside);
    l->echoed += bytes.bytes;
    if (l->frees_at_input)
        dial_free(&l->d);
}

static void on_closed(void *ctx, const char *why)
{
    struct line *l = ctx;

    assert_false(l->is_inside);
    snprintf(l->why, sizeof(l->why), "%s", why);
    dial_free(&l->d);
}

static const struct dial_calls calls = { on_open, on_input, on_closed };

static int set_up(void **state)
{
    struct line *l = calloc(1, sizeof(*l));

    assert_int_equal(wire_set_up((void **)&l->w), 0);
    l->ours = authority_new();
    l->theirs = authority_new();
    snprintf(l->path, sizeof(l->path), "%s/link", l->w->directory);
    snprintf(l->address, sizeof(l->address), "unix:%s", l->path);
    snprintf(l->w->config.node_tls_directory, sizeof(l->w->config.node_tls_directory), "%s/cluster",
             l->w->directory);
    authority_write(l->ours, l->ours, l->w->config.node_tls_directory, "ours-1");
    *state = l;
    return 0;
}

static int tear_down(void **state)
{
    struct line *l = *state;
    void *w = l->w;

    dial_free(&l->d);
    if (l->x) {
        exchange_abort(l->x);
        l->x = NULL;
    }
    unlink(l->path);
    authority_remove(l->w->config.node_tls_directory);
    wire_tear_down(&w);
    tls_free(&l->tls);
    authority_free(&l->ours);
    authority_free(&l->theirs);
    free(l);
    return 0;
}

static void listen_tls(struct line *l)
{
    assert_int_equal(net_listen_link(l->w->net, "127.0.0.1:0", on_request, l, &l->port), ERR_OK);
    snprintf(l->address, sizeof(l->address), "127.0.0.1:%u", l->port);
}

static void dial_it(struct line *l)
{
    dial_free(&l->d);
    l->is_open = false;
    l->why[0] = 0;
    l->is_inside = true;
    l->d = dial_new(l->w->loop, l->address, l->tls, &calls, l);
    l->is_inside = false;
}

/* Certificates of another directory for the end that dials. */
static void show(struct line *l, struct authority *by, struct authority *trusted, const char *node)
{
    char directory[128];

    snprintf(directory, sizeof(directory), "%s/dials", l->w->directory);
    authority_write(by, trusted, directory, node);
    tls_free(&l->tls);
    assert_int_equal(dial_tls_new(directory, &l->tls), ERR_OK);
    authority_remove(directory);
}

static void assert_echoes(struct line *l, size_t bytes)
{
    struct blob *b = blob_new(bytes);

    memset(b->at, 'x', bytes);
    l->echoed = 0;
    l->is_inside = true;
    dial_write(l->d, b);
    assert_int_equal(dial_unsent(l->d), bytes);
    dial_flush(l->d);
    l->is_inside = false;
    blob_free(&b);
    WIRE_UNTIL(l->w, l->echoed >= bytes);
    assert_int_equal(l->echoed, bytes);
    assert_int_equal(dial_unsent(l->d), 0);
}

static void test_local(void **state)
{
    struct line *l = *state;
    struct stat s;

    assert_int_equal(net_listen_link(l->w->net, l->address, on_request, l, NULL), ERR_OK);
    assert_int_equal(stat(l->path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    dial_it(l);
    WIRE_UNTIL(l->w, l->is_open);
    assert_string_equal(l->name, "");
    assert_echoes(l, 1);
    assert_echoes(l, ECHO_MAX);
    assert_int_equal(wire_stats(l->w).links, 1);
    assert_int_equal(wire_stats(l->w).connections, 0);
    net_drain(l->w->net);
    wire_run(l->w, 50);
    assert_echoes(l, 300);
    dial_free(&l->d);
    WIRE_UNTIL(l->w, !l->x && wire_stats(l->w).links == 0);
    dial_it(l); /* a drain is no matter of links: they are dialled until the end */
    WIRE_UNTIL(l->w, l->is_open);
    assert_echoes(l, 300);
}

static void test_mutual_tls(void **state)
{
    struct line *l = *state;

    listen_tls(l);
    show(l, l->ours, l->ours, "ours-2");
    dial_it(l);
    WIRE_UNTIL(l->w, l->is_open);
    assert_string_equal(l->name, "ours-2");
    assert_echoes(l, 1);
    assert_echoes(l, ECHO_MAX);
    exchange_abort(l->x);
    l->x = NULL;
    WIRE_UNTIL(l->w, l->why[0]);
    assert_string_equal(l->why, "ended");
    snprintf(l->address, sizeof(l->address), "localhost:%u", l->port);
    dial_it(l);
    WIRE_UNTIL(l->w, l->is_open);
}

/* Neither end talks to one whom its authority did not name. */
static void test_wrong_authorities(void **state)
{
    struct line *l = *state;

    listen_tls(l);
    show(l, l->theirs, l->ours, "theirs-1");
    dial_it(l);
    WIRE_UNTIL(l->w, l->why[0]);
    assert_string_equal(l->why, "certificate");
    show(l, l->ours, l->theirs, "ours-2");
    dial_it(l);
    WIRE_UNTIL(l->w, l->why[0]);
    assert_string_equal(l->why, "certificate");
    tls_free(&l->tls);
    l->tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_alpn_protos(l->tls, (const unsigned char *)"\x02h2", 3);
    dial_it(l);
    WIRE_UNTIL(l->w, l->why[0]);
    assert_string_equal(l->why, "certificate");
    assert_int_equal(l->asked, 0);
    assert_false(l->is_open);
}

/* The public listener knows no links, whoever asks. */
static void test_elsewhere(void **state)
{
    struct line *l = *state;

    wire_listen(l->w);
    snprintf(l->address, sizeof(l->address), "127.0.0.1:%u", l->w->tls_port);
    show(l, l->ours, l->ours, "ours-2");
    dial_it(l);
    WIRE_UNTIL(l->w, l->why[0]);
    assert_string_equal(l->why, "certificate"); /* the development certificate is of another authority */
    SSL_CTX_set_verify(l->tls, SSL_VERIFY_NONE, NULL);
    dial_it(l);
    WIRE_UNTIL(l->w, l->why[0]);
    assert_string_equal(l->why, "status");
    assert_int_equal(l->asked, 0);
}

static const char *ask_path(struct line *l, const char *request)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const char *answer;

    memcpy(at.sun_path, l->path, strlen(l->path));
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    wire_send(fd, request);
    answer = wire_read(l->w, fd, "\r\n\r\n", NULL);
    close(fd);
    return answer;
}

static void test_nothing_but_links(void **state)
{
    struct line *l = *state;

    assert_int_equal(net_listen_link(l->w->net, l->address, on_request, l, NULL), ERR_OK);
    assert_non_null(strstr(
        ask_path(l, "GET /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n"), " 404 "));
    assert_non_null(strstr(
        ask_path(l, "GET /v1/socket HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"),
        " 404 "));
    l->is_refusing = true;
    dial_it(l);
    WIRE_UNTIL(l->w, l->why[0]);
    assert_string_equal(l->why, "status");
}

static void assert_fails(struct line *l, const char *address, const char *why)
{
    snprintf(l->address, sizeof(l->address), "%s", address);
    dial_it(l);
    assert_non_null(l->d);
    WIRE_UNTIL(l->w, l->why[0]);
    assert_string_equal(l->why, why);
    assert_false(l->is_open);
}

static void test_nobody_there(void **state)
{
    struct line *l = *state;
    char path[160];

    show(l, l->ours, l->ours, "ours-2");
    snprintf(path, sizeof(path), "unix:%s/none", l->w->directory);
    assert_fails(l, path, "connect");
    memset(path, 'a', sizeof(path) - 1);
    memcpy(path, "unix:/", 6);
    path[130] = 0;
    assert_fails(l, path, "address");
    assert_fails(l, "127.0.0.1:1", "connect");
    assert_fails(l, "127.0.0.1", "address");
    assert_fails(l, "::1:80", "address");
    assert_fails(l, "name.invalid:80", "lookup");
}

/* Somebody who takes the connection and says nothing. */
static void test_silence(void **state)
{
    struct line *l = *state;
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    uint64_t since = loop_now_ms(l->w->loop);

    memcpy(at.sun_path, l->path, strlen(l->path));
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    dial_it(l);
    WIRE_UNTIL(l->w, l->why[0]);
    assert_string_equal(l->why, "timeout");
    assert_in_range(loop_now_ms(l->w->loop) - since, LIMIT_LINK_CONNECT_MS, LIMIT_LINK_CONNECT_MS + 500);
    dial_it(l);
    dial_free(&l->d); /* says nothing any more */
    wire_run(l->w, 20);
    assert_string_equal(l->why, "");
    close(fd);
    assert_int_equal(net_listen_link(l->w->net, l->address, on_request, l, NULL),
                     ERR_OK); /* what was left behind */
    assert_int_equal(net_listen_link(l->w->net, l->address, on_request, l, NULL), ERR_EXISTS);
    dial_it(l);
    WIRE_UNTIL(l->w, l->is_open);
}

static void test_freed_inside(void **state)
{
    struct line *l = *state;

    assert_int_equal(net_listen_link(l->w->net, l->address, on_request, l, NULL), ERR_OK);
    dial_it(l);
    WIRE_UNTIL(l->w, l->is_open);
    l->frees_at_input = true;
    exchange_write(l->x, blob_copy(TEXT("some")));
    exchange_write(l->x, blob_copy(TEXT("more")));
    WIRE_UNTIL(l->w, !l->d);
    assert_in_range(l->echoed, 4, 8);
    WIRE_UNTIL(l->w, !l->x);
    assert_string_equal(l->why, "");
}

static void test_adopted(void **state)
{
    struct line *l = *state;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, bytes) + listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &bytes), 0);
    assert_int_equal(net_adopt_link(l->w->net, fd, false, on_request, l), ERR_OK);
    assert_int_equal(net_adopt_link(l->w->net, -1, false, on_request, l), ERR_BAD_REQUEST);
    close(fd);
    snprintf(l->address, sizeof(l->address), "127.0.0.1:%u", ntohs(at.sin_port));
    show(l, l->ours, l->ours, "ours-2");
    dial_it(l);
    WIRE_UNTIL(l->w, l->is_open);
    assert_echoes(l, 10);
}

static void test_bad_certificates(void **state)
{
    struct line *l = *state;
    SSL_CTX *tls = NULL;
    char path[600];

    assert_int_equal(dial_tls_new("/nonexistent", &tls), ERR_BAD_REQUEST);
    snprintf(path, sizeof(path), "%s/node.key", l->w->config.node_tls_directory);
    unlink(path);
    assert_int_equal(dial_tls_new(l->w->config.node_tls_directory, &tls), ERR_BAD_REQUEST);
    assert_int_equal(net_listen_link(l->w->net, "127.0.0.1:0", on_request, l, NULL), ERR_BAD_REQUEST);
    assert_null(tls);
}

/* New certificates, even of another authority, are for those who come from then on; bad ones change nothing. */
static void test_renewed(void **state)
{
    struct line *l = *state;
    char path[600];

    listen_tls(l);
    show(l, l->theirs, l->theirs, "theirs-1");
    dial_it(l);
    WIRE_UNTIL(l->w, l->why[0]);
    authority_write(l->theirs, l->theirs, l->w->config.node_tls_directory, "theirs-2");
    assert_int_equal(net_load_tls(l->w->net), ERR_OK);
    dial_it(l);
    WIRE_UNTIL(l->w, l->is_open);
    snprintf(path, sizeof(path), "%s/node.pem", l->w->config.node_tls_directory);
    unlink(path);
    assert_int_equal(net_load_tls(l->w->net), ERR_BAD_REQUEST);
    assert_echoes(l, 10);
    dial_it(l);
    WIRE_UNTIL(l->w, l->is_open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_local, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mutual_tls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_authorities, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_but_links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_freed_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_adopted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_certificates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_renewed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
