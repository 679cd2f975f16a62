/* net/tls.h - the TLS configuration of all listeners, and the one of links */
#pragma once
#include "base/err.h"

typedef struct ssl_ctx_st SSL_CTX;

/* A new context from PEM files (chain and key): TLS 1.2 with forward secrecy and AEAD, or 1.3; ALPN h2 and
 * http/1.1; small idle connections. Error: ERR_BAD_REQUEST with a log line (unreadable, not matching). The
 * caller's reference; connections hold their own, so it can be swapped under them. */
MUST_USE enum err tls_new(const char *certificate, const char *key, SSL_CTX **into);
/* One for both ends of links, from ca.pem, node.pem and node.key of directory: TLS 1.3, ALPN h2; the peer must show a
 * certificate of ca.pem's authority. Errors as above. */
MUST_USE enum err tls_new_link(const char *directory, SSL_CTX **into);
void tls_free(SSL_CTX **t);
