/* net/listen.h - listening sockets */
#pragma once
#include "net/conn.h"
#include "net/proxy.h"

struct listen_socket;

/* Takes effect at each accept, so that a new certificate serves new connections. */
struct listen_to {
    struct conn_set *set;
    struct proxy_trust *const *proxy;       /* where those stand whose header names the peer; NULL: nobody */
    SSL_CTX *const *tls;            /* where the current context stands; NULL: in the clear */
    net_request_fn *fn;
    void *ctx;
};

/* "host:port", "[v6]:port" or ":port" (all addresses); port 0 picks one. *port (may be NULL) is the one taken.
 * Errors: ERR_BAD_REQUEST (not an address of this host), ERR_EXISTS (in use), with a log line. */
MUST_USE enum err listen_new(const char *address, struct listen_to to, uint16_t *port,
                             struct listen_socket **into);
void listen_free(struct listen_socket **s);
