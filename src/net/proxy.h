/* net/proxy.h - the PROXY protocol, version 2: who the peer of a trusted proxy is */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct proxy_trust;

/* The proxies that are believed: addresses, or networks as "10.0.0.0/8", separated by spaces; empty: nobody
 * (*into is NULL). Error: ERR_BAD_REQUEST, with a log line. */
MUST_USE enum err proxy_trust_new(const char *list, struct proxy_trust **into);
void proxy_trust_free(struct proxy_trust **t);      /* NULL is fine */
/* NULL trusts nobody. An IPv4 address is the same when it came over an IPv6 socket. */
bool proxy_trusts(const struct proxy_trust *t, const struct sockaddr *address);

enum { PROXY_HEAD_BYTES = 16, PROXY_BYTES_MAX = PROXY_HEAD_BYTES + 536 };

/* How long the header is, as far as its first have bytes tell: PROXY_HEAD_BYTES, then all of it, at most
 * PROXY_BYTES_MAX. Error: ERR_BAD_REQUEST, at the first byte that is wrong. */
MUST_USE enum err proxy_bytes(const uint8_t *at, size_t have, size_t *bytes);
/* A whole header. *from is the peer; its family is AF_UNSPEC when the proxy speaks for itself (LOCAL).
 * Error: ERR_BAD_REQUEST. */
MUST_USE enum err proxy_read(const uint8_t *at, size_t bytes, struct sockaddr_storage *from);
