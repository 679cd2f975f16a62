/* net/request.c - what a peer asked: the texts of the head that are kept, and the body */
#include "net/request.h"
#include "limits.h"
#include "net/h1parse.h"
#include <stddef.h>
#include <strings.h>

/* Which request fields are kept, and how one that comes twice is joined (NULL: it must not). */
static const struct {
    const char *name;
    size_t offset;
    const char *joint;
} slots[] = {
    { ":method", offsetof(struct request, method), NULL },
    { ":path", offsetof(struct request, head.path), NULL },
    { ":authority", offsetof(struct request, head.authority), NULL },
    { ":protocol", offsetof(struct request, head.protocol), NULL },
    { "origin", offsetof(struct request, head.origin), NULL },
    { "authorization", offsetof(struct request, head.authorization), NULL },
    { "cookie", offsetof(struct request, head.cookie), "; " }, /* RFC 9113 8.2.3: may come in crumbs */
    { "content-type", offsetof(struct request, head.content_type), NULL },
    { "accept", offsetof(struct request, head.accept), ", " },
    { "last-event-id", offsetof(struct request, head.last_event_id), NULL },
    { "x-http-method-override", offsetof(struct request, head.method_override), NULL },
    { "sec-websocket-version", offsetof(struct request, head.websocket_version), NULL },
    { "sec-websocket-protocol", offsetof(struct request, head.websocket_protocol), ", " },
};
_Static_assert(sizeof(slots) / sizeof(*slots) == REQUEST_SLOTS, "a span for each");

enum { SLOT_AUTHORITY = 2, TEXTS_BYTES_FIRST = 248, TEXTS_BYTES_MAX = 2 * LIMIT_HEAD_BYTES };

struct request *net_request_new(struct pool *pool, bool is_tls, bool is_http2)
{
    struct request *r = pool_take_zeroed(pool, sizeof(*r));

    r->pool = pool;
    r->head.is_tls = is_tls;
    r->head.is_http2 = is_http2;
    buf_init(&r->body, LIMIT_JSON_BYTES);
    return r;
}

void net_request_free(struct request **at)
{
    struct request *r = *at;

    if (!r)
        return;
    pool_give(r->pool, r->texts);
    buf_fini(&r->body);
    pool_give(r->pool, r);
    *at = NULL;
}

/* Room for so many bytes more behind the texts, not counted yet; NULL: that would be too much. */
static char *texts_room(struct request *r, size_t bytes)
{
    size_t room = r->texts_room ? r->texts_room : TEXTS_BYTES_FIRST;
    char *old = r->texts;

    if (bytes > TEXTS_BYTES_MAX - r->texts_bytes)
        return NULL;
    while (room < r->texts_bytes + bytes)
        room *= 2;
    if (room != r->texts_room) {
        r->texts = pool_take(r->pool, room);
        if (old)
            memcpy(r->texts, old, r->texts_bytes);
        pool_give(r->pool, old);
        r->texts_room = (uint32_t)room;
    }
    return r->texts + r->texts_bytes;
}

/* What was there, the joint, and the value stand behind one another, at the end of the texts. */
static enum err put_slot(struct request *r, int slot, struct text value)
{
    size_t old_bytes = 0, joint_bytes = 0;
    char *at;

    if (r->spans[slot].is_there) {
        if (!slots[slot].joint)
            return ERR_BAD_REQUEST;
        old_bytes = r->spans[slot].bytes;
        joint_bytes = strlen(slots[slot].joint);
    }
    at = texts_room(r, old_bytes + joint_bytes + value.bytes);
    if (!at)
        return ERR_HEAD_TOO_LARGE;
    if (old_bytes + joint_bytes) {
        memcpy(at, r->texts + r->spans[slot].at, old_bytes);
        memcpy(at + old_bytes, slots[slot].joint, joint_bytes);
    }
    if (value.bytes)
        memcpy(at + old_bytes + joint_bytes, value.at, value.bytes);
    r->spans[slot].at = r->texts_bytes;
    r->spans[slot].bytes = (uint32_t)(old_bytes + joint_bytes + value.bytes);
    r->spans[slot].is_there = true;
    r->texts_bytes += r->spans[slot].bytes;
    return ERR_OK;
}

enum err net_request_put(struct request *r, struct text name, struct text value)
{
    bool is_authority = false;

    if (name.bytes == 4 && strncasecmp(name.at, "host", 4) == 0)
        name = TEXT(":authority");
    is_authority = text_equal(name, TEXT(":authority"));
    if (is_authority && !h1parse_authority(value))
        return ERR_BAD_REQUEST;
    if (is_authority && r->spans[SLOT_AUTHORITY].is_there) { /* RFC 9113 8.3.1: must agree */
        struct text first = { r->texts + r->spans[SLOT_AUTHORITY].at, r->spans[SLOT_AUTHORITY].bytes };

        return text_equal(first, value) ? ERR_OK : ERR_BAD_REQUEST;
    }
    for (int slot = 0; slot < REQUEST_SLOTS; slot++)
        if (name.bytes == strlen(slots[slot].name) && strncasecmp(name.at, slots[slot].name, name.bytes) == 0)
            return put_slot(r, slot, value);
    return ERR_OK;
}

static enum method method_of(struct text name)
{
    static const char *const names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

    for (int i = METHOD_GET; i < METHOD_OTHER; i++)
        if (text_equal(text_of(names[i]), name)) /* RFC 9110 9.1: case-sensitive */
            return (enum method)i;
    return METHOD_OTHER;
}

enum err net_request_seal(struct request *r)
{
    struct text *path = &r->head.path;
    const char *mark;
    enum err err;

    for (int slot = 0; slot < REQUEST_SLOTS; slot++) {
        struct text *text = (struct text *)(void *)((char *)r + slots[slot].offset);

        if (r->spans[slot].is_there)
            *text = (struct text){ r->texts + r->spans[slot].at, r->spans[slot].bytes };
    }
    r->head.method = method_of(r->method);
    err = h1parse_target(r->method, *path);
    if (err)
        return err;
    mark = memchr(path->at, '?', path->bytes);
    if (mark) {
        size_t path_bytes = (size_t)(mark - path->at);

        r->head.query = (struct text){ mark + 1, path->bytes - path_bytes - 1 };
        path->bytes = path_bytes;
    }
    return r->spans[SLOT_AUTHORITY].is_there || !r->head.is_http2 ? ERR_OK : ERR_BAD_REQUEST;
}

enum err net_request_put_body(struct request *r, struct text more)
{
    buf_put_text(&r->body, more);
    if (!r->body.overflowed)
        return ERR_OK;
    buf_fini(&r->body);
    buf_init(&r->body, LIMIT_JSON_BYTES);
    return ERR_TOO_LARGE;
}
