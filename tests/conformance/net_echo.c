/* conformance/net_echo.c - the net alone with a handler that echoes, for attacks, load and compatibility
 *
 * net_echo TLS-PORT CLEARTEXT-PORT DIRECTORY: GET /v1/discover is public and small, /echo gives the body back,
 * /wait answers after a second, /big gives 400 KB, /ws-echo is a WebSocket that gives each message back, everything
 * else is 404. SIGHUP reloads, SIGTERM drains.
 */
#include "limits.h"
#include "net/net.h"
#include "net/refusal.h"
#include "net/websocket.h"
#include <signal.h>
#include <stdio.h>

struct waiting {
    struct loop_timer timer;
    struct exchange *x;
};

struct echo {
    struct loop *loop;
    struct net *net;
    struct blob *big;
    bool is_stopping;
    struct loop_timer stop;
};

static void on_waited(void *ctx)
{
    struct waiting *w = ctx;

    exchange_respond(w->x, 200, NULL, 0, blob_copy(TEXT("{\"waited\":true}")));
    free(w);
}

static void on_gone(struct exchange *x, void *ctx)
{
    struct waiting *w = ctx;

    (void)x;
    loop_timer_clear(&w->timer);
    free(w);
}

static void on_message(struct websocket *w, bool is_text, struct text message, void *ctx)
{
    (void)ctx;
    if (is_text)
        websocket_send(w, blob_copy(message));
    else
        websocket_send_binary(w, blob_copy(message));
    if (websocket_unsent(w) >= LIMIT_UNSENT_BYTES)
        websocket_pause(w, true);
}

static void on_room(struct websocket *w, void *ctx)
{
    (void)ctx;
    websocket_pause(w, false);
}

static void on_closed(struct websocket *w, uint16_t code, void *ctx)
{
    (void)w;
    (void)code;
    (void)ctx;
}

static void on_request(struct exchange *x, void *ctx)
{
    struct echo *e = ctx;
    const struct exchange_head *head = exchange_head(x);
    struct exchange_field fields[REFUSAL_FIELDS_MAX];
    static const struct websocket_events events = { on_message, on_room, on_closed };

    exchange_trusted(x);
    if (text_equal(head->path, TEXT("/v1/discover"))) {
        exchange_respond(x, 200, NULL, 0, blob_copy(TEXT("{\"nodes\":[]}")));
    } else if (text_equal(head->path, TEXT("/echo"))) {
        exchange_respond(x, 200, NULL, 0, blob_copy(exchange_body(x)));
    } else if (text_equal(head->path, TEXT("/big"))) {
        exchange_respond(x, 200, NULL, 0, blob_ref(e->big));
    } else if (text_equal(head->path, TEXT("/wait"))) {
        struct waiting *w = calloc(1, sizeof(*w));

        CHECK(w);
        w->x = x;
        loop_timer_init(&w->timer, e->loop, on_waited, w);
        loop_timer_set(&w->timer, 1000);
        exchange_on_gone(x, on_gone, w);
    } else if (text_equal(head->path, TEXT("/ws-echo")) && head->is_websocket) {
        websocket_accept(x, TEXT(""), true, &events, NULL);
    } else {
        size_t count = refusal_fields(ERR_NOT_FOUND, fields);

        exchange_respond(x, 404, fields, count, refusal_body(ERR_NOT_FOUND));
    }
}

static void on_stop(void *ctx)
{
    struct echo *e = ctx;

    e->is_stopping = true;
}

static void on_signal(void *ctx, int number)
{
    struct echo *e = ctx;

    if (number == SIGHUP) {
        fprintf(stderr, "reload: %s\n", err_code(net_load_tls(e->net)));
        return;
    }
    net_drain(e->net);
    loop_timer_set(&e->stop, 3000);
}

int main(int argc, char **argv)
{
    struct config config = { .server_connections_max = 20000, .server_connections_per_ip_max = 20000 };
    struct echo e = { .loop = loop_new(), .big = blob_new(400 * 1000) };
    struct loop_signal hup, term;
    char address[64];

    if (argc != 4) {
        fprintf(stderr, "usage: net_echo TLS-PORT CLEARTEXT-PORT DIRECTORY\n");
        return 2;
    }
    memset(e.big->at, 'x', e.big->bytes);
    signal(SIGPIPE, SIG_IGN);
    snprintf(config.tls_directory, sizeof(config.tls_directory), "%s", argv[3]);
    e.net = net_new(e.loop, &config);
    snprintf(address, sizeof(address), "127.0.0.1:%s", argv[1]);
    if (net_load_tls(e.net) || net_listen(e.net, address, true, on_request, &e, NULL))
        return 1;
    snprintf(address, sizeof(address), "127.0.0.1:%s", argv[2]);
    if (net_listen(e.net, address, false, on_request, &e, NULL))
        return 1;
    loop_timer_init(&e.stop, e.loop, on_stop, &e);
    loop_signal_init(&hup, e.loop, SIGHUP, on_signal, &e);
    loop_signal_init(&term, e.loop, SIGTERM, on_signal, &e);
    while (!e.is_stopping) {
        loop_wait(e.loop, true);
        net_flush(e.net);
    }
    net_free(&e.net);
    loop_signal_fini(&hup);
    loop_signal_fini(&term);
    blob_free(&e.big);
    loop_free(&e.loop);
    return 0;
}
