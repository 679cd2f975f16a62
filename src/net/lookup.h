/* net/lookup.h - the address behind a name, found without stopping the loop */
#pragma once
#include "base/loop.h"
#include <sys/socket.h>

struct lookup;

/* Once, inside loop_wait(); bytes 0: there is none. The owner frees the lookup, in the call or later. */
typedef void lookup_fn(void *ctx, const struct sockaddr *address, socklen_t bytes);
/* host:port, an IP address ([v6] in brackets) or a name. False: that is not what it is. */
bool lookup_split(const char *address, char *host, size_t host_bytes, const char **port);
/* An address is known at once, and told in the loop's next round; a name takes a thread of its own, which may outlive
 * the lookup by as long as the resolver takes. */
struct lookup *lookup_new(struct loop *l, const char *host, const char *port, lookup_fn *fn, void *ctx);
void lookup_free(struct lookup **k);        /* fn is not called any more; NULL is fine */
