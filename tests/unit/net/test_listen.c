/* unit/net/test_listen.c - listening sockets: addresses, what accepted ones inherit, one connection too many */
#include "limits.h"
#include "wire.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void test_addresses(void **state)
{
    struct wire *w = *state;
    char address[32];

    wire_listen(w);
    snprintf(address, sizeof(address), "127.0.0.1:%u", w->port);
    assert_int_equal(net_listen(w->net, address, false, NULL, NULL, NULL), ERR_EXISTS);
    assert_int_equal(net_listen(w->net, "127.0.0.1", false, NULL, NULL, NULL), ERR_BAD_REQUEST);
    assert_int_equal(net_listen(w->net, "127.0.0.1:http", false, NULL, NULL, NULL), ERR_BAD_REQUEST);
    assert_int_equal(net_listen(w->net, "192.0.2.1:0", false, NULL, NULL, NULL), ERR_BAD_REQUEST);
    assert_int_equal(net_listen(w->net, "::1:80", false, NULL, NULL, NULL), ERR_BAD_REQUEST);
    assert_int_equal(net_listen(w->net, ":0", false, NULL, NULL, NULL), ERR_OK);
}

static uint16_t port_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in address = { 0 };
    socklen_t bytes = sizeof(address);

    return name(fd, (struct sockaddr *)&address, &bytes) == 0 ? address.sin_port : 0;
}

/* The server's side of a connection is watched by the kernel. */
static void test_kernel_watches(void **state)
{
    struct wire *w = *state;
    int fd, there = 3, value = 0;
    socklen_t bytes = sizeof(value);

    wire_listen(w);
    fd = wire_connect(w);
    WIRE_UNTIL(w, wire_stats(w).connections == 1);
    while (there < 100 &&
           (port_of(there, getpeername) == 0 || port_of(there, getpeername) != port_of(fd, getsockname)))
        there++;
    assert_true(there < 100);
    assert_int_equal(getsockopt(there, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &bytes), 0);
    assert_int_equal(value, LIMIT_WRITE_STALL_MS);
    assert_int_equal(getsockopt(there, SOL_SOCKET, SO_KEEPALIVE, &value, &bytes), 0);
    assert_int_equal(value, 1);
    assert_int_equal(getsockopt(there, IPPROTO_TCP, TCP_KEEPIDLE, &value, &bytes), 0);
    assert_int_equal(value, 60);
    assert_int_equal(getsockopt(there, IPPROTO_TCP, TCP_NODELAY, &value, &bytes), 0);
    assert_int_equal(value, 1);
    close(fd);
}

static void test_limits_of_connections(void **state)
{
    struct wire *w = *state;
    bool closed = false;
    const char *got;
    int fds[4];

    net_free(&w->net);
    w->config.server_connections_per_ip_max = 3;
    w->net = net_new(w->loop, &w->config);
    wire_listen(w);
    for (int i = 0; i < 4; i++)
        fds[i] = wire_connect(w);
    wire_send(fds[3], GET("/now")); /* bytes that nobody reads must not take the answer back */
    got = wire_read(w, fds[3], NULL, &closed);
    assert_true(closed);
    assert_non_null(strstr(got, "503 Service Unavailable"));
    assert_non_null(strstr(got, "\r\nretry-after: 1\r\n"));
    assert_non_null(strstr(got, "\r\nconnection: close\r\n"));
    assert_non_null(strstr(got, "\"code\":\"busy\""));
    assert_int_equal(wire_stats(w).refused, 1);
    assert_int_equal(wire_stats(w).connections, 3);
    close(fds[0]);
    WIRE_UNTIL(w, wire_stats(w).connections == 2);
    close(fds[3]);
    fds[3] = wire_connect(w);
    wire_send(fds[3], GET("/now"));
    assert_non_null(strstr(wire_read(w, fds[3], "{}", NULL), "200 OK"));
    for (int i = 1; i < 4; i++)
        close(fds[i]);
}

int main(void)
{
#define WIRED(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)
    const struct CMUnitTest tests[] = {
        WIRED(test_addresses),
        WIRED(test_kernel_watches),
        WIRED(test_limits_of_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
