/* api/call.c - one verb on its way
 *
 *   1 route         path and method name a route                 memory only
 *   2 authenticate  the token, from the cache or the store
 *   3 handler       the route's own steps
 *   4 end           the answer goes to the carrier, if it still waits
 */
#include "api/call.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/seen.h"
#include "base/log.h"

enum { OUT_BYTES_FIRST = 503 };

static op_step call_begin, call_looked_up, call_authenticated;
static op_done call_ended;
static void call_free(struct op *op);
static void call_asker_gone(struct op *op);

static const struct op_kind call_kind = { .name = "call", .free = call_free, .asker_gone = call_asker_gone };

struct call *call_new(struct api *api, call_done_fn *done, void *carrier)
{
    struct pool *pool = loop_pool(api->chat->loop);
    struct call *c = pool_take_zeroed(pool, sizeof *c);

    c->arena.pool = pool;
    c->api = api;
    c->done = done;
    c->carrier = carrier;
    buf_init(&c->out, CALL_ANSWER_BYTES_MAX);
    c->out.at = pool_take(pool, OUT_BYTES_FIRST + 1); /* most answers never need another block */
    c->out.room = OUT_BYTES_FIRST;
    json_init(&c->json, &c->out);
    json_object(&c->json, NULL);
    return c;
}

static void call_free(struct op *op)
{
    struct call *c = call_of(op);

    pool_give(c->arena.pool, c->out.at);
    arena_fini(&c->arena);
    pool_give(c->arena.pool, c);
}

static void call_asker_gone(struct op *op)
{
    struct call *c = call_of(op);

    if (c->gone)
        c->gone(c);
}

void call_gone(struct call *c)
{
    op_asker_gone(&c->op);
}

void call_start(struct call *c, enum err err)
{
    c->api->stats.calls++;
    c->err = err;
    if (!c->err)
        c->err = routes_find(c->method, c->path, &c->route, c->arg, &c->allow);
    op_start(c->api->chat->ops, &c->op, &call_kind, call_begin, call_ended, c->carrier);
}

/* A node whose lease is over, or that has none yet, makes nothing: another one may have its number. */
static bool call_may_run(const struct call *c)
{
    return c->route->method == METHOD_GET || node_may_send(c->api->node);
}

static void call_handle(struct call *c)
{
    struct call_param none[] = { { 0 } };

    if (!c->op.asker) /* hung up while the session was read: nothing was begun */
        call_end(c, 0, ERR_CANCELLED);
    else if (!call_may_run(c))
        call_end(c, 0, ERR_STORE_DOWN);
    else if (c->route->takes_query || call_query(c, none))
        c->route->handler(&c->op, ERR_OK);
}

static void call_begin(struct op *op, enum err err)
{
    struct call *c = call_of(op);

    CHECK(!err);
    if (c->err) {
        call_end(c, 0, c->err);
        return;
    }
    if (c->route->is_public) {
        call_handle(c);
        return;
    }
    c->who.chat = c->api->chat;
    c->who.token = c->token;
    err = authenticate_at_once(&c->who);
    if (err == ERR_WAIT_OVER)
        authenticate_start(&c->who, op_then(op, call_looked_up));
    else
        call_authenticated(op, err);
}

/* Whoever was looked up was here just now: a device that only sends does not grow idle either. */
static void call_looked_up(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct inbox_seq nothing = { 0 };

    if (!err)
        seen_note(c->api->seen, call_user(c), c->who.session.device, nothing);
    call_authenticated(op, err);
}

static void call_authenticated(struct op *op, enum err err)
{
    struct call *c = call_of(op);

    if (err)
        call_end(c, 0, err);
    else
        call_handle(c);
}

static void call_ended(struct op *op, enum err err, void *asker)
{
    struct call *c = call_of(op);

    c->err = err;
    if (err)
        c->api->stats.refused++;
    if (asker)
        c->done(c, asker);
}

void call_end(struct call *c, int status, enum err err)
{
    while (c->json.depth > 0)
        json_close(&c->json);
    if (!err && c->out.overflowed) {
        log_line(LOG_ERROR, "answer_too_large", "path=%.*s", (int)c->path.bytes, c->path.at);
        err = ERR_INTERNAL;
    }
    c->status = status;
    op_finish(&c->op, err);
}

void call_refuse(struct call *c, enum err err, const char *field)
{
    if (field)
        snprintf(c->field, sizeof c->field, "%s", field);
    call_end(c, 0, err);
}

struct exchange *call_take_exchange(struct call *c)
{
    struct exchange *x = c->x;

    CHECK(x);
    exchange_on_gone(x, NULL, NULL);
    c->x = NULL;
    c->gone = NULL;
    c->op.asker = NULL;
    call_end(c, 200, ERR_OK);
    return x;
}

void call_ask(struct call *c, struct text method, struct text target, struct text body)
{
    const char *mark = memchr(target.at, '?', target.bytes);
    size_t bytes = mark ? (size_t)(mark - target.at) : target.bytes;

    c->method = routes_method(method);
    c->path = arena_copy(&c->arena, (struct text){ target.at, bytes });
    if (mark)
        c->query = arena_copy(&c->arena, (struct text){ mark + 1, target.bytes - bytes - 1 });
    c->body = arena_copy(&c->arena, body);
}

void *call_body(struct call *c, const struct wire_schema *schema)
{
    void *into = arena_alloc(&c->arena, schema->struct_bytes);
    struct wire_error why;
    enum err err = wire_read(schema, c->body, &c->arena, into, &why);

    if (!err)
        return into;
    if (why.field[0])
        snprintf(c->field, sizeof c->field, "body.%s", why.field);
    call_end(c, 0, err);
    return NULL;
}

bool call_query(struct call *c, struct call_param *params)
{
    const char *name = NULL;
    enum err err = query_read(c->query, &c->arena, params, &name);

    if (!err)
        return true;
    snprintf(c->field, sizeof c->field, "query.%s", name ? name : "");
    call_end(c, 0, err);
    return false;
}
