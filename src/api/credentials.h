/* api/credentials.h - the token of a request: a bearer, or the cookie of an allowed origin */
#pragma once
#include "api/api.h"
#include "base/arena.h"

/* The token, copied into the arena; empty when there is none. ERR_BAD_ORIGIN for a cookie that comes from an
 * origin that is not allowed, or, with a method that changes something, without one (browsers send none with
 * GET to the page's own origin). */
MUST_USE enum err credentials_read(const struct api *api, const struct exchange_head *h, enum method method,
                                   struct arena *arena, struct text *token, bool *by_cookie);
