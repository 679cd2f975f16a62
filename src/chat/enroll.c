/* chat/enroll.c - accounts and logins: argon2id runs off the loop
 *
 *   register:  1 hash     the password, in a helper thread
 *              2 create   account, handle and mailbox, one commit
 *   login:     1 find     the account by its handle, or nobody
 *              2 verify   the password, in a helper thread, also for nobody
 *              3 device   made, with the head of the inbox: where it starts to receive
 */
#include "chat/enroll.h"

static op_step enroll_hash, enroll_create, enroll_created;
static op_step enroll_find, enroll_verify, enroll_device, enroll_done;

static const struct op_kind enroll_kind = { .name = "enroll", .free = chat_free_nothing };

static uint64_t enroll_now(const struct enroll *e)
{
    return loop_unix_ms(e->chat->loop);
}

void enroll_register(struct enroll *e, struct op *asker)
{
    e->bad_field = NULL;
    if (handle_canonical(e->handle, e->canonical))
        e->bad_field = "handle";
    else if (handle_password(e->password, e->secret))
        e->bad_field = "password";
    if (e->bad_field)
        op_wake(asker, ERR_OUT_OF_RANGE);
    else
        op_start(e->chat->ops, &e->op, &enroll_kind, enroll_hash, chat_wake_asker, asker);
}

static void enroll_work_hash(void *ctx)
{
    struct enroll *e = ctx;

    secret_password_hash(text_of(e->secret), e->hash);
    secret_wipe(e->secret, sizeof e->secret);
}

static void enroll_hash(struct op *op, enum err err)
{
    struct enroll *e = (struct enroll *)op;

    CHECK(!err);
    offload_run(e->chat->offload, enroll_work_hash, e, op_then(op, enroll_create));
}

static void enroll_create(struct op *op, enum err err)
{
    struct enroll *e = (struct enroll *)op;
    struct account *a = &e->read.account;

    if (err) {
        op_finish(op, err);
        return;
    }
    a->id.n = snowflake_next(e->chat->ids, enroll_now(e));
    a->handle = arena_copy(e->arena, text_of(e->canonical));
    a->name = arena_copy(e->arena, e->name.bytes ? e->name : a->handle);
    a->created_unix_ms = enroll_now(e);
    store_account_create(e->chat->store, a, e->hash, op_then(op, enroll_created));
}

static void enroll_created(struct op *op, enum err err)
{
    op_finish(op, err);
}

void enroll_login(struct enroll *e, struct op *asker)
{
    /* What can't be a handle or password is as wrong as any other, and takes as long. */
    bool is_possible = !handle_canonical(e->handle, e->canonical) && !handle_password(e->password, e->secret);

    if (!is_possible)
        e->canonical[0] = 0;
    op_start(e->chat->ops, &e->op, &enroll_kind, enroll_find, chat_wake_asker, asker);
}

static void enroll_find(struct op *op, enum err err)
{
    struct enroll *e = (struct enroll *)op;

    CHECK(!err);
    e->read.arena = e->arena;
    if (e->canonical[0])
        store_account_by_handle(e->chat->store, text_of(e->canonical), &e->read, op_then(op, enroll_verify));
    else
        enroll_verify(op, ERR_NOT_FOUND);
}

static void enroll_work_verify(void *ctx)
{
    struct enroll *e = ctx;

    e->is_right = secret_password_verify(text_of(e->secret), e->hash[0] ? e->hash : NULL);
    secret_wipe(e->secret, sizeof e->secret);
}

static void enroll_verify(struct op *op, enum err err)
{
    struct enroll *e = (struct enroll *)op;

    if (err && err != ERR_NOT_FOUND) {
        op_finish(op, err);
        return;
    }
    e->hash[0] = 0;
    if (!err)
        memcpy(e->hash, e->read.password_hash, sizeof e->hash);
    offload_run(e->chat->offload, enroll_work_verify, e, op_then(op, enroll_device));
}

static void enroll_device(struct op *op, enum err err)
{
    struct enroll *e = (struct enroll *)op;
    struct device *d = &e->device;

    if (!err && !e->is_right)
        err = ERR_BAD_CREDENTIALS;
    if (err) {
        op_finish(op, err);
        return;
    }
    d->user = e->read.account.id;
    d->id.n = snowflake_next(e->chat->ids, enroll_now(e));
    d->name = e->device_name;
    d->platform = e->platform;
    d->created_unix_ms = d->seen_unix_ms = enroll_now(e);
    d->expires_unix_ms = enroll_now(e) + LIMIT_TOKEN_DAYS * 24ull * 60 * 60 * 1000;
    sessions_token_make(d->user, d->id, e->token, d->token_hash);
    store_device_create(e->chat->store, d, &e->head, op_then(op, enroll_done));
}

static void enroll_done(struct op *op, enum err err)
{
    op_finish(op, err);
}
