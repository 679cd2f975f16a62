/* net/dial.h - an outgoing stream of bytes to another node: extended CONNECT over HTTP/2 (RFC 8441, RFC 9113)
 *
 * One connection with one stream: CONNECT, :protocol posthorn-link, :path /link. To a Unix socket in the clear, to a
 * TCP address over TLS 1.3 where both sides show a certificate of the cluster's CA. nghttp2 and OpenSSL as in the
 * rest of net/. A broken dial stays broken: its owner makes a new one.
 */
#pragma once
#include "base/blob.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/text.h"

typedef struct ssl_ctx_st SSL_CTX;
struct dial;

/* Called inside loop_wait(), never inside a call of the owner. */
struct dial_calls {
    void (*open)(void *ctx);                        /* the peer said 200 */
    void (*input)(void *ctx, struct text bytes);    /* valid during the call */
    /* Once, the last call; why is a word for the log: refused, timeout, reset, certificate, status ... The owner frees
     * it, in the call or later. */
    void (*closed)(void *ctx, const char *why);
};

/* address: "unix:/path" or "host:port" (an IP address, or a name that is looked up without blocking the loop). tls: from
 * dial_tls_new(), for "host:port"; not taken. Not open within LIMIT_LINK_CONNECT_MS: closed("timeout"). */
struct dial *dial_new(struct loop *l, const char *address, SSL_CTX *tls, const struct dial_calls *calls, void *ctx);
void dial_free(struct dial **d);                    /* closes; tells nobody */
/* Queues bytes (a reference is taken); they leave with dial_flush(). Only while open. */
void dial_write(struct dial *d, struct blob *bytes);
void dial_flush(struct dial *d);
size_t dial_unsent(const struct dial *d);           /* bytes that the socket has not taken */

/* The name (CN) in the certificate that the peer showed, cut to fit, ended by 0; empty: none, it is reached in the clear.
 * Only while open, and in open(). */
void dial_certificate(const struct dial *d, char *into, size_t room);

/* The certificates of a cluster, in a directory: ca.pem, node.pem, node.key. ERR_BAD_REQUEST with a log line. The
 * context verifies the peer against ca.pem alone, and shows node.pem. For dialling and (tls_new_link() in net/tls.h)
 * for listening. */
MUST_USE enum err dial_tls_new(const char *directory, SSL_CTX **into);
