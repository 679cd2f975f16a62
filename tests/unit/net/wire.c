/* unit/net/wire.c - a net on loopback with a handler that does as the path says, and raw clients to it */
#include "wire.h"
#include "limits.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000 + (unsigned long long)t.tv_nsec / 1000000;
}

static void on_tick(void *ctx)
{
    struct wire *w = ctx;

    loop_timer_set(&w->tick, 5);
}

struct exchange *wire_take(struct wire *w)
{
    struct exchange *x = w->waiting[0];

    assert_true(w->waiting_count > 0);
    w->waiting_count--;
    memmove(w->waiting, w->waiting + 1, w->waiting_count * sizeof(*w->waiting));
    return x;
}

void wire_answer(struct wire *w)
{
    exchange_respond(wire_take(w), 200, NULL, 0, blob_copy(TEXT("{\"waited\":1}")));
}

void wire_write(struct exchange *x, char c, size_t bytes)
{
    struct blob *b = blob_new(bytes);

    memset(b->at, c, bytes);
    exchange_write(x, b);
}

static void on_gone(struct exchange *x, void *ctx)
{
    struct wire *w = ctx;
    unsigned i = 0;

    w->gone_count++;
    w->last_gone = x;
    while (i < w->waiting_count && w->waiting[i] != x)
        i++;
    assert_true(i < w->waiting_count); /* exactly once, and never after its answer */
    w->waiting_count--;
    memmove(w->waiting + i, w->waiting + i + 1, (w->waiting_count - i) * sizeof(*w->waiting));
    if (w->answers_when_gone && w->waiting_count)
        wire_answer(w);
}

void wire_keep(struct wire *w, struct exchange *x)
{
    assert_true(w->waiting_count < WIRE_WAITING_MAX);
    w->waiting[w->waiting_count++] = x;
    exchange_on_gone(x, on_gone, w);
}

static void on_room(struct exchange *x, void *ctx)
{
    struct wire *w = ctx;

    assert_true(exchange_unsent(x) <= LIMIT_UNSENT_BYTES / 2);
    w->room_count++;
}

static void on_input(struct exchange *x, struct text bytes, void *ctx)
{
    struct wire *w = ctx;

    (void)x;
    assert_int_equal(w->ends_count, 0);
    if (!bytes.at) {
        w->ends_count++;
        return;
    }
    assert_true(w->input_bytes + bytes.bytes < WIRE_INPUT_BYTES);
    memcpy(w->input + w->input_bytes, bytes.at, bytes.bytes);
    w->input_bytes += bytes.bytes;
    w->input[w->input_bytes] = 0;
}

void wire_tunnel(struct wire *w, struct exchange *x)
{
    const struct exchange_field field = { "sec-websocket-protocol", TEXT("posthorn.v1") };

    exchange_tunnel(x, &field, 1, on_input, w);
    exchange_on_room(x, on_room, w);
}

/* Paths whose answer goes on: false: it is none of them. */
static bool on_long_request(struct wire *w, struct exchange *x, struct text path)
{
    const struct exchange_field field = { "content-type", TEXT("text/event-stream") };

    if (text_equal(path, TEXT("/stream"))) {
        wire_keep(w, x);
        exchange_begin(x, 200, &field, 1);
        if (exchange_head(x)->method == METHOD_HEAD)
            wire_write(x, 'a', 3);
        exchange_on_room(x, on_room, w);
    } else if (text_equal(path, TEXT("/tunnel")) && exchange_head(x)->is_websocket) {
        wire_keep(w, x);
        wire_tunnel(w, x);
    } else if (text_equal(path, TEXT("/later")) && exchange_head(x)->is_websocket) {
        wire_keep(w, x);
    } else {
        return false;
    }
    return true;
}

