/* store/recall.c - what became of a key whose sender may no longer send
 *
 * An append that may be tried finds its key by itself. This is for the one that may not: what it said before, while it
 * still might, stands, and is acknowledged. Whoever saw that the sender is no member any more sees all that he said
 * before: the change of members held the lock of the conversation's head, so each commit of his was before it, or finds
 * another member_epoch and never becomes one.
 */
#include "store/inside.h"

#include "store/append.h"
#include "store/row.h"

struct recall_request {
    struct request request;
    struct append *append;
};

static void recall_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct append *a = ((const struct recall_request *)r)->append;

    (void)stage;
    encode_reset(e);
    encode_array(e, ENCODE_INT8, 3);
    encode_item_int8(e, a->from.n);
    encode_item_int8(e, a->key.high);
    encode_item_int8(e, a->key.low);
    pg_send(pg, SQL_KEY_RECALL, e);
}

static enum err recall_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct append *a = ((struct recall_request *)r)->append;

    (void)stage;
    (void)nth;
    if (PQntuples(result) != 1)
        return ERR_NOT_FOUND;
    if (row_number(result, 0, 0) != a->conversation.n || row_number(result, 0, 3) != (uint64_t)a->kind ||
        row_number(result, 0, 4) != a->body_hash)
        return ERR_KEY_REUSED;
    a->id.n = row_number(result, 0, 1);
    a->seq.n = row_number(result, 0, 2);
    a->is_duplicate = true;
    return ERR_OK;
}

static const struct request_kind recall_kind = {
    .name = "recall", .stages = 1, .send = recall_send, .take = recall_take
};

void store_recall(struct store *s, struct append *a, struct op *op)
{
    struct recall_request *r = request_new(sizeof *r, &recall_kind);

    r->append = a;
    request_start(&s->writes, &r->request, op);
}
