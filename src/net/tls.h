/* net/tls.h - the one TLS configuration of all listeners */
#pragma once
#include "base/err.h"

typedef struct ssl_ctx_st SSL_CTX;

/* A new context from PEM files (chain and key): TLS 1.2 with forward secrecy and AEAD, or 1.3; ALPN h2 and
 * http/1.1; small idle connections. Error: ERR_BAD_REQUEST with a log line (unreadable, not matching). The
 * caller's reference; connections hold their own, so it can be swapped under them. */
MUST_USE enum err tls_new(const char *certificate, const char *key, SSL_CTX **into);
void tls_free(SSL_CTX **t);
