/* store/members.c - who is in a conversation: the picture that operations share */
#include "store/inside.h"

#include "store/conversation.h"
#include "store/row.h"

struct members_request {
    struct request request;
    struct conversation_id conversation;
    struct members **out;
    enum conversation_kind kind;
    uint32_t epoch;
};

enum { MEMBERS_HEAD, MEMBERS_LIST };

static void members_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    (void)stage;
    encode_reset(e);
    encode_int8(e, ((const struct members_request *)r)->conversation.n);
    pg_send(pg, SQL_CONVERSATION_HEAD, e);
    pg_send(pg, SQL_MEMBER_LIST, e);
}

/* Head and list are of one moment, because a read is one REPEATABLE READ transaction: the epoch fits the list. */
static enum err members_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct members_request *q = (struct members_request *)r;

    (void)stage;
    if (nth == MEMBERS_HEAD) {
        if (PQntuples(result) != 1)
            return ERR_NOT_FOUND;
        q->kind = (enum conversation_kind)row_number(result, 0, 0);
        q->epoch = (uint32_t)row_number(result, 0, 2);
        return ERR_OK;
    }
    if (PQntuples(result) > LIMIT_MEMBERS + 1)
        return ERR_INTERNAL;
    struct members *m = members_new((uint32_t)PQntuples(result));
    m->conversation = q->conversation;
    m->kind = q->kind;
    m->epoch = q->epoch;
    for (int row = 0; row < PQntuples(result); row++) {
        m->member[row].user.n = row_number(result, row, 0);
        m->member[row].role = (enum role)row_number(result, row, 1);
        m->member[row].joined.n = row_number(result, row, 2);
    }
    members_free(q->out);
    *q->out = m;
    return ERR_OK;
}

static const struct request_kind members_kind = {
    .name = "members", .stages = 1, .send = members_send, .take = members_take
};

void store_members(struct store *s, struct conversation_id c, struct members **out, struct op *op)
{
    struct members_request *r = request_new(sizeof *r, &members_kind);

    *out = NULL;
    r->conversation = c;
    r->out = out;
    request_start(&s->reads, &r->request, op);
}
