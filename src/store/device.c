/* store/device.c - the devices of accounts: made under the mailbox's lock, read, dropped, seen */
#include "store/inside.h"

#include "limits.h"
#include "store/account.h"
#include "store/row.h"

struct device_request {
    struct request request;
    const struct device *device;
    struct inbox_seq *head;
    struct user_id user;
    struct device_id id;
    struct arena *arena;
    struct device_read *read;
    struct devices_read *list;
    const struct device_seen *seen;
    uint32_t count;
};

enum { DEVICE_LOCK, DEVICE_EXPIRE, DEVICE_INSERT, DEVICE_CURSOR }; /* nth of device_create_send() */

/* The mailbox's lock keeps a second login from counting at the same time, and holds the head still. */
static void device_create_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct device *d = ((const struct device_request *)r)->device;

    (void)stage;
    encode_reset(e);
    encode_int8(e, d->user.n);
    pg_send(pg, SQL_MAILBOX_LOCK, e);
    encode_int8(e, d->created_unix_ms);
    pg_send(pg, SQL_DEVICE_EXPIRE, e);
    encode_reset(e);
    encode_int8(e, d->user.n);
    encode_int8(e, d->id.n);
    encode_text(e, d->name);
    encode_text(e, d->platform);
    encode_text(e, (struct text){ (const char *)d->token_hash, sizeof d->token_hash });
    encode_int8(e, d->created_unix_ms);
    encode_int8(e, d->expires_unix_ms);
    encode_int8(e, LIMIT_DEVICES);
    pg_send(pg, SQL_DEVICE_INSERT, e);
    encode_reset(e);
    encode_int8(e, d->user.n);
    encode_int8(e, d->id.n);
    pg_send(pg, SQL_DEVICE_CURSOR_INSERT, e);
}

static enum err device_create_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)stage;
    if (nth == DEVICE_LOCK) {
        if (PQntuples(result) != 1)
            return ERR_NOT_FOUND;
        ((struct device_request *)r)->head->n = row_number(result, 0, 0);
    }
    if (nth == DEVICE_INSERT && PQntuples(result) != 1)
        return ERR_TOO_MANY_DEVICES;
    return ERR_OK;
}

static const struct request_kind device_create_kind = {
    .name = "device_create", .stages = 1, .send = device_create_send, .take = device_create_take
};

void store_device_create(struct store *s, const struct device *d, struct inbox_seq *head, struct op *op)
{
    struct device_request *r = request_new(sizeof *r, &device_create_kind);

    r->device = d;
    r->head = head;
    request_start(&s->writes, &r->request, op);
}

static enum err device_row(const PGresult *result, int row, struct user_id user, struct arena *arena,
                           struct device *into)
{
    struct text hash = row_text(result, row, 3);

    if (hash.bytes != sizeof into->token_hash)
        return ERR_INTERNAL;
    into->user = user;
    into->id.n = row_number(result, row, 0);
    into->name = row_text_copy(result, row, 1, arena);
    into->platform = row_text_copy(result, row, 2, arena);
    memcpy(into->token_hash, hash.at, hash.bytes);
    into->created_unix_ms = row_number(result, row, 4);
    into->seen_unix_ms = row_number(result, row, 5);
    into->expires_unix_ms = row_number(result, row, 6);
    return ERR_OK;
}

static void device_key_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct device_request *q = (const struct device_request *)r;

    (void)stage;
    encode_reset(e);
    encode_int8(e, q->user.n);
    if (!q->list)
        encode_int8(e, q->id.n);
    pg_send(pg, q->list ? SQL_DEVICE_LIST : q->read ? SQL_DEVICE_READ : SQL_DEVICE_DELETE, e);
}

static enum err device_read_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct device_request *q = (struct device_request *)r;

    (void)stage;
    (void)nth;
    if (PQntuples(result) != 1)
        return ERR_NOT_FOUND;
    return device_row(result, 0, q->user, q->read->arena, &q->read->device);
}

static const struct request_kind device_read_kind = {
    .name = "device_read", .stages = 1, .send = device_key_send, .take = device_read_take
};

void store_device_read(struct store *s, struct user_id user, struct device_id id, struct device_read *into,
                       struct op *op)
{
    struct device_request *r = request_new(sizeof *r, &device_read_kind);

    r->user = user;
    r->id = id;
    r->read = into;
    request_start(&s->reads, &r->request, op);
}

static enum err devices_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct device_request *q = (struct device_request *)r;
    int rows = PQntuples(result);
    enum err err = ERR_OK;

    (void)stage;
    (void)nth;
    q->list->count = (uint32_t)rows;
    q->list->at = arena_alloc(q->list->arena, ((size_t)rows + 1) * sizeof *q->list->at);
    for (int row = 0; row < rows && !err; row++)
        err = device_row(result, row, q->user, q->list->arena, &q->list->at[row]);
    return err;
}

static const struct request_kind devices_kind = {
    .name = "devices", .stages = 1, .send = device_key_send, .take = devices_take
};

void store_devices(struct store *s, struct user_id user, struct devices_read *into, struct op *op)
{
    struct device_request *r = request_new(sizeof *r, &devices_kind);

    r->user = user;
    r->list = into;
    request_start(&s->reads, &r->request, op);
}

static enum err device_delete_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)r;
    (void)stage;
    (void)nth;
    return PQntuples(result) == 1 ? ERR_OK : ERR_NOT_FOUND;
}

static const struct request_kind device_delete_kind = {
    .name = "device_delete", .stages = 1, .send = device_key_send, .take = device_delete_take
};

void store_device_delete(struct store *s, struct user_id user, struct device_id id, struct op *op)
{
    struct device_request *r = request_new(sizeof *r, &device_delete_kind);

    r->user = user;
    r->id = id;
    request_start(&s->writes, &r->request, op);
}

static void devices_seen_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct device_request *q = (const struct device_request *)r;

    (void)stage;
    encode_reset(e);
    for (int column = 0; column < 4; column++) {
        encode_array(e, ENCODE_INT8, q->count);
        for (uint32_t n = 0; n < q->count; n++) {
            const struct device_seen *d = &q->seen[n];
            uint64_t value[] = { d->user.n, d->device.n, d->acknowledged.n, d->seen_unix_ms };
            encode_item_int8(e, value[column]);
        }
    }
    pg_send(pg, SQL_DEVICES_SEEN, e);
}

static enum err devices_seen_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)r;
    (void)stage;
    (void)nth;
    (void)result;
    return ERR_OK;
}

static const struct request_kind devices_seen_kind = {
    .name = "devices_seen", .stages = 1, .send = devices_seen_send, .take = devices_seen_take
};

void store_devices_seen(struct store *s, const struct device_seen *at, uint32_t count, struct op *op)
{
    struct device_request *r = request_new(sizeof *r, &devices_seen_kind);

    r->seen = at;
    r->count = count;
    request_start(&s->writes, &r->request, op);
}
