/* store/inbox.c - an inbox from a place on
 *
 * Two stages: timeline, head and inbox rows, of one moment; then the messages that they name, if any, by their keys, as
 * far as the caller's bytes reach. Inbox and messages lie under different keys, so no join; and a message is there since
 * the commit that made its inbox rows, so no common snapshot.
 */
#include "store/inbox.h"

#include "base/log.h"
#include "limits.h"
#include "store/inside.h"
#include "store/row.h"

struct inbox_request {
    struct request request;
    struct user_id user;
    struct inbox_seq after;
    struct inbox_read *read;
};

enum { INBOX_TIMELINE, INBOX_HEAD, INBOX_ROWS }; /* nth of the first stage */

static bool inbox_has_message(const struct inbox_row *row)
{
    return row->event.kind != EVENT_MARK && row->event.kind != EVENT_DEVICE;
}

static uint32_t inbox_messages(const struct inbox_read *read)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < read->count; n++)
        count += inbox_has_message(&read->at[n]);
    return count;
}

static void inbox_send_first(const struct inbox_request *q, struct pg *pg, struct encode *e)
{
    uint32_t limit = q->read->limit < LIMIT_EVENTS ? q->read->limit : LIMIT_EVENTS;

    pg_send(pg, SQL_TIMELINE, NULL);
    encode_reset(e);
    encode_int8(e, q->user.n);
    pg_send(pg, SQL_MAILBOX_HEAD, e);
    encode_int8(e, q->after.n);
    encode_int8(e, limit);
    pg_send(pg, SQL_INBOX_AFTER, e);
}

static void inbox_send_messages(const struct inbox_request *q, struct pg *pg, struct encode *e)
{
    const struct inbox_read *read = q->read;
    uint32_t count = inbox_messages(read);

    encode_reset(e);
    encode_array(e, ENCODE_INT4, count);
    for (uint32_t n = 0; n < read->count; n++)
        if (inbox_has_message(&read->at[n]))
            encode_item_int4(e, n);
    encode_array(e, ENCODE_INT8, count);
    for (uint32_t n = 0; n < read->count; n++)
        if (inbox_has_message(&read->at[n]))
            encode_item_int8(e, read->at[n].event.conversation.n);
    encode_array(e, ENCODE_INT8, count);
    for (uint32_t n = 0; n < read->count; n++)
        if (inbox_has_message(&read->at[n]))
            encode_item_int8(e, read->at[n].event.id.n);
    encode_int8(e, read->bytes_max ? read->bytes_max : 1);
    pg_send(pg, SQL_MESSAGE_FIND, e);
}

static void inbox_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct inbox_request *q = (const struct inbox_request *)r;

    if (stage == 0)
        inbox_send_first(q, pg, e);
    else
        inbox_send_messages(q, pg, e);
}

/* An inbox is dense: whatever is missing right behind after was dropped by age. */
static enum err inbox_take_rows(struct inbox_request *q, const PGresult *result)
{
    struct inbox_read *read = q->read;
    int rows = PQntuples(result);

    if (q->after.n > read->head.n || (rows == 0 && q->after.n < read->head.n && read->limit > 0))
        return ERR_RESYNC;
    read->count = (uint32_t)rows;
    read->at = arena_alloc(read->arena, ((size_t)rows + 1) * sizeof *read->at);
    for (int n = 0; n < rows; n++) {
        struct inbox_row *row = &read->at[n];
        row->i.n = row_number(result, n, 0);
        row->event.conversation.n = row_number(result, n, 1);
        row->event.id.n = row_number(result, n, 2);
        row->event.kind = (enum event_kind)row_number(result, n, 3);
        if (!inbox_has_message(row)) {
            row->event.body = row_text_copy(result, n, 4, read->arena);
            row->event.from = q->user;
        }
        if (row->i.n != q->after.n + 1 + (uint64_t)n)
            return ERR_RESYNC;
    }
    return ERR_OK;
}

/* Only a whole beginning counts. A message that is missing although bytes were left is a broken promise of ours. */
static enum err inbox_take_messages(struct inbox_request *q, const PGresult *result)
{
    struct inbox_read *read = q->read;
    int rows = PQntuples(result), row = 0;
    uint64_t bytes = 0;
    uint32_t n;

    for (n = 0; n < read->count; n++) {
        struct event *event = &read->at[n].event;
        if (inbox_has_message(&read->at[n])) {
            if (row == rows)
                break;
            if (row_number(result, row, 0) != n)
                return ERR_INTERNAL;
            struct conversation_id conversation = event->conversation;
            *event = row_event(result, row++, 1, read->arena);
            event->conversation = conversation;
        }
        bytes += event->body.bytes;
        if (n > 0 && bytes > read->bytes_max)
            break;
    }
    if (n < read->count && row == rows && bytes < read->bytes_max)
        return ERR_INTERNAL;
    read->count = n;
    return ERR_OK;
}

static enum err inbox_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct inbox_request *q = (struct inbox_request *)r;
    enum err err = ERR_OK;

    if (stage == 1) {
        err = inbox_take_messages(q, result);
        if (err)
            log_line(LOG_ERROR, "store_inbox_broken", "user=%llu after=%llu", (unsigned long long)q->user.n,
                     (unsigned long long)q->after.n);
    } else if (PQntuples(result) != 1 && nth != INBOX_ROWS) {
        err = ERR_NOT_FOUND;
    } else if (nth == INBOX_TIMELINE) {
        q->read->timeline = row_number(result, 0, 0);
    } else if (nth == INBOX_HEAD) {
        q->read->head.n = row_number(result, 0, 0);
    } else {
        err = inbox_take_rows(q, result);
    }
    return err;
}

static bool inbox_needs(const struct request *r, uint32_t stage)
{
    (void)stage;
    return inbox_messages(((const struct inbox_request *)r)->read) > 0;
}

static const struct request_kind inbox_kind = { .name = "inbox",
                                                .stages = 2,
                                                .is_split = true,
                                                .needs = inbox_needs,
                                                .send = inbox_send,
                                                .take = inbox_take };

void store_inbox_after(struct store *s, struct user_id user, struct inbox_seq after, struct inbox_read *into,
                       struct op *op)
{
    struct inbox_request *r = request_new(sizeof *r, &inbox_kind);

    r->user = user;
    r->after = after;
    r->read = into;
    request_start(&s->reads, &r->request, op);
}
