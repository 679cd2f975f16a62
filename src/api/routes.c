/* api/routes.c - the verb table */
#include "api/routes.h"
#include "api/handlers.h"
#include "model/id.h"

enum { ROUTES_SEGMENTS_MAX = 4, ROUTES_METHODS_MAX = 2 };
static const char prefix[] = "/v1/";
enum { PREFIX_BYTES = sizeof prefix - 1 };

/* One shape of path, by its segments behind the prefix, and what can be done there. */
struct place {
    unsigned count; /* of segments */
    struct text segment[ROUTES_SEGMENTS_MAX]; /* empty: an id */
    struct route route[ROUTES_METHODS_MAX]; /* handler NULL: no more */
};

#define WORD(literal) TEXT_INIT(literal)
#define ID TEXT_INIT("")
static const struct place places[] = {
    { 1, { WORD("accounts") }, { { METHOD_POST, accounts_register, true, false } } },
    { 1,
      { WORD("sessions") },
      { { METHOD_POST, accounts_login, true, false }, { METHOD_GET, devices_list, false, false } } },
    { 2, { WORD("sessions"), WORD("current") }, { { METHOD_DELETE, devices_logout, false, false } } },
    { 2, { WORD("sessions"), ID }, { { METHOD_DELETE, devices_revoke, false, false } } },
    { 1, { WORD("users") }, { { METHOD_GET, users_by_handle, false, true } } },
    { 2, { WORD("users"), WORD("me") }, { { METHOD_PATCH, users_rename, false, false } } },
    { 2, { WORD("users"), ID }, { { METHOD_GET, users_by_id, false, false } } },
    { 1, { WORD("snapshot") }, { { METHOD_GET, snapshot_get, false, true } } },
    { 1, { WORD("events") }, { { METHOD_GET, events_get, false, true } } },
    { 1, { WORD("conversations") }, { { METHOD_POST, conversations_create, false, false } } },
    { 2,
      { WORD("conversations"), ID },
      { { METHOD_GET, conversations_get, false, false }, { METHOD_PATCH, groups_retitle, false, false } } },
    { 3, { WORD("conversations"), ID, WORD("members") }, { { METHOD_GET, groups_members, false, false } } },
    { 4,
      { WORD("conversations"), ID, WORD("members"), ID },
      { { METHOD_PUT, groups_put_member, false, false },
        { METHOD_DELETE, groups_remove_member, false, false } } },
    { 3,
      { WORD("conversations"), ID, WORD("messages") },
      { { METHOD_POST, messages_send, false, false }, { METHOD_GET, messages_history, false, true } } },
    { 3, { WORD("conversations"), ID, WORD("marks") }, { { METHOD_PUT, messages_mark, false, false } } },
    { 3, { WORD("conversations"), ID, WORD("typing") }, { { METHOD_POST, typing_post, false, false } } },
    { 1, { WORD("batch") }, { { METHOD_POST, batch_post, false, false } } },
    { 1, { WORD("discover") }, { { METHOD_GET, discover_get, true, true } } },
};
enum { PLACES = sizeof places / sizeof *places };

static const char *const routes_words[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

enum method routes_method(struct text word)
{
    for (unsigned k = 0; k < sizeof routes_words / sizeof *routes_words; k++) {
        if (text_equal(word, text_of(routes_words[k])))
            return (enum method)k;
    }
    return METHOD_OTHER;
}

/* The segments behind the prefix; 0: none, or more than any place has. */
static unsigned routes_split(struct text path, struct text segment[static ROUTES_SEGMENTS_MAX])
{
    unsigned count = 0;

    if (path.bytes < PREFIX_BYTES || memcmp(path.at, prefix, PREFIX_BYTES) != 0)
        return 0;
    for (const char *at = path.at + PREFIX_BYTES, *end = path.at + path.bytes; at; count++) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        if (count == ROUTES_SEGMENTS_MAX)
            return 0;
        segment[count] = (struct text){ at, (size_t)((slash ? slash : end) - at) };
        at = slash ? slash + 1 : NULL;
    }
    return count;
}

/* Lengths first: nearly every place differs in one. */
static bool routes_match(const struct place *p, const struct text *segment, unsigned count, uint64_t *args)
{
    if (p->count != count)
        return false;
    for (unsigned k = 0; k < count; k++) {
        if (p->segment[k].bytes && !text_equal(p->segment[k], segment[k]))
            return false;
    }
    for (unsigned k = 0; k < count; k++) {
        if (!p->segment[k].bytes && !id_parse(segment[k], args++))
            return false;
    }
    return true;
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
    struct text segment[ROUTES_SEGMENTS_MAX];
    unsigned count = routes_split(path, segment), methods = 0;

    method = method == METHOD_HEAD ? METHOD_GET : method;
    for (unsigned k = 0; k < PLACES; k++) {
        if (!routes_match(&places[k], segment, count, args))
            continue;
        for (unsigned m = 0; m < ROUTES_METHODS_MAX && places[k].route[m].handler; m++) {
            *route = &places[k].route[m];
            if ((*route)->method == method)
                return ERR_OK;
            methods |= 1u << (*route)->method;
        }
        *allow = routes_allow(methods);
        return ERR_METHOD_NOT_ALLOWED;
    }
    return ERR_NOT_FOUND;
}
