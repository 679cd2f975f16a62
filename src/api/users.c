/* api/users.c - GET /v1/users?handle=, GET /v1/users/{user}, PATCH /v1/users/me */
#include "api/handlers.h"
#include "api/present.h"

struct rename_body {
    struct text name;
};
static const struct wire_schema rename_schema = {
    sizeof(struct rename_body),
    (const struct wire_field[]){
        { "name", WIRE_STRING, true, 1, LIMIT_NAME_BYTES, offsetof(struct rename_body, name), 0, NULL },
        { 0 } },
};

static op_step users_read, users_renamed;

static struct account_read *users_state(struct call *c)
{
    struct account_read *r = arena_alloc(&c->arena, sizeof *r);

    r->arena = &c->arena;
    c->state = r;
    return r;
}

void users_by_handle(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct call_param params[] = { { .name = "handle", .is_required = true }, { 0 } };
    char canonical[LIMIT_HANDLE_BYTES + 1];

    CHECK(!err);
    if (!call_query(c, params))
        return;
    if (handle_canonical(params[0].text, canonical)) {
        call_refuse(c, ERR_OUT_OF_RANGE, "query.handle");
        return;
    }
    struct text handle = arena_copy(&c->arena, text_of(canonical));
    store_account_by_handle(c->api->chat->store, handle, users_state(c), op_then(op, users_read));
}

void users_by_id(struct op *op, enum err err)
{
    struct call *c = call_of(op);

    CHECK(!err);
    store_account_by_id(c->api->chat->store, (struct user_id){ c->arg[0] }, users_state(c),
                        op_then(op, users_read));
}

static void users_read(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct account_read *r = c->state;

    if (!err)
        present_account(&c->json, &r->account);
    secret_wipe(r->password_hash, sizeof r->password_hash);
    call_end(c, 200, err);
}

void users_rename(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    const struct rename_body *b = call_body(c, &rename_schema);

    CHECK(!err);
    if (b)
        store_account_rename(c->api->chat->store, call_user(c), b->name, op_then(op, users_renamed));
}

static void users_renamed(struct op *op, enum err err)
{
    struct call *c = call_of(op);

    if (err)
        call_end(c, 0, err);
    else
        store_account_by_id(c->api->chat->store, call_user(c), users_state(c), op_then(op, users_read));
}
