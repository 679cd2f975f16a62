/* api/api.c - requests of the net become calls, and what they answer becomes a response */
#include "api/api.h"
#include "api/call.h"
#include "api/credentials.h"
#include "api/problem.h"
#include "api/routes.h"
#include <strings.h>

bool api_sends_away(const struct api *api)
{
    return api->is_draining || api->is_away;
}

void api_tell(struct api *api, const struct notices *n)
{
    node_tell(api->node, n);
}

static void api_gone(struct exchange *x, void *ctx)
{
    (void)x;
    call_gone(ctx);
}

static void api_answer(struct call *c, void *carrier)
{
    struct exchange *x = carrier;
    struct exchange_field fields[PROBLEM_FIELDS_MAX + 1];
    char seconds[PROBLEM_SECONDS_MAX];
    size_t count = 0;

    exchange_on_gone(x, NULL, NULL);
    if (c->err) {
        problem_write(c);
        count = problem_fields(c->err, c->retry_ms, c->allow, seconds, fields);
    } else {
        exchange_trusted(x);
    }
    if (c->set_cookie)
        fields[count++] = (struct exchange_field){ "set-cookie", text_of(c->set_cookie) };
    exchange_respond(x, c->status, fields, count, blob_copy(buf_text(&c->out)));
}

/* The method that is meant: networks that let only GET and POST through name it in a field. */
static enum method api_method(const struct exchange_head *h)
{
    if (h->is_websocket) /* over HTTP/2 it is a CONNECT that stands for the GET of HTTP/1.1 */
        return METHOD_GET;
    return h->method == METHOD_POST && h->method_override.bytes ? routes_method(h->method_override)
                                                                : h->method;
}

static bool api_is_json(struct text type)
{
    static const char json[] = "application/json";
    size_t bytes = sizeof json - 1;

    if (type.bytes < bytes || strncasecmp(type.at, json, bytes) != 0)
        return false;
    return type.bytes == bytes || type.at[bytes] == ';' || type.at[bytes] == ' ';
}

/* What is wrong with the head, before any route is asked. */
static enum err api_check(const struct exchange_head *h, struct text body)
{
    bool takes_body = h->method == METHOD_POST || h->method == METHOD_PUT || h->method == METHOD_PATCH;

    if (h->is_websocket && !text_equal(h->path, TEXT("/v1/events")))
        return ERR_NOT_FOUND;
    return body.bytes > 0 && takes_body && !api_is_json(h->content_type) ? ERR_UNSUPPORTED_TYPE : ERR_OK;
}

void api_request(struct exchange *x, void *ctx)
{
    struct api *api = ctx;
    const struct exchange_head *h = exchange_head(x);
    struct call *c = call_new(api, api_answer, x);

    c->x = x;
    c->method = api_method(h);
    c->path = arena_copy(&c->arena, h->path);
    c->query = arena_copy(&c->arena, h->query);
    c->body = arena_copy(&c->arena, exchange_body(x));
    c->peer = arena_copy(&c->arena, exchange_peer(x));
    enum err err = api_check(h, c->body);
    if (!err)
        err = credentials_read(api, h, c->method, &c->arena, &c->token, &c->by_cookie);
    exchange_on_gone(x, api_gone, c);
    call_start(c, err);
}
