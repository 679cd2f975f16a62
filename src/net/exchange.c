/* net/exchange.c - one request and its answer, whatever HTTP version carries it
 *
 * An exchange belongs to its connection until the handler has answered and the transport has sent it. Whoever
 * loses interest first, peer or handler, the other is never left with a dangling pointer: a lost exchange stays
 * in the set's list until its handler was told or has answered, and nothing is freed before the turn's end.
 */
#include "net/conn.h"
#include "net/h1parse.h"
#include "net/refusal.h"
#include <stddef.h>
#include <stdio.h>
#include <strings.h>

/* Which request fields are kept, and how one that comes twice is joined (NULL: it must not). */
static const struct {
    const char *name;
    size_t offset;
    const char *joint;
} slots[] = {
    { ":method", offsetof(struct exchange, method), NULL },
    { ":path", offsetof(struct exchange, head.path), NULL },
    { ":authority", offsetof(struct exchange, head.authority), NULL },
    { "origin", offsetof(struct exchange, head.origin), NULL },
    { "authorization", offsetof(struct exchange, head.authorization), NULL },
    { "cookie", offsetof(struct exchange, head.cookie), "; " }, /* RFC 9113 8.2.3: may come in crumbs */
    { "content-type", offsetof(struct exchange, head.content_type), NULL },
    { "accept", offsetof(struct exchange, head.accept), ", " },
    { "last-event-id", offsetof(struct exchange, head.last_event_id), NULL },
    { "x-http-method-override", offsetof(struct exchange, head.method_override), NULL },
};
_Static_assert(sizeof(slots) / sizeof(*slots) == EXCHANGE_SLOTS, "a span for each");

enum { SLOT_AUTHORITY = 2 };

struct exchange *exchange_new(struct conn *c, int32_t stream_id)
{
    struct exchange *x = calloc(1, sizeof(*x));

    CHECK(x);
    x->set = c->set;
    x->conn = c;
    x->stream_id = stream_id;
    x->since_ms = conn_now(c);
    x->head.is_tls = c->is_tls;
    x->head.is_http2 = stream_id != 0;
    buf_init(&x->texts, 2 * LIMIT_HEAD_BYTES); /* twice: joining copies */
    buf_init(&x->body, LIMIT_JSON_BYTES);
    memcpy(x->peer, c->address, sizeof(x->peer));
    TAILQ_INSERT_TAIL(&c->exchanges, x, link);
    c->set->stats.exchanges++;
    return x;
}

static void exchange_free(struct exchange *x)
{
    x->set->stats.exchanges--;
    blob_free(&x->answer);
    free(x->fields);
    buf_fini(&x->texts);
    buf_fini(&x->body);
    free(x);
}

static enum err put_slot(struct exchange *x, int slot, struct text value)
{
    size_t at = x->texts.bytes;

    if (x->spans[slot].is_there) {
        if (!slots[slot].joint)
            return ERR_BAD_REQUEST;
        if (!buf_reserve(&x->texts, x->spans[slot].bytes))
            return ERR_HEAD_TOO_LARGE;
        buf_put(&x->texts, x->texts.at + x->spans[slot].at, x->spans[slot].bytes);
        buf_put_text(&x->texts, text_of(slots[slot].joint));
    }
    buf_put_text(&x->texts, value);
    if (x->texts.overflowed)
        return ERR_HEAD_TOO_LARGE;
    x->spans[slot].at = (uint32_t)at;
    x->spans[slot].bytes = (uint32_t)(x->texts.bytes - at);
    x->spans[slot].is_there = true;
    return ERR_OK;
}

enum err exchange_put(struct exchange *x, struct text name, struct text value)
{
    bool is_authority = false;

    if (name.bytes == 4 && strncasecmp(name.at, "host", 4) == 0)
        name = TEXT(":authority");
    is_authority = text_equal(name, TEXT(":authority"));
    if (is_authority && !h1parse_authority(value))
        return ERR_BAD_REQUEST;
    if (is_authority && x->spans[SLOT_AUTHORITY].is_there) { /* RFC 9113 8.3.1: must agree */
        struct text first = { x->texts.at + x->spans[SLOT_AUTHORITY].at, x->spans[SLOT_AUTHORITY].bytes };

        return text_equal(first, value) ? ERR_OK : ERR_BAD_REQUEST;
    }
    for (int slot = 0; slot < EXCHANGE_SLOTS; slot++)
        if (name.bytes == strlen(slots[slot].name) && strncasecmp(name.at, slots[slot].name, name.bytes) == 0)
            return put_slot(x, slot, value);
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

enum err exchange_seal(struct exchange *x)
{
    struct text *path = &x->head.path;
    const char *mark;
    enum err err;

