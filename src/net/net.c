/* net/net.c - the listeners and their connections: bytes in, requests out, one flush a turn */
#include "net/net.h"
#include "base/log.h"
#include "net/devcert.h"
#include "net/listen.h"
#include "net/proxy.h"
#include "net/tls.h"
#include <stdio.h>

enum { LISTENERS_MAX = 8, LINK_LISTENERS_MAX = 4 };

struct net {
    struct loop *loop;
    const struct config *config;
    struct conn_set *set;
    SSL_CTX *tls;
    struct proxy_trust *proxy;
    struct listen_socket *listeners[LISTENERS_MAX];
    unsigned listeners_count;
    SSL_CTX *link_tls;
    struct listen_socket *links[LINK_LISTENERS_MAX];
    unsigned links_count;
};

struct net *net_new(struct loop *l, const struct config *c)
{
    struct net *n = calloc(1, sizeof(*n));

    CHECK(n);
    n->loop = l;
    n->config = c;
    n->set = conn_set_new(l, c);
    return n;
}

static void stop_listening(struct net *n)
{
    while (n->listeners_count)
        listen_free(&n->listeners[--n->listeners_count]);
}

void net_free(struct net **at)
{
    struct net *n = *at;

    if (!n)
        return;
    stop_listening(n);
    while (n->links_count)
        listen_free(&n->links[--n->links_count]);
    conn_set_free(&n->set);
    tls_free(&n->tls);
    tls_free(&n->link_tls);
    proxy_trust_free(&n->proxy);
    free(n);
    *at = NULL;
}

void net_set_deadlines(struct net *n, const struct net_deadlines *d)
{
    n->set->deadlines = *d;
}

void net_set_unsent_max(struct net *n, uint64_t bytes)
{
    n->set->unsent_max = bytes;
}

/* How a listener of clients wants its connections. */
static enum err client_to(struct net *n, bool with_tls, bool is_admin, net_request_fn *fn, void *ctx,
                          struct listen_to *to)
{
    CHECK(n->listeners_count < LISTENERS_MAX && (!with_tls || n->tls));
    *to =
        (struct listen_to){ n->set, is_admin ? NULL : &n->proxy, with_tls ? &n->tls : NULL, fn, ctx, false };
    return n->proxy ? ERR_OK : proxy_trust_new(n->config->server_proxy_protocol, &n->proxy);
}

enum err net_listen(struct net *n, const char *address, bool with_tls, net_request_fn *fn, void *ctx,
                    uint16_t *port)
{
    struct listen_to to;
    enum err err = client_to(n, with_tls, strcmp(address, n->config->server_admin) == 0, fn, ctx, &to);

    if (!err)
        err = listen_new(address, to, port, &n->listeners[n->listeners_count]);
    n->listeners_count += !err;
    return err;
}

enum err net_adopt(struct net *n, int fd, bool with_tls, bool is_admin, net_request_fn *fn, void *ctx)
{
    struct listen_to to;
    enum err err = client_to(n, with_tls, is_admin, fn, ctx, &to);

    if (!err)
        err = listen_adopt(fd, to, &n->listeners[n->listeners_count]);
    n->listeners_count += !err;
    return err;
}

/* How a link listener wants its connections; reads the cluster's certificates when it is the first that needs them. */
static enum err link_to(struct net *n, bool is_local, net_request_fn *fn, void *ctx, struct listen_to *into)
{
    CHECK(n->links_count < LINK_LISTENERS_MAX);
    *into = (struct listen_to){ n->set, NULL, is_local ? NULL : &n->link_tls, fn, ctx, true };
    if (is_local || n->link_tls)
        return ERR_OK;
    return tls_new_link(n->config->node_tls_directory, &n->link_tls);
}

enum err net_listen_link(struct net *n, const char *address, net_request_fn *fn, void *ctx, uint16_t *port)
{
    struct listen_to to;
    enum err err = link_to(n, strncmp(address, "unix:", 5) == 0, fn, ctx, &to);

    if (!err)
        err = listen_new(address, to, port, &n->links[n->links_count]);
    n->links_count += !err;
    return err;
}

enum err net_adopt_link(struct net *n, int fd, bool is_local, net_request_fn *fn, void *ctx)
{
    struct listen_to to;
    enum err err = link_to(n, is_local, fn, ctx, &to);

    if (!err)
        err = listen_adopt(fd, to, &n->links[n->links_count]);
    n->links_count += !err;
    return err;
}

/* Those of links, when there is a listener that has any; bad ones leave the old ones. */
static enum err load_link_tls(struct net *n)
{
    SSL_CTX *fresh = NULL;
    enum err err = n->link_tls ? tls_new_link(n->config->node_tls_directory, &fresh) : ERR_OK;

    if (!fresh)
        return err;
    tls_free(&n->link_tls);
    n->link_tls = fresh;
    return ERR_OK;
}

enum err net_load_tls(struct net *n)
{
    const struct config *c = n->config;
    char certificate[1024], key[1024];
    SSL_CTX *fresh = NULL;
    enum err err = ERR_OK;

    snprintf(certificate, sizeof(certificate), "%s", c->tls_certificate);
    snprintf(key, sizeof(key), "%s", c->tls_key);
    if (certificate[0] == 0) {
        err = devcert_make(c->tls_directory, loop_unix_ms(n->loop) / 1000);
        snprintf(certificate, sizeof(certificate), "%s/cert.pem", c->tls_directory);
        snprintf(key, sizeof(key), "%s/key.pem", c->tls_directory);
    }
    if (!err)
        err = tls_new(certificate, key, &fresh);
    if (err)
        return err;
    tls_free(&n->tls); /* live connections hold references of their own */
    n->tls = fresh;
    log_line(LOG_INFO, "net.tls.loaded", "development=%d", c->tls_certificate[0] == 0);
    return load_link_tls(n);
}

void net_flush(struct net *n)
{
    conn_set_flush(n->set);
}

void net_drain(struct net *n)
{
    stop_listening(n);
    conn_set_drain(n->set);
}

void net_stats_read(const struct net *n, struct net_stats *s)
{
    *s = n->set->stats;
}
