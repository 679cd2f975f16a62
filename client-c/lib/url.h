/* lib/url.h - a server's address: http or https, host, port */
#pragma once
#include "lib/check.h"
#include <stdbool.h>

struct url {
    bool is_tls;
    char host[256];         /* without brackets */
    char port[6];
    char authority[270];    /* as :authority and Host want it */
};

/* Reads "https://host[:port][/]"; without a scheme https. False: not such an address (user part, path,
 * query, bad port or bad host). */
MUST_USE bool url_read(struct url *u, const char *text);
