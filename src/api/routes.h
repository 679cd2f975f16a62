/* api/routes.h - the verb table: which handler answers what */
#pragma once
#include "base/op.h"
#include "net/exchange.h"

struct route {
    enum method method;
    op_step *handler;               /* of a struct call */
    bool is_public;                 /* needs no session */
    bool takes_query;               /* reads its query itself; the others refuse any */
};

/* The route of a method (GET for HEAD) and path, and the ids in the path. ERR_NOT_FOUND, or
 * ERR_METHOD_NOT_ALLOWED with what is allowed in *allow. */
MUST_USE enum err routes_find(enum method method, struct text path, const struct route **route, uint64_t *args,
                              const char **allow);
/* "GET" ...; METHOD_OTHER for what is none. */
enum method routes_method(struct text word);
