/* store/conversation.c - one conversation as a member sees it */
#include "store/inside.h"

#include "store/row.h"
#include "store/view.h"

struct conversation_request {
    struct request request;
    struct user_id user;
    struct conversation_id conversation;
    struct conversation_read *read;
    bool is_whole;
};

static void conversation_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct conversation_request *q = (const struct conversation_request *)r;

    if (stage == 1) {
        view_send(pg, e, q->user, &q->read->conversation, 1);
        return;
    }
    encode_reset(e);
    encode_int8(e, q->user.n);
    encode_int8(e, q->conversation.n);
    pg_send(pg, SQL_USER_CONVERSATION_READ, e);
}

static enum err conversation_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct conversation_request *q = (struct conversation_request *)r;
    struct conversation *c = &q->read->conversation;

    if (stage == 0) {
        *c = (struct conversation){ 0 };
        return PQntuples(result) == 1 && view_take_places(result, c) == 1 ? ERR_OK : ERR_NOT_FOUND;
    }
    if (nth == VIEW_HEADS) {
        view_take_heads(result, c, 1, &q->is_whole, q->read->arena);
        return q->is_whole ? ERR_OK : ERR_NOT_FOUND;
    }
    view_take_members(result, c, 1);
    return ERR_OK;
}

static const struct request_kind conversation_kind = {
    .name = "conversation", .stages = 2, .send = conversation_send, .take = conversation_take
};

void store_conversation(struct store *s, struct user_id user, struct conversation_id c,
                        struct conversation_read *into, struct op *op)
{
    struct conversation_request *r = request_new(sizeof *r, &conversation_kind);

    r->user = user;
    r->conversation = c;
    r->read = into;
    request_start(&s->reads, &r->request, op);
}
