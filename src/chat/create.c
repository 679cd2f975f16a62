/* chat/create.c - a conversation begins
 *
 *   1 begin     who is in it, each once; a direct one: does it stand already?
 *   2 found     it does: done
 *   3 count     do they all exist, has the maker room for a group?
 *   4 append    head, members and the first event, one commit
 *   5 appended  another node was first with this direct one: again from 1; else the notices
 */
#include "chat/create.h"
#include "chat/roster.h"
#include "model/json.h"
#include "store/account.h"
#include "store/conversation.h"

enum { CREATE_BODY_MAX = 4 * 1024, CREATE_TRIES = 3 };

static op_step create_begin, create_found, create_count, create_counted, create_appended;

static const struct op_kind create_kind = { .name = "create", .free = chat_free_nothing };

void create_start(struct create *c, struct op *asker)
{
    op_start(c->chat->ops, &c->op, &create_kind, create_begin, chat_wake_asker, asker);
}

void create_fini(struct create *c)
{
    members_free(&c->members);
    members_free(&c->notices.members);
    blob_free(&c->notices.encoded);
    buf_fini(&c->body);
}

/* All members, each once, in rising order. */
static enum err create_gather(struct create *c)
{
    uint32_t count = 1;
    bool is_direct = c->kind == CONVERSATION_DIRECT;
    struct members *all = members_new(LIMIT_MEMBERS + 1);

    all->member[0] = (struct member){ .user = c->user, .role = is_direct ? ROLE_MEMBER : ROLE_OWNER };
    for (uint32_t k = 0; k < c->with_count; k++) {
        bool is_new = true;
        for (uint32_t n = 0; n < count; n++)
            is_new = is_new && all->member[n].user.n != c->with[k];
        if (!is_new)
            continue;
        if (count == LIMIT_MEMBERS) {
            members_free(&all);
            return ERR_GROUP_FULL;
        }
        c->others[count - 1].n = c->with[k];
        all->member[count++].user.n = c->with[k];
    }
    all->count = count;
    all->kind = c->kind;
    all->epoch = 1;
    members_sort(all);
    members_free(&c->members);
    c->members = all;
    return is_direct && count != 2 ? ERR_OUT_OF_RANGE : ERR_OK;
}

static void create_begin(struct op *op, enum err err)
{
    struct create *c = (struct create *)op;

    CHECK(!err);
    err = create_gather(c);
    if (err)
        op_finish(op, err);
    else if (c->kind == CONVERSATION_DIRECT)
        store_direct(c->chat->store, c->user, c->others[0], &c->conversation, op_then(op, create_found));
    else
        create_count(op, ERR_OK);
}

static void create_found(struct op *op, enum err err)
{
    struct create *c = (struct create *)op;

    if (err == ERR_NOT_FOUND) {
        create_count(op, ERR_OK);
        return;
    }
    c->is_old = !err;
    op_finish(op, err);
}

static void create_count(struct op *op, enum err err)
{
    struct create *c = (struct create *)op;
    uint32_t others = c->members->count - 1;

    CHECK(!err);
    store_accounts_count(c->chat->store, c->others, others, &c->found, op_then(op, create_counted));
    if (c->kind == CONVERSATION_GROUP)
        store_groups_count(c->chat->store, c->user, &c->groups, op_then(op, create_counted));
}

static void create_write_body(struct create *c)
{
    struct json j;

    buf_fini(&c->body);
    buf_init(&c->body, CREATE_BODY_MAX);
    json_init(&j, &c->body);
    json_object(&j, NULL);
    json_string(&j, "kind", text_of(members_kind_word(c->kind)));
    if (c->kind == CONVERSATION_GROUP)
        json_string(&j, "title", c->title);
    CHECK(!c->body.overflowed);
}

static void create_counted(struct op *op, enum err err)
{
    struct create *c = (struct create *)op;

    if (!err && c->found != c->members->count - 1)
        err = ERR_NOT_FOUND;
    if (!err && c->groups >= LIMIT_GROUPS)
        err = ERR_TOO_MANY_GROUPS;
    if (err) {
        op_finish(op, err);
        return;
    }
    create_write_body(c);
    c->conversation.n = snowflake_next(c->chat->ids, loop_unix_ms(c->chat->loop));
    c->members->conversation = c->conversation;
    c->append = (struct append){ .kind = EVENT_CONVERSATION,
                                 .conversation = c->conversation,
                                 .from = c->user,
                                 .body = { c->body.at + 1, c->body.bytes - 1 },
                                 .members = c->members,
                                 .create = { true, c->kind, c->title },
                                 .i = c->i };
    store_append(c->chat->store, &c->append, op_then(op, create_appended));
}

static void create_appended(struct op *op, enum err err)
{
    struct create *c = (struct create *)op;
    struct append *a = &c->append;

    if (err == ERR_EXISTS && ++c->tries < CREATE_TRIES) {
        create_begin(op, ERR_OK);
        return;
    }
    if (err == ERR_EXISTS) /* it stands and is not found: that must not go round for ever */
        err = ERR_BUSY;
    if (!err) {
        struct event e = { .kind = a->kind,
                           .conversation = a->conversation,
                           .seq = a->seq,
                           .id = a->id,
                           .from = a->from,
                           .body = a->body };
        c->notices = (struct notices){ members_ref(c->members), c->i, event_encode(&e) };
    }
    op_finish(op, err);
}
