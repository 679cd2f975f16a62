/* store/groups.c - how many groups a user is in */
#include "store/inside.h"

#include "store/conversation.h"
#include "store/row.h"

struct groups_request {
    struct request request;
    struct user_id user;
    uint32_t *count;
};

static void groups_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    (void)stage;
    encode_reset(e);
    encode_int8(e, ((const struct groups_request *)r)->user.n);
    pg_send(pg, SQL_GROUPS_COUNT, e);
}

static enum err groups_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)stage;
    (void)nth;
    *((struct groups_request *)r)->count = (uint32_t)row_number(result, 0, 0);
    return ERR_OK;
}

static const struct request_kind groups_kind = {
    .name = "groups", .stages = 1, .send = groups_send, .take = groups_take
};

void store_groups_count(struct store *s, struct user_id user, uint32_t *count, struct op *op)
{
    struct groups_request *r = request_new(sizeof *r, &groups_kind);

    r->user = user;
    r->count = count;
    request_start(&s->reads, &r->request, op);
}
