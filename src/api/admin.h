/* api/admin.h - the admin listener: /livez, /readyz, /metrics */
#pragma once
#include "net/net.h"

/* net_request_fn; ctx is the struct api. */
void admin_request(struct exchange *x, void *ctx);
