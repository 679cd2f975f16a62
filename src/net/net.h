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
    uint32_t links;                 /* connections of other nodes: not among the others, and not bounded with them */
    uint64_t unsent_bytes;          /* what handlers wrote and sockets have not taken, of all connections */
};

/* How long a peer may take, in milliseconds; net_new() takes them from limits.h. */
struct net_deadlines {
    uint32_t handshake, head, body, idle, unauthenticated, write_stall, request;
    uint32_t linger;                /* between our end and the peer's */
    uint32_t goaway;                /* between the two GOAWAYs of a drain: longer than a round trip */
    uint32_t push_ack;              /* from a promise to the acknowledgement that it was read */
};

struct net *net_new(struct loop *l, const struct config *c);    /* both must outlive it */
/* Closes everything; exchange_gone_fn are called for what waits. No exchange may be used after. */
void net_free(struct net **n);
/* Listens; address is "host:port", "[v6]:port" or ":port" (all addresses); port 0 picks one. with_tls needs
 * net_load_tls() first. Connections from server.proxy_protocol begin with a PROXY header, but for those to
 * server.admin. Errors: ERR_BAD_REQUEST (address, or that list), ERR_EXISTS (in use), with a log line. */
MUST_USE enum err net_listen(struct net *n, const char *address, bool with_tls,
                             net_request_fn *fn, void *ctx, uint16_t *port);
/* The same for a socket that listens already; fd stays the caller's. is_admin: without PROXY headers. */
MUST_USE enum err net_adopt(struct net *n, int fd, bool with_tls, bool is_admin, net_request_fn *fn, void *ctx);
/* The listener for other nodes: "unix:/path" in the clear, mode 0600; else host:port over TLS 1.3, where the peer has
 * to show a certificate of node.tls_directory's authority. It takes CONNECT with :protocol NET_LINK_PROTOCOL, and no
 * WebSocket. net_drain() leaves it alone, and limits on connections too. Errors as net_listen(). */
#define NET_LINK_PROTOCOL "posthorn-link"
MUST_USE enum err net_listen_link(struct net *n, const char *address, net_request_fn *fn, void *ctx, uint16_t *port);
/* The same with a socket that is bound and listening; is_local: a Unix socket. fd stays the caller's. */
MUST_USE enum err net_adopt_link(struct net *n, int fd, bool is_local, net_request_fn *fn, void *ctx);
/* Reads the certificates of links anew where there are any, and tls.certificate and tls.key, or makes a development CA and leaf in tls.directory when none is
 * configured. Again (SIGHUP): new connections get the new certificate; a bad file leaves the old one and
 * answers ERR_BAD_REQUEST. */
MUST_USE enum err net_load_tls(struct net *n);
/* One write for each connection that has something to say; tells whose peer went away; then frees what ended
 * this turn. Outside loop_wait(). */
void net_flush(struct net *n);
/* Stops accepting; tells connections to go (GOAWAY, Connection: close); they end when their exchanges do. */
void net_drain(struct net *n);
/* For tests, which can't wait as long as limits.h says; before any listener. */
void net_set_deadlines(struct net *n, const struct net_deadlines *d);
/* For tests: another LIMIT_UNSENT_WORKER_BYTES. */
void net_set_unsent_max(struct net *n, uint64_t bytes);
void net_stats_read(const struct net *n, struct net_stats *s);
