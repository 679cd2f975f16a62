/* store/snapshot.c - a page of a user's conversations, and the cursor that continues from it
 *
 * Timeline and head are read first, then the page, then what is in it; all in one REPEATABLE READ transaction, so
 * nothing falls between the snapshot and the events behind its cursor.
 */
#include "store/inside.h"

#include "limits.h"
#include "store/row.h"
#include "store/view.h"

struct snapshot_request {
    struct request request;
    struct user_id user;
    struct snapshot_read *read;
    bool is_whole[LIMIT_SNAPSHOT + 1];
};

enum { SNAPSHOT_TIMELINE, SNAPSHOT_HEAD, SNAPSHOT_PAGE }; /* nth of the first stage */

static uint32_t snapshot_limit(const struct snapshot_read *read)
{
    return read->limit < LIMIT_SNAPSHOT ? read->limit : LIMIT_SNAPSHOT;
}

static void snapshot_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct snapshot_request *q = (const struct snapshot_request *)r;
    const struct snapshot_read *read = q->read;

    if (stage == 1) {
        if (read->count)
            view_send(pg, e, q->user, read->at, read->count);
        return;
    }
    pg_send(pg, SQL_TIMELINE, NULL);
    encode_reset(e);
    encode_int8(e, q->user.n);
    pg_send(pg, SQL_MAILBOX_HEAD, e);
    encode_int8(e, read->before.n ? read->before.n : INT64_MAX);
    encode_int8(e, snapshot_limit(read) + 1); /* one more says whether there is a next page */
    pg_send(pg, SQL_USER_CONVERSATION_PAGE, e);
}

static void snapshot_take_page(struct snapshot_request *q, const PGresult *result)
{
    struct snapshot_read *read = q->read;
    uint32_t limit = snapshot_limit(read);

    read->at = arena_alloc(read->arena, ((size_t)PQntuples(result) + 1) * sizeof *read->at);
    read->count = view_take_places(result, read->at);
    read->next_before.n = 0;
    if (read->count > limit) {
        read->count = limit;
        read->next_before.n = limit ? read->at[limit - 1].id.n : read->before.n;
    }
    memset(q->is_whole, 0, sizeof q->is_whole);
}

/* The last statement: drops what has no head or membership, which would be a row left behind. */
static void snapshot_close_ranks(struct snapshot_request *q)
{
    struct snapshot_read *read = q->read;
    uint32_t kept = 0;

    for (uint32_t n = 0; n < read->count; n++)
        if (q->is_whole[n])
            read->at[kept++] = read->at[n];
    read->count = kept;
}

static enum err snapshot_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct snapshot_request *q = (struct snapshot_request *)r;
    struct snapshot_read *read = q->read;

    if (stage == 1 && nth == VIEW_HEADS) {
        view_take_heads(result, read->at, read->count, q->is_whole, read->arena);
    } else if (stage == 1) {
        view_take_members(result, read->at, read->count);
        snapshot_close_ranks(q);
    } else if (PQntuples(result) != 1 && nth != SNAPSHOT_PAGE) {
        return ERR_NOT_FOUND;
    } else if (nth == SNAPSHOT_TIMELINE) {
        read->timeline = row_number(result, 0, 0);
    } else if (nth == SNAPSHOT_HEAD) {
        read->head.n = row_number(result, 0, 0);
    } else {
        snapshot_take_page(q, result);
    }
    return ERR_OK;
}

static const struct request_kind snapshot_kind = {
    .name = "snapshot", .stages = 2, .send = snapshot_send, .take = snapshot_take
};

void store_snapshot(struct store *s, struct user_id user, struct snapshot_read *into, struct op *op)
{
    struct snapshot_request *r = request_new(sizeof *r, &snapshot_kind);

    r->user = user;
    r->read = into;
    request_start(&s->reads, &r->request, op);
}
