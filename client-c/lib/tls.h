/* lib/tls.h - what makes a TLS connection trustworthy: certificates, names, ALPN */
#pragma once
#include <openssl/ssl.h>
#include <stdbool.h>
#include "lib/check.h"

/* A client context that verifies, TLS 1.2 or better. ca_file (PEM) replaces the system's certificates;
 * NULL: the system's. NULL and a reason in why: the file can't be read. */
MUST_USE SSL_CTX *tls_context(const char *ca_file, char *why, size_t why_bytes);
/* A session for a host (name or address), over two memory buffers: the caller carries the bytes. */
SSL *tls_session(SSL_CTX *context, const char *host, bool offers_h2);
/* Why the handshake failed, in words a person can act on. */
void tls_reason(const SSL *ssl, char *why, size_t why_bytes);
