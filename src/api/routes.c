/* api/routes.c - the verb table */
#include "api/routes.h"
#include "api/handlers.h"
#include "model/id.h"

static const struct route routes[] = {
    { METHOD_POST, "/v1/accounts", accounts_register, true, false },
    { METHOD_POST, "/v1/sessions", accounts_login, true, false },
    { METHOD_GET, "/v1/sessions", devices_list, false, false },
    { METHOD_DELETE, "/v1/sessions/current", devices_logout, false, false },
    { METHOD_DELETE, "/v1/sessions/*", devices_revoke, false, false },
    { METHOD_GET, "/v1/users", users_by_handle, false, true },
    { METHOD_PATCH, "/v1/users/me", users_rename, false, false },
    { METHOD_GET, "/v1/users/*", users_by_id, false, false },
    { METHOD_GET, "/v1/snapshot", snapshot_get, false, true },
    { METHOD_GET, "/v1/events", events_get, false, true },
    { METHOD_POST, "/v1/conversations", conversations_create, false, false },
    { METHOD_GET, "/v1/conversations/*", conversations_get, false, false },
    { METHOD_PATCH, "/v1/conversations/*", groups_retitle, false, false },
    { METHOD_GET, "/v1/conversations/*/members", groups_members, false, false },
    { METHOD_PUT, "/v1/conversations/*/members/*", groups_put_member, false, false },
    { METHOD_DELETE, "/v1/conversations/*/members/*", groups_remove_member, false, false },
    { METHOD_POST, "/v1/conversations/*/messages", messages_send, false, false },
    { METHOD_GET, "/v1/conversations/*/messages", messages_history, false, true },
    { METHOD_PUT, "/v1/conversations/*/marks", messages_mark, false, false },
    { METHOD_POST, "/v1/batch", batch_post, false, false },
    { METHOD_GET, "/v1/discover", discover_get, true, true },
};
enum { ROUTES = sizeof routes / sizeof *routes };

static const char *const routes_words[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

enum method routes_method(struct text word)
{
    for (unsigned k = 0; k < sizeof routes_words / sizeof *routes_words; k++) {
        if (text_equal(word, text_of(routes_words[k])))
            return (enum method)k;
    }
    return METHOD_OTHER;
}

/* The part of a path before the next slash; *rest is what follows it. */
static struct text routes_segment(struct text path, struct text *rest)
{
    const char *slash = path.bytes ? memchr(path.at, '/', path.bytes) : NULL;
    size_t bytes = slash ? (size_t)(slash - path.at) : path.bytes;

    *rest = slash ? (struct text){ slash + 1, path.bytes - bytes - 1 } : (struct text){ NULL, 0 };
    return (struct text){ path.at, bytes };
}

static bool routes_match(const char *pattern, struct text path, uint64_t *args)
{
    struct text left = text_of(pattern), rest = path;
    unsigned count = 0;

    while (left.at && rest.at) {
        struct text wanted = routes_segment(left, &left), found = routes_segment(rest, &rest);
        if (text_equal(wanted, TEXT("*"))) {
            if (!id_parse(found, &args[count++]))
                return false;
        } else if (!text_equal(wanted, found)) {
            return false;
        }
    }
    return !left.at && !rest.at;
}

/* What is allowed at a path is one of these: the routes are few, so the words are written out. */
static const char *routes_allow(unsigned methods)
{
    switch (methods) {
    case 1u << METHOD_GET:
        return "GET, HEAD";
    case 1u << METHOD_POST:
        return "POST";
    case 1u << METHOD_PUT:
        return "PUT";
    case 1u << METHOD_PATCH:
        return "PATCH";
    case 1u << METHOD_DELETE:
        return "DELETE";
    case 1u << METHOD_GET | 1u << METHOD_POST:
        return "GET, HEAD, POST";
    case 1u << METHOD_GET | 1u << METHOD_PATCH:
        return "GET, HEAD, PATCH";
    case 1u << METHOD_PUT | 1u << METHOD_DELETE:
        return "PUT, DELETE";
    default:
        return "GET, HEAD, POST, PUT, PATCH, DELETE";
    }
}

enum err routes_find(enum method method, struct text path, const struct route **route, uint64_t *args,
                     const char **allow)
{
    unsigned methods = 0;

    method = method == METHOD_HEAD ? METHOD_GET : method;
    for (unsigned k = 0; k < ROUTES; k++) {
        if (!routes_match(routes[k].pattern, path, args))
            continue;
        if (routes[k].method == method) {
            *route = &routes[k];
            return ERR_OK;
        }
        methods |= 1u << routes[k].method;
    }
    if (!methods)
        return ERR_NOT_FOUND;
    *allow = routes_allow(methods);
    return ERR_METHOD_NOT_ALLOWED;
}
