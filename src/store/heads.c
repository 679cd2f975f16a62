/* store/heads.c - how far many inboxes reach, in one question */
#include "store/inside.h"

#include "limits.h"
#include "store/node.h"
#include "store/row.h"
#include <stdlib.h>
#include <string.h>

struct heads_request {
    struct request request;
    struct heads_read *read;
};

static void heads_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct heads_read *h = ((const struct heads_request *)r)->read;

    (void)stage;
    pg_send(pg, SQL_TIMELINE, NULL);
    encode_reset(e);
    encode_array(e, ENCODE_INT8, h->count);
    for (uint32_t k = 0; k < h->count; k++)
        encode_item_int8(e, h->user[k]);
    pg_send(pg, SQL_HEADS_READ, e);
}

struct heads_pair {
    uint64_t user, i;
};

static int heads_compare(const void *a, const void *b)
{
    const struct heads_pair *x = a, *y = b;

    return x->user < y->user ? -1 : x->user > y->user;
}

/* The rows come in any order, and not for every user. */
static void heads_match(struct heads_read *h, const PGresult *result)
{
    int rows = PQntuples(result);
    struct heads_pair *pair = calloc((size_t)rows + 1, sizeof *pair);

    CHECK(pair);
    for (int row = 0; row < rows; row++)
        pair[row] = (struct heads_pair){ row_number(result, row, 0), row_number(result, row, 1) };
    qsort(pair, (size_t)rows, sizeof *pair, heads_compare);
    for (uint32_t k = 0; k < h->count; k++) {
        struct heads_pair key = { h->user[k], 0 };
        const struct heads_pair *found = bsearch(&key, pair, (size_t)rows, sizeof *pair, heads_compare);
        h->i[k] = found ? found->i : 0;
    }
    free(pair);
}

static enum err heads_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct heads_read *h = ((struct heads_request *)r)->read;

    (void)stage;
    if (nth == 1) {
        heads_match(h, result);
        return ERR_OK;
    }
    if (PQntuples(result) != 1)
        return ERR_INTERNAL;
    h->timeline = row_number(result, 0, 0);
    return ERR_OK;
}

static const struct request_kind heads_kind = {
    .name = "heads", .stages = 1, .send = heads_send, .take = heads_take
};

void store_heads(struct store *s, struct heads_read *h, struct op *op)
{
    struct heads_request *r = request_new(sizeof *r, &heads_kind);

    CHECK(h->count <= LIMIT_HEADS);
    r->read = h;
    request_start(&s->reads, &r->request, op);
}