static void on_request(struct exchange *x, void *ctx)
{
    struct wire *w = ctx;
    const struct exchange_head *head = exchange_head(x);
    const struct exchange_field field = { "x-path", head->path };
    struct blob *big;

    w->handled_count++;
    if (text_equal(head->path, TEXT("/trusted")))
        exchange_trusted(x);
    if (on_long_request(w, x, head->path))
        return;
    if (text_equal(head->path, TEXT("/wait"))) {
        wire_keep(w, x);
    } else if (text_equal(head->path, TEXT("/orphan"))) {
        w->waiting[w->waiting_count++] = x;
    } else if (text_equal(head->path, TEXT("/echo"))) {
        exchange_respond(x, 200, &field, 1, blob_copy(exchange_body(x)));
    } else if (text_equal(head->path, TEXT("/big"))) {
        big = blob_new(WIRE_BIG_BYTES);
        memset(big->at, 'b', big->bytes);
        exchange_respond(x, 200, NULL, 0, big);
    } else {
        exchange_respond(x, 200, &field, 1, NULL);
    }
}

int wire_set_up(void **state)
{
    struct wire *w = calloc(1, sizeof(*w));

    signal(SIGPIPE, SIG_IGN);
    w->loop = loop_new();
    w->config.server_connections_max = 100;
    w->config.server_connections_per_ip_max = 100;
    snprintf(w->directory, sizeof(w->directory), "/tmp/posthorn-wire-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    snprintf(w->config.tls_directory, sizeof(w->config.tls_directory), "%s", w->directory);
    loop_timer_init(&w->tick, w->loop, on_tick, w);
    loop_timer_set(&w->tick, 5);
    w->net = net_new(w->loop, &w->config);
    *state = w;
    return 0;
}

int wire_tear_down(void **state)
{
    static const char *const files[] = { "ca.pem", "ca-key.pem", "cert.pem", "key.pem", "new.pem" };
    struct wire *w = *state;
    char path[128];

    net_free(&w->net);
    loop_timer_clear(&w->tick);
    loop_free(&w->loop);
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        snprintf(path, sizeof(path), "%s/%s", w->directory, files[i]);
        unlink(path);
    }
    rmdir(w->directory);
    free(w);
    return 0;
}

struct net_deadlines wire_deadlines(uint32_t ms)
{
    return (struct net_deadlines){ ms, ms, ms, ms, ms, ms, ms, 100, 50, ms };
}

void wire_listen(struct wire *w)
{
    assert_int_equal(net_listen(w->net, "127.0.0.1:0", false, on_request, w, &w->port), ERR_OK);
    assert_int_equal(net_load_tls(w->net), ERR_OK);
    assert_int_equal(net_listen(w->net, "127.0.0.1:0", true, on_request, w, &w->tls_port), ERR_OK);
}

void wire_run(struct wire *w, unsigned ms)
{
    unsigned long long end = now_ms() + ms;

    do {
        loop_wait(w->loop, true);
        net_flush(w->net);
    } while (now_ms() < end);
}

int wire_connect(struct wire *w)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(w->port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

void wire_send(int fd, const char *z)
{
    assert_int_equal(send(fd, z, strlen(z), MSG_NOSIGNAL), (ssize_t)strlen(z));
}

const char *wire_read(struct wire *w, int fd, const char *until, bool *closed)
{
    static char inbox[WIRE_BIG_BYTES + 4096];
    size_t have = 0;
    unsigned long long end = now_ms() + 2000;
    bool is_closed = false;

    inbox[0] = 0;
    while (!is_closed && !(until && strstr(inbox, until)) && now_ms() < end) {
        ssize_t r;

        loop_wait(w->loop, true);
        net_flush(w->net);
        r = recv(fd, inbox + have, sizeof(inbox) - 1 - have, 0);
        if (r == 0 || (r < 0 && errno != EAGAIN))
            is_closed = true;
        have += r > 0 ? (size_t)r : 0;
        inbox[have] = 0;
    }
    if (closed)
        *closed = is_closed;
    return inbox;
}

struct net_stats wire_stats(struct wire *w)
{
    struct net_stats s;

    net_stats_read(w->net, &s);
    return s;
}
