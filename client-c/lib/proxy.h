/* lib/proxy.h - an HTTP proxy on the way: which one, and what is said to it */
#pragma once
#include "lib/buf.h"
#include "lib/url.h"

enum { PROXY_HEAD_MOST = 8 * 1024 }; /* of its answer */

struct proxy {
    bool is_used;
    char host[256], port[6];
    char authorization[400]; /* "Basic ...", a secret; "": none */
};

/* Which proxy leads to u. option: its URL; "": none; NULL: what HTTPS_PROXY (for https), ALL_PROXY and NO_PROXY
 * ("host, .suffix, *") say, in capitals or not. False: not an address that we can use; why says it. */
MUST_USE bool proxy_choose(struct proxy *p, const struct url *u, const char *option, char *why,
                           size_t why_bytes);
/* Reads "http://[user:password@]host:port". False: as above. */
MUST_USE bool proxy_read(struct proxy *p, const char *url, char *why, size_t why_bytes);
/* The request for a tunnel to u. */
void proxy_write(const struct proxy *p, const struct url *u, struct buf *to);
/* The whole head of its answer. False: no tunnel; why says it in words. */
MUST_USE bool proxy_answer(const struct proxy *p, const char *head, char *why, size_t why_bytes);