    for (int slot = 0; slot < EXCHANGE_SLOTS; slot++) {
        struct text *text = (struct text *)(void *)((char *)x + slots[slot].offset);

        if (x->spans[slot].is_there)
            *text = (struct text){ x->texts.at + x->spans[slot].at, x->spans[slot].bytes };
    }
    x->head.method = method_of(x->method);
    err = h1parse_target(x->method, *path);
    if (err)
        return err;
    mark = memchr(path->at, '?', path->bytes);
    if (mark) {
        size_t path_bytes = (size_t)(mark - path->at);

        x->head.query = (struct text){ mark + 1, path->bytes - path_bytes - 1 };
        path->bytes = path_bytes;
    }
    return x->spans[SLOT_AUTHORITY].is_there || !x->head.is_http2 ? ERR_OK : ERR_BAD_REQUEST;
}

enum err exchange_put_body(struct exchange *x, struct text more)
{
    buf_put_text(&x->body, more);
    if (!x->body.overflowed)
        return ERR_OK;
    buf_fini(&x->body);
    buf_init(&x->body, LIMIT_JSON_BYTES);
    return ERR_TOO_LARGE;
}

static void set_state(struct exchange *x, enum exchange_state state)
{
    x->state = state;
    x->since_ms = loop_now_ms(x->set->loop);
}

void exchange_ask(struct exchange *x)
{
    struct conn *c = x->conn;

    CHECK(x->state == EXCHANGE_ARRIVING);
    if (!x->refused && x->set->stats.exchanges > x->set->exchanges_max)
        x->refused = ERR_BUSY;
    if (x->refused) {
        exchange_refuse(x, x->refused);
        return;
    }
    *(x->head.is_http2 ? &x->set->stats.requests_h2 : &x->set->stats.requests_h1) += 1;
    set_state(x, EXCHANGE_ASKED);
    conn_due_in(c, x->set->deadlines.request);
    c->fn(x, c->ctx);
}

const struct exchange_head *exchange_head(const struct exchange *x)
{
    return &x->head;
}

struct text exchange_body(const struct exchange *x)
{
    return buf_text(&x->body);
}

struct text exchange_peer(const struct exchange *x)
{
    return text_of(x->peer);
}

void exchange_on_gone(struct exchange *x, exchange_gone_fn *gone, void *ctx)
{
    x->gone = gone;
    x->gone_ctx = ctx;
}

void exchange_trusted(struct exchange *x)
{
    if (x->conn)
        x->conn->is_trusted = true;
}

/* Neither may a field break out of its line, nor contradict the framing that the net decides. */
static void check_field(const struct exchange_field *f)
{
    static const char *const ours[] = { "content-length", "date", "connection", "transfer-encoding" };

    for (const char *p = f->name; *p; p++)
        CHECK((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-');
    for (size_t i = 0; i < f->value.bytes; i++)
        CHECK(f->value.at[i] != '\r' && f->value.at[i] != '\n' && f->value.at[i] != 0);
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        CHECK(strcmp(f->name, ours[i]) != 0);
}

/* The handler's texts may end with its return: names and values move into one allocation. */
static void copy_fields(struct exchange *x, const struct exchange_field *fields, size_t count)
{
    size_t bytes = 0;
    char *at;

    CHECK(count <= EXCHANGE_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        check_field(&fields[i]);
        bytes += strlen(fields[i].name) + 1 + fields[i].value.bytes;
    }
    CHECK(bytes <= EXCHANGE_FIELDS_BYTES);
    if (count == 0)
        return;
    x->fields = malloc(count * sizeof(*fields) + bytes);
    CHECK(x->fields);
    at = (char *)(x->fields + count);
    for (size_t i = 0; i < count; i++) {
        size_t name_bytes = strlen(fields[i].name) + 1;

        memcpy(at, fields[i].name, name_bytes);
        x->fields[i].name = at;
        at += name_bytes;
        if (fields[i].value.bytes)
            memcpy(at, fields[i].value.at, fields[i].value.bytes);
        x->fields[i].value = (struct text){ at, fields[i].value.bytes };
        at += fields[i].value.bytes;
    }
    x->fields_count = count;
}

static void answer(struct exchange *x, int status, const struct exchange_field *fields, size_t count,
                   struct blob *body)
{
    CHECK(status >= 200 && status <= 599);
    x->status = status;
    copy_fields(x, fields, count);
    x->answer = body ? body : blob_copy(TEXT("{}"));
    x->gone = NULL;
    set_state(x, EXCHANGE_ANSWERED);
    TAILQ_INSERT_TAIL(&x->conn->answered, x, ready);
    conn_due_in(x->conn, x->set->deadlines.write_stall);
    conn_touch(x->conn);
}

void exchange_respond(struct exchange *x, int status, const struct exchange_field *fields,
                      size_t fields_count, struct blob *body)
{
    if (x->state == EXCHANGE_LOST) {
        blob_free(&body);
        exchange_end(x);
        return;
    }
    CHECK(x->state == EXCHANGE_ASKED);
    answer(x, status, fields, fields_count, body);
}

/* The handler keeps the one it has; the peer's answer goes out on a copy that takes its place. */
static struct exchange *stand_in(struct exchange *x)
{
    struct exchange *copy = exchange_new(x->conn, x->stream_id);

    copy->head.method = x->head.method;
    copy->body_is_whole = x->body_is_whole;
    if (x->stream_id)
        h2_replace(x, copy);
    else
        h1_replace(x, copy);
    exchange_end(x);
    return copy;
}

void exchange_refuse(struct exchange *x, enum err err)
{
    struct exchange_field fields[REFUSAL_FIELDS_MAX];
    size_t count = refusal_fields(err, fields);

    CHECK(x->state == EXCHANGE_ARRIVING || x->state == EXCHANGE_ASKED);
    if (x->state == EXCHANGE_ASKED)
        x = stand_in(x);
    else
        x->set->stats.bad_requests++;
    x->refused = err;
    answer(x, err_status(err), fields, count, refusal_body(err));
}

void exchange_end(struct exchange *x)
{
    struct exchange_list *from = x->conn ? &x->conn->exchanges : &x->set->lost;

    CHECK(x->state != EXCHANGE_ENDED);
    TAILQ_REMOVE(from, x, link);
    if (x->state == EXCHANGE_ANSWERED)
        TAILQ_REMOVE(&x->conn->answered, x, ready);
    x->conn = NULL;
    set_state(x, x->state == EXCHANGE_ASKED ? EXCHANGE_LOST : EXCHANGE_ENDED);
    TAILQ_INSERT_TAIL(x->state == EXCHANGE_LOST ? &x->set->lost : &x->set->ended, x, link);
}

void exchange_bury(struct conn_set *set)
{
    struct exchange *x = TAILQ_FIRST(&set->lost);

    while (x) {
        exchange_gone_fn *gone = x->gone;

        if (!gone) {
            x = TAILQ_NEXT(x, link);
            continue;
        }
        exchange_end(x);
        gone(x, x->gone_ctx);
        x = TAILQ_FIRST(&set->lost); /* gone() may have answered, and so ended, any of them */
    }
    while ((x = TAILQ_FIRST(&set->ended))) {
        TAILQ_REMOVE(&set->ended, x, link);
        exchange_free(x);
    }
}

static bool names(const struct exchange *x, const char *name)
{
    for (size_t i = 0; i < x->fields_count; i++)
        if (strcmp(x->fields[i].name, name) == 0)
            return true;
    return false;
}

size_t exchange_standard_fields(struct exchange *x, char length[static 24],
                                struct exchange_field into[static EXCHANGE_STANDARD_FIELDS])
{
    const struct exchange_field unless_named[] = {
        { "content-type", TEXT("application/json; charset=utf-8") },
        { "cache-control", TEXT("no-store") },
        { "x-content-type-options", TEXT("nosniff") },
    };
    size_t count = 2;
    int digits = snprintf(length, 24, "%zu", x->answer->bytes);

    into[0] = (struct exchange_field){ "content-length", { length, (size_t)digits } };
    into[1] = (struct exchange_field){ "date", conn_set_date(x->set) };
    for (size_t i = 0; i < sizeof(unless_named) / sizeof(*unless_named); i++)
        if (!names(x, unless_named[i].name))
            into[count++] = unless_named[i];
    return count;
}
