/* api/api.c - requests of the net become calls, and what they answer becomes a response */
#include "api/api.h"
#include "api/call.h"
#include "api/credentials.h"
#include "api/problem.h"
#include "api/routes.h"
#include <strings.h>

enum { API_FIELDS_MAX = 6 };

void api_tell(struct api *api, const struct notices *n)
{
    for (uint32_t k = 0; n->members && k < n->members->count; k++)
        hub_notice(api->hub, n->members->member[k].user, n->i[k], n->encoded);
}

static void api_gone(struct exchange *x, void *ctx)
{
    (void)x;
    call_gone(ctx);
}

/* What goes with the body; returns how many fields. */
static size_t api_fields(struct call *c, struct exchange_field *fields)
{
    size_t n = 0;

    if (c->err)
        fields[n++] =
            (struct exchange_field){ "content-type", TEXT("application/problem+json; charset=utf-8") };
    if (c->err == ERR_UNAUTHORIZED || c->err == ERR_BAD_CREDENTIALS)
        fields[n++] = (struct exchange_field){ "www-authenticate", TEXT("Bearer realm=\"posthorn\"") };
    if (c->err == ERR_METHOD_NOT_ALLOWED)
        fields[n++] = (struct exchange_field){ "allow", text_of(c->allow) };
    if (c->set_cookie)
        fields[n++] = (struct exchange_field){ "set-cookie", text_of(c->set_cookie) };
    if (c->status == 429 || c->status == 503) {
        char *seconds = arena_printf(&c->arena, "%u", c->retry_ms / 1000 + 1);
        fields[n++] = (struct exchange_field){ "retry-after", text_of(seconds) };
    }
    CHECK(n <= API_FIELDS_MAX);
    return n;
}

static void api_answer(struct call *c, void *carrier)
{
    struct exchange *x = carrier;
    struct exchange_field fields[API_FIELDS_MAX];

    if (c->err)
        problem_write(c);
    exchange_on_gone(x, NULL, NULL);
    if (!c->err)
        exchange_trusted(x);
    size_t count = api_fields(c, fields);
    exchange_respond(x, c->status, fields, count, blob_copy(buf_text(&c->out)));
}

/* The method that is meant: networks that let only GET and POST through name it in a field. */
static enum method api_method(const struct exchange_head *h)
{
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

static bool api_contains(struct text in, const char *word)
{
    return in.bytes && memmem(in.at, in.bytes, word, strlen(word));
}

/* What is wrong with the head, before any route is asked. */
static enum err api_check(const struct exchange_head *h, struct text body)
{
    bool takes_body = h->method == METHOD_POST || h->method == METHOD_PUT || h->method == METHOD_PATCH;

    if (body.bytes > 0 && takes_body && !api_is_json(h->content_type))
        return ERR_UNSUPPORTED_TYPE;
    /* Events come as JSON; who can take nothing but a stream must hear that there is none. */
    bool wants_stream = api_contains(h->accept, "text/event-stream") && !api_contains(h->accept, "json") &&
                        !api_contains(h->accept, "*/*");
    return wants_stream && text_equal(h->path, TEXT("/v1/events")) ? ERR_NOT_ACCEPTABLE : ERR_OK;
}

void api_request(struct exchange *x, void *ctx)
{
    struct api *api = ctx;
    const struct exchange_head *h = exchange_head(x);
    struct call *c = call_new(api, api_answer, x);

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
