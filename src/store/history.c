/* store/history.c - a page of a conversation, by message id so that old partitions stay closed */
#include "store/inside.h"

#include "limits.h"
#include "store/conversation.h"
#include "store/row.h"

struct history_request {
    struct request request;
    struct conversation_id conversation;
    struct history_read *read;
};

static uint32_t history_limit(const struct history_read *read)
{
    return read->limit < LIMIT_HISTORY ? read->limit : LIMIT_HISTORY;
}

static void history_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct history_request *q = (const struct history_request *)r;
    const struct history_read *read = q->read;
    bool is_after = read->after.n != 0;

    (void)stage;
    encode_reset(e);
    encode_int8(e, q->conversation.n);
    if (is_after)
        encode_int8(e, read->after.n);
    else
        encode_int8(e, read->before.n ? read->before.n : INT64_MAX);
    encode_int8(e, history_limit(read) + 1); /* one more says whether there is more */
    if (is_after)
        encode_int8(e, read->joined.n);
    pg_send(pg, is_after ? SQL_HISTORY_AFTER : SQL_HISTORY_BEFORE, e);
}

/* seq rises with id: the first event from before the user joined ends the page, and there is nothing behind it. */
static enum err history_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    const struct history_request *q = (const struct history_request *)r;
    struct history_read *read = q->read;
    uint32_t rows = (uint32_t)PQntuples(result), limit = history_limit(read), count = 0;
    uint64_t bytes = 0;

    (void)stage;
    (void)nth;
    read->at = arena_alloc(read->arena, ((size_t)rows + 1) * sizeof *read->at);
    read->more = false;
    for (; count < rows; count++) {
        struct text body = row_text(result, (int)count, 6);
        if (row_number(result, (int)count, 1) < read->joined.n)
            break;
        bytes += body.bytes;
        read->more = count == limit || (count > 0 && bytes > read->bytes_max);
        if (read->more)
            break;
        read->at[count] = row_event(result, (int)count, 0, read->arena);
        read->at[count].conversation = q->conversation;
    }
    read->count = count;
    if (!read->after.n)
        for (uint32_t n = 0; n < count / 2; n++) {
            struct event swap = read->at[n];
            read->at[n] = read->at[count - 1 - n];
            read->at[count - 1 - n] = swap;
        }
    return ERR_OK;
}

static const struct request_kind history_kind = {
    .name = "history", .stages = 1, .send = history_send, .take = history_take
};

void store_history(struct store *s, struct conversation_id c, struct history_read *into, struct op *op)
{
    struct history_request *r = request_new(sizeof *r, &history_kind);

    r->conversation = c;
    r->read = into;
    request_start(&s->reads, &r->request, op);
}
