/* store/account.c - accounts: made, found by handle or id, renamed, counted */
#include "store/account.h"

#include "store/inside.h"
#include "store/row.h"

struct account_request {
    struct request request;
    const struct account *account;
    const char *password_hash;
    struct text text; /* handle or name */
    struct user_id user;
    const struct user_id *users;
    uint32_t count;
    uint32_t *found;
    struct account_read *read;
};

/* The handle first: whoever claims it has the account. */
static void account_create_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct account_request *q = (const struct account_request *)r;
    const struct account *a = q->account;

    (void)stage;
    encode_reset(e);
    encode_text(e, a->handle);
    encode_int8(e, a->id.n);
    pg_send(pg, SQL_HANDLE_INSERT, e);
    encode_reset(e);
    encode_int8(e, a->id.n);
    encode_text(e, a->handle);
    encode_text(e, a->name);
    encode_text(e, text_of(q->password_hash));
    encode_int8(e, a->created_unix_ms);
    pg_send(pg, SQL_ACCOUNT_INSERT, e);
    encode_reset(e);
    encode_int8(e, a->id.n);
    pg_send(pg, SQL_MAILBOX_INSERT, e);
}

static enum err account_take_nothing(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)r;
    (void)stage;
    (void)nth;
    (void)result;
    return ERR_OK;
}

static const struct request_kind account_create_kind = {
    .name = "account_create",
    .stages = 1,
    .conflict = ERR_HANDLE_TAKEN,
    .conflict_table = "handle",
    .send = account_create_send,
    .take = account_take_nothing,
};

void store_account_create(struct store *s, const struct account *a, const char *password_hash, struct op *op)
{
    struct account_request *r = request_new(sizeof *r, &account_create_kind);

    r->account = a;
    r->password_hash = password_hash;
    request_start(&s->writes, &r->request, op);
}

static void account_read_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct account_request *q = (const struct account_request *)r;
    bool is_by_handle = stage + 1 < r->kind->stages;

    encode_reset(e);
    if (is_by_handle)
        encode_text(e, q->text);
    else
        encode_int8(e, q->user.n);
    pg_send(pg, is_by_handle ? SQL_HANDLE_FIND : SQL_ACCOUNT_READ, e);
}

static enum err account_read_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    struct account_request *q = (struct account_request *)r;
    struct account_read *into = q->read;

    (void)nth;
    if (PQntuples(result) != 1)
        return ERR_NOT_FOUND;
    if (stage + 1 < r->kind->stages) {
        q->user.n = row_number(result, 0, 0);
        return ERR_OK;
    }
    into->account.id.n = row_number(result, 0, 0);
    into->account.handle = row_text_copy(result, 0, 1, into->arena);
    into->account.name = row_text_copy(result, 0, 2, into->arena);
    into->account.created_unix_ms = row_number(result, 0, 4);
    into->password_hash[0] = 0;
    if (r->kind->stages == 2) {
        struct text hash = row_text(result, 0, 3);
        if (hash.bytes >= sizeof into->password_hash)
            return ERR_INTERNAL;
        memcpy(into->password_hash, hash.at, hash.bytes);
        into->password_hash[hash.bytes] = 0;
    }
    return ERR_OK;
}

/* Handle and account lie under different keys: two statements, so that Citus can have them on two machines. */
static const struct request_kind account_by_handle_kind = {
    .name = "account_by_handle", .stages = 2, .send = account_read_send, .take = account_read_take
};
static const struct request_kind account_by_id_kind = {
    .name = "account_by_id", .stages = 1, .send = account_read_send, .take = account_read_take
};

void store_account_by_handle(struct store *s, struct text handle, struct account_read *into, struct op *op)
{
    struct account_request *r = request_new(sizeof *r, &account_by_handle_kind);

    r->text = handle;
    r->read = into;
    request_start(&s->reads, &r->request, op);
}

void store_account_by_id(struct store *s, struct user_id user, struct account_read *into, struct op *op)
{
    struct account_request *r = request_new(sizeof *r, &account_by_id_kind);

    r->user = user;
    r->read = into;
    request_start(&s->reads, &r->request, op);
}

static void account_rename_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct account_request *q = (const struct account_request *)r;

    (void)stage;
    encode_reset(e);
    encode_int8(e, q->user.n);
    encode_text(e, q->text);
    pg_send(pg, SQL_ACCOUNT_RENAME, e);
}

static enum err account_rename_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)r;
    (void)stage;
    (void)nth;
    return PQntuples(result) == 1 ? ERR_OK : ERR_NOT_FOUND;
}

static const struct request_kind account_rename_kind = {
    .name = "account_rename", .stages = 1, .send = account_rename_send, .take = account_rename_take
};

void store_account_rename(struct store *s, struct user_id user, struct text name, struct op *op)
{
    struct account_request *r = request_new(sizeof *r, &account_rename_kind);

    r->user = user;
    r->text = name;
    request_start(&s->writes, &r->request, op);
}

static void accounts_count_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct account_request *q = (const struct account_request *)r;

    (void)stage;
    encode_reset(e);
    encode_array(e, ENCODE_INT8, q->count);
    for (uint32_t n = 0; n < q->count; n++)
        encode_item_int8(e, q->users[n].n);
    pg_send(pg, SQL_ACCOUNTS_COUNT, e);
}

static enum err accounts_count_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)stage;
    (void)nth;
    *((struct account_request *)r)->found = (uint32_t)row_number(result, 0, 0);
    return ERR_OK;
}

static const struct request_kind accounts_count_kind = {
    .name = "accounts_count", .stages = 1, .send = accounts_count_send, .take = accounts_count_take
};

void store_accounts_count(struct store *s, const struct user_id *users, uint32_t count, uint32_t *found,
                          struct op *op)
{
    struct account_request *r = request_new(sizeof *r, &accounts_count_kind);

    r->users = users;
    r->count = count;
    r->found = found;
    request_start(&s->reads, &r->request, op);
}
