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
    bool is_link;                   /* of another node */
};

/* "host:port", "[v6]:port" or ":port" (all addresses), or "unix:/path" (0600; a path that nobody listens at any more
 * is taken over; *port is 0); port 0 picks one. *port (may be NULL) is the one taken.
 * Errors: ERR_BAD_REQUEST (not an address of this host), ERR_EXISTS (in use), with a log line. */
MUST_USE enum err listen_new(const char *address, struct listen_to to, uint16_t *port,
                             struct listen_socket **into);
/* A socket that is bound and listening, and stays the caller's. Error: ERR_BAD_REQUEST (it can't be doubled). */
MUST_USE enum err listen_adopt(int fd, struct listen_to to, struct listen_socket **into);
void listen_free(struct listen_socket **s);
