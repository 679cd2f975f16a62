/* net/net.h - the listeners and their connections: bytes in, requests out, one flush a turn */
#pragma once
#include "base/config.h"
#include "base/loop.h"
#include "net/exchange.h"

/* A whole request. Called inside loop_wait(); the handler may answer at once or later. */
typedef void net_request_fn(struct exchange *x, void *ctx);

struct net;
struct net_stats {
    uint64_t accepted, refused, requests_h1, requests_h2, bad_requests, floods, timeouts;
    uint32_t connections, exchanges;
};

struct net *net_new(struct loop *l, const struct config *c);
void net_free(struct net **n);
/* Listens; address is "host:port", "[v6]:port" or ":port" (all addresses); port 0 picks one. with_tls needs
 * net_load_tls() first. Errors: ERR_BAD_REQUEST (address), ERR_EXISTS (in use), with a log line. */
MUST_USE enum err net_listen(struct net *n, const char *address, bool with_tls,
                             net_request_fn *fn, void *ctx, uint16_t *port);
/* Reads tls.certificate and tls.key, or makes a development CA and leaf in tls.directory when none is
 * configured. Again (SIGHUP): new connections get the new certificate; a bad file leaves the old one and
 * answers ERR_BAD_REQUEST. */
MUST_USE enum err net_load_tls(struct net *n);
/* One write for each connection that has something to say; then frees what ended this turn. */
void net_flush(struct net *n);
/* Stops accepting; tells connections to go (GOAWAY, Connection: close); they end when their exchanges do. */
void net_drain(struct net *n);
void net_stats_read(const struct net *n, struct net_stats *s);
