/* store/direct.c - the direct conversation of two users */
#include "store/inside.h"

#include "store/conversation.h"
#include "store/row.h"

struct direct_request {
    struct request request;
    uint64_t low, high;
    struct conversation_id *out;
};

static void direct_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct direct_request *q = (const struct direct_request *)r;

    (void)stage;
    encode_reset(e);
    encode_int8(e, q->low);
    encode_int8(e, q->high);
    pg_send(pg, SQL_DIRECT_FIND, e);
}

static enum err direct_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)stage;
    (void)nth;
    if (PQntuples(result) != 1)
        return ERR_NOT_FOUND;
    ((struct direct_request *)r)->out->n = row_number(result, 0, 0);
    return ERR_OK;
}

static const struct request_kind direct_kind = {
    .name = "direct", .stages = 1, .send = direct_send, .take = direct_take
};

void store_direct(struct store *s, struct user_id a, struct user_id b, struct conversation_id *out,
                  struct op *op)
{
    struct direct_request *r = request_new(sizeof *r, &direct_kind);

    r->low = a.n < b.n ? a.n : b.n;
    r->high = a.n < b.n ? b.n : a.n;
    r->out = out;
    request_start(&s->reads, &r->request, op);
}
