/* api/groups.c - PATCH /v1/conversations/{c}, GET .../members, PUT and DELETE .../members/{user} */
#include "api/handlers.h"
#include "api/present.h"
#include "chat/authz.h"
#include "chat/membership.h"
#include "chat/roster.h"

struct retitle_body {
    struct text title;
};
static const struct wire_schema retitle_schema = {
    sizeof(struct retitle_body),
    (const struct wire_field[]){
        { "title", WIRE_STRING, true, 1, LIMIT_TITLE_BYTES, offsetof(struct retitle_body, title), 0, NULL },
        { 0 } },
};
struct role_body {
    struct text role;
};
static const struct wire_schema role_schema = {
    sizeof(struct role_body),
    (const struct wire_field[]){
        { "role", WIRE_STRING, true, 1, 16, offsetof(struct role_body, role), 0, NULL }, { 0 } },
};

struct groups_state {
    struct membership membership; /* first */
    struct conversation_read read;
    struct members *members;
    uint32_t found;
};

static op_step groups_retitled, groups_reread, groups_listed, groups_counted, groups_member_put,
    groups_removed;

static struct groups_state *groups_state(struct call *c)
{
    struct groups_state *s = arena_alloc(&c->arena, sizeof *s);

    s->membership.post.chat = c->api->chat;
    s->membership.post.user = call_user(c);
    s->membership.post.conversation.n = c->arg[0];
    s->membership.whom.n = c->arg[1];
    s->read.arena = &c->arena;
    c->state = s;
    return s;
}

static void groups_tell(struct api *api, const struct post *p)
{
    node_changed(api->node, p->conversation);
    api_tell(api, &p->notices);
}

/* After each change: its members hear of it, and the nodes that know them. */
static void groups_changed(struct call *c, enum err err)
{
    struct groups_state *s = c->state;

    if (!err && !s->membership.post.is_needless)
        groups_tell(c->api, &s->membership.post);
    membership_fini(&s->membership);
}

void groups_retitle(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    const struct retitle_body *b = call_body(c, &retitle_schema);

    CHECK(!err);
    if (!b)
        return;
    struct groups_state *s = groups_state(c);
    s->membership.title = b->title;
    membership_retitle(&s->membership, op_then(op, groups_retitled));
}

static void groups_retitled(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct groups_state *s = c->state;

    groups_changed(c, err);
    if (err)
        call_end(c, 0, err);
    else
        store_conversation(c->api->chat->store, call_user(c), (struct conversation_id){ c->arg[0] }, &s->read,
                           op_then(op, groups_reread));
}

static void groups_reread(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct groups_state *s = c->state;

    if (!err)
        present_conversation(&c->json, &s->read.conversation);
    call_end(c, 200, err);
}

void groups_members(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct groups_state *s = groups_state(c);

    CHECK(!err);
    store_members(c->api->chat->store, (struct conversation_id){ c->arg[0] }, &s->members,
                  op_then(op, groups_listed));
}

static void groups_present_member(struct json *j, struct user_id user, enum role role)
{
    json_id(j, "user", user.n);
    json_string(j, "role", text_of(role_word(role)));
}

static void groups_listed(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct groups_state *s = c->state;

    if (!err)
        err = authz_check(s->members, call_user(c), ACTION_READ);
    if (!err) {
        roster_put(c->api->chat->roster, s->members);
        json_array(&c->json, "members");
        for (uint32_t k = 0; k < s->members->count; k++) {
            json_object(&c->json, NULL);
            groups_present_member(&c->json, s->members->member[k].user, s->members->member[k].role);
            json_close(&c->json);
        }
    }
    members_free(&s->members);
    call_end(c, 200, err);
}

void groups_put_member(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    const struct role_body *b = call_body(c, &role_schema);

    CHECK(!err);
    if (!b)
        return;
    struct groups_state *s = groups_state(c);
    if (!role_parse(b->role, &s->membership.role)) {
        call_refuse(c, ERR_OUT_OF_RANGE, "body.role");
        return;
    }
    store_accounts_count(c->api->chat->store, &s->membership.whom, 1, &s->found, op_then(op, groups_counted));
}

static void groups_counted(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct groups_state *s = c->state;

    if (!err && s->found == 0)
        err = ERR_NOT_FOUND;
    if (err)
        call_end(c, 0, err);
    else
        membership_put(&s->membership, op_then(op, groups_member_put));
}

static void groups_member_put(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct groups_state *s = c->state;

    if (!err)
        groups_present_member(&c->json, s->membership.whom, s->membership.role);
    groups_changed(c, err);
    call_end(c, s->membership.has_joined ? 201 : 200, err);
}

void groups_remove_member(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct groups_state *s = groups_state(c);

    CHECK(!err);
    membership_remove(&s->membership, op_then(op, groups_removed));
}

static void groups_removed(struct op *op, enum err err)
{
    struct call *c = call_of(op);

    groups_changed(c, err);
    call_end(c, 200, err);
}
