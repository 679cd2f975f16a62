/* api/discover.c - GET /v1/discover: the nodes to connect to; this one, until there is a ring */
#include "api/handlers.h"

void discover_get(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct call_param params[] = { { .name = "region" }, { 0 } };
    struct json *j = &c->json;

    CHECK(!err);
    if (!call_query(c, params))
        return;
    json_array(j, "nodes");
    json_object(j, NULL);
    json_string(j, "url", text_of(c->api->url));
    json_string(j, "region", text_of(c->api->chat->config->server_region));
    json_number(j, "load", 0);
    call_end(c, 200, ERR_OK);
}
