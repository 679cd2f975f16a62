/* api/conversations.c - POST /v1/conversations, GET /v1/conversations/{c} */
#include "api/handlers.h"
#include "api/present.h"
#include "chat/create.h"

struct create_body {
    struct text kind, title;
    uint64_t with;
    struct wire_ids members;
    bool has_title, has_with, has_members;
};
static const struct wire_schema create_schema = {
    sizeof(struct create_body),
    (const struct wire_field[]){
        { "kind", WIRE_STRING, true, 1, 16, offsetof(struct create_body, kind), 0, NULL },
        { "with", WIRE_ID, false, 0, 0, offsetof(struct create_body, with),
          offsetof(struct create_body, has_with), NULL },
        { "title", WIRE_STRING, false, 1, LIMIT_TITLE_BYTES, offsetof(struct create_body, title),
          offsetof(struct create_body, has_title), NULL },
        { "members", WIRE_IDS, false, 0, 4 * LIMIT_MEMBERS, offsetof(struct create_body, members),
          offsetof(struct create_body, has_members), NULL },
        { 0 } },
};

struct conversations_state {
    struct create create;
    struct conversation_read read;
    int status;
};

static op_step conversations_created, conversations_read;

/* Which fields belong to which kind; false: refused. */
static bool conversations_check(struct call *c, const struct create_body *b, bool *is_direct)
{
    *is_direct = text_equal(b->kind, TEXT("direct"));
    if (!*is_direct && !text_equal(b->kind, TEXT("group")))
        call_refuse(c, ERR_OUT_OF_RANGE, "body.kind");
    else if (*is_direct && b->has_title)
        call_refuse(c, ERR_UNKNOWN_FIELD, "body.title");
    else if (*is_direct && b->has_members)
        call_refuse(c, ERR_UNKNOWN_FIELD, "body.members");
    else if (*is_direct && !b->has_with)
        call_refuse(c, ERR_MISSING_FIELD, "body.with");
    else if (*is_direct && b->with == call_user(c).n)
        call_refuse(c, ERR_OUT_OF_RANGE, "body.with");
    else if (!*is_direct && b->has_with)
        call_refuse(c, ERR_UNKNOWN_FIELD, "body.with");
    else if (!*is_direct && !b->has_title)
        call_refuse(c, ERR_MISSING_FIELD, "body.title");
    else
        return true;
    return false;
}

static struct conversations_state *conversations_state(struct call *c)
{
    struct conversations_state *s = arena_alloc(&c->arena, sizeof *s);

    s->read.arena = &c->arena;
    s->status = 200;
    c->state = s;
    return s;
}

void conversations_create(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct create_body *b = call_body(c, &create_schema);
    bool is_direct;

    CHECK(!err);
    if (!b || !conversations_check(c, b, &is_direct))
        return;
    struct conversations_state *s = conversations_state(c);
    s->create.chat = c->api->chat;
    s->create.user = call_user(c);
    s->create.kind = is_direct ? CONVERSATION_DIRECT : CONVERSATION_GROUP;
    s->create.title = b->title;
    s->create.with = is_direct ? &b->with : b->members.at;
    s->create.with_count = is_direct ? 1 : b->members.count;
    create_start(&s->create, op_then(op, conversations_created));
}

static void conversations_created(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct conversations_state *s = c->state;
    struct conversation_id id = s->create.conversation;

    if (!err && !s->create.is_old) {
        api_tell(c->api, &s->create.notices);
        s->status = 201;
    }
    create_fini(&s->create);
    if (err)
        call_end(c, 0, err);
    else
        store_conversation(c->api->chat->store, call_user(c), id, &s->read, op_then(op, conversations_read));
}

void conversations_get(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct conversations_state *s = conversations_state(c);

    CHECK(!err);
    store_conversation(c->api->chat->store, call_user(c), (struct conversation_id){ c->arg[0] }, &s->read,
                       op_then(op, conversations_read));
}

static void conversations_read(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct conversations_state *s = c->state;

    if (!err)
        present_conversation(&c->json, &s->read.conversation);
    call_end(c, s->status, err);
}
