/* api/credentials.c - Authorization and Cookie */
#include "api/credentials.h"
#include <strings.h>

static struct text credentials_trim(struct text t)
{
    while (t.bytes && t.at[0] == ' ')
        t = (struct text){ t.at + 1, t.bytes - 1 };
    while (t.bytes && t.at[t.bytes - 1] == ' ')
        t.bytes--;
    return t;
}

static struct text credentials_bearer(struct text authorization)
{
    static const char scheme[] = "bearer ";
    size_t bytes = sizeof scheme - 1;

    if (authorization.bytes <= bytes || strncasecmp(authorization.at, scheme, bytes) != 0)
        return (struct text){ 0 };
    return credentials_trim((struct text){ authorization.at + bytes, authorization.bytes - bytes });
}

/* The next of a list separated by c; *list is what follows. */
static struct text credentials_next(struct text *list, char c)
{
    const char *end = list->bytes ? memchr(list->at, c, list->bytes) : NULL;
    size_t bytes = end ? (size_t)(end - list->at) : list->bytes, used = bytes + (end != NULL);
    struct text item = { list->at, bytes };

    *list = (struct text){ list->at + used, list->bytes - used };
    return credentials_trim(item);
}

static struct text credentials_cookie(struct text cookie)
{
    static const char name[] = "__Host-posthorn=";
    size_t bytes = sizeof name - 1;

    while (cookie.bytes) {
        struct text one = credentials_next(&cookie, ';');
        if (one.bytes > bytes && memcmp(one.at, name, bytes) == 0)
            return (struct text){ one.at + bytes, one.bytes - bytes };
    }
    return (struct text){ 0 };
}

static bool credentials_is_allowed(const struct api *api, struct text origin)
{
    struct text list = text_of(api->chat->config->server_origins);

    if (text_equal(origin, text_of(api->url)))
        return true;
    while (list.bytes) {
        if (text_equal(credentials_next(&list, ' '), origin))
            return true;
    }
    return false;
}

enum err credentials_read(const struct api *api, const struct exchange_head *h, enum method method,
                          struct arena *arena, struct text *token, bool *by_cookie)
{
    *by_cookie = false;
    *token = credentials_bearer(h->authorization);
    if (!token->bytes) {
        *token = credentials_cookie(h->cookie);
        *by_cookie = token->bytes > 0;
    }
    *token = arena_copy(arena, *token);
    if (!*by_cookie && !(h->is_websocket && h->origin.bytes))
        return ERR_OK;
    /* A page of another origin may open a WebSocket (RFC 6455 10.2), and it may write. */
    bool is_reading = (method == METHOD_GET || method == METHOD_HEAD) && !h->is_websocket;
    if (!h->origin.bytes)
        return is_reading ? ERR_OK : ERR_BAD_ORIGIN;
    return credentials_is_allowed(api, h->origin) ? ERR_OK : ERR_BAD_ORIGIN;
}
