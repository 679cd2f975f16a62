/* api/call.h - one verb on its way from request to answer, whatever carries it */
#pragma once
#include "api/api.h"
#include "chat/authenticate.h"
#include "model/json.h"
#include "model/wire.h"

enum { CALL_ANSWER_BYTES_MAX = 2 * 1024 * 1024, CALL_ARGS_MAX = 2, CALL_FIELD_MAX = 80 };

struct call;
/* Hands the finished call to its carrier, which copies what it needs; not called when the carrier went away. */
typedef void call_done_fn(struct call *c, void *carrier);

struct call {
    struct op op;                   /* first */
    struct api *api;
    struct arena arena;             /* the request's texts and the handler's state */
    const struct route *route;
    enum method method;
    struct text path, query, body, peer;
    struct text token;              /* as sent; empty: none */
    bool by_cookie;
    bool is_batched;                /* one of several in a POST /v1/batch */
    bool is_framed;                 /* in a frame: no fields go with the answer */
    struct exchange *x;             /* that carries it alone; NULL: something else does */
    uint64_t arg[CALL_ARGS_MAX];    /* the ids in the path */
    struct authenticate who;
    void *state;                    /* the handler's, in the arena */
    void (*gone)(struct call *c);   /* the handler hears when nobody waits any more; or NULL */

    /* the answer */
    int status;                     /* with OK */
    enum err err;
    char field[CALL_FIELD_MAX];     /* what is wrong, with an err */
    uint32_t retry_ms;              /* 0: chosen when the err may be tried again */
    const char *set_cookie;         /* in the arena, or NULL */
    const char *allow;              /* with METHOD_NOT_ALLOWED */
    struct buf out;                 /* JSON */
    struct json json;

    call_done_fn *done;
    void *carrier;
};

/* A call without anything; free it with call_start() (it frees itself when it ends). */
struct call *call_new(struct api *api, call_done_fn *done, void *carrier);
/* Runs it: route, session, handler. method, path, query, body, token and peer must be there, in the call's
 * arena. err: what is wrong already (OK: nothing). */
void call_start(struct call *c, enum err err);
/* Nobody waits for the answer any more. */
void call_gone(struct call *c);

/* For handlers. A handler is an op_step that runs once the session is known; it ends with call_end(). */
static inline struct call *call_of(struct op *op)
{
    return (struct call *)op;
}
static inline struct user_id call_user(const struct call *c)
{
    return c->who.session.user;
}
/* Ends the call with err, or with status and what was written to json (an object, closed here). */
void call_end(struct call *c, int status, enum err err);
/* Ends it with err and the field it is about ("body.text", "query.limit"). */
void call_refuse(struct call *c, enum err err, const char *field);
/* The body by a schema, into the arena; NULL: refused and ended. */
void *call_body(struct call *c, const struct wire_schema *schema);

struct call_param {
    const char *name;
    bool is_number, is_required;
    uint64_t least, most;           /* of numbers */
    struct text text;               /* out, decoded; at NULL: not there */
    uint64_t number;                /* in: what it is when not there; out */
};
/* The exchange is the caller's from here on, who answers it; the call ends, and nobody hears of it. */
struct exchange *call_take_exchange(struct call *c);

/* For carriers: what is asked, "GET", "/v1/path?query", copied into the call's arena. */
void call_ask(struct call *c, struct text method, struct text target, struct text body);
/* The query by a list of params that ends with name NULL; false: refused and ended. */
MUST_USE bool call_query(struct call *c, struct call_param *params);
