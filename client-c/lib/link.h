/* lib/link.h - a non-blocking byte stream to a server: addresses in turn, perhaps a proxy's tunnel, then TLS if asked */
#pragma once
#include "lib/buf.h"
#include "lib/proxy.h"
#include "lib/url.h"
#include <netdb.h>
#include <openssl/ssl.h>
#include <stdint.h>

enum {
    LINK_CONNECT_MS = 10 * 1000,
    LINK_PROXY_MS = 10 * 1000,
    LINK_HANDSHAKE_MS = 10 * 1000,
    LINK_OUT_MOST = 256 * 1024,
};

enum link_state { LINK_CONNECTING, LINK_PROXY, LINK_HANDSHAKE, LINK_OPEN, LINK_CLOSED };

struct link {
    enum link_state state;
    int fd;
    struct addrinfo *addresses, *next;
    const struct proxy *proxy;
    struct buf head;        /* LINK_PROXY: of its answer */
    SSL *ssl;               /* NULL: cleartext */
    bool is_h2;             /* what ALPN chose; a cleartext link has no opinion */
    bool is_ended;          /* the peer closed its side */
    struct buf out;         /* bytes for the socket: ciphertext under TLS */
    uint64_t deadline_ms;   /* of the state */
    char why[200];          /* LINK_CLOSED: the reason in words; empty: an orderly end */
};

/* Looks the host up (this may block for as long as the system's resolver does) and begins to connect.
 * context NULL: cleartext. proxy is borrowed. */
void link_open(struct link *l, const struct url *u, const struct proxy *proxy, SSL_CTX *context, bool offers_h2,
               uint64_t now_ms);
/* Moves on as far as it can without waiting. */
void link_step(struct link *l, const struct url *u, uint64_t now_ms);
/* Up to room bytes that came; 0: nothing now, or the end (state says which). */
size_t link_read(struct link *l, void *into, size_t room);
/* Queues bytes; what the socket does not take now is sent by later steps. */
void link_write(struct link *l, const void *bytes, size_t count);
/* poll() events it waits for; 0 when closed. */
short link_events(const struct link *l);
/* Closes; the reason stays readable. */
void link_close(struct link *l);
