/* fake/account.c - accounts and devices of the store in memory */
#include "fake/store.h"

static struct fake_account *fake_by_handle(struct store *s, struct text handle)
{
    for (uint32_t n = 0; n < s->accounts_count; n++)
        if (text_equal(text_of(s->account[n].handle), handle))
            return &s->account[n];
    return NULL;
}

void store_account_create(struct store *s, const struct account *a, const char *password_hash, struct op *op)
{
    if (fake_store_fails(s, op))
        return;
    if (fake_by_handle(s, a->handle)) {
        fake_store_answer(s, op, ERR_HANDLE_TAKEN);
        return;
    }
    struct user_id made = fake_store_account(s, a->handle.at);
    struct fake_account *f = fake_store_find(s, made);
    f->id = a->id;
    snprintf(f->name, sizeof f->name, "%.*s", (int)a->name.bytes, a->name.at);
    snprintf(f->hash, sizeof f->hash, "%s", password_hash);
    fake_store_answer(s, op, ERR_OK);
}

static void fake_account_answer(struct store *s, const struct fake_account *f, struct account_read *r,
                                struct op *op)
{
    if (f) {
        r->account = (struct account){ f->id, arena_copy(r->arena, text_of(f->handle)),
                                       arena_copy(r->arena, text_of(f->name)), SNOWFLAKE_EPOCH_MS };
        snprintf(r->password_hash, sizeof r->password_hash, "%s", f->hash);
    }
    fake_store_answer(s, op, f ? ERR_OK : ERR_NOT_FOUND);
}

void store_account_by_handle(struct store *s, struct text handle, struct account_read *r, struct op *op)
{
    if (!fake_store_fails(s, op))
        fake_account_answer(s, fake_by_handle(s, handle), r, op);
}

void store_account_by_id(struct store *s, struct user_id user, struct account_read *r, struct op *op)
{
    if (!fake_store_fails(s, op))
        fake_account_answer(s, fake_store_find(s, user), r, op);
}

void store_account_rename(struct store *s, struct user_id user, struct text name, struct op *op)
{
    struct fake_account *f = fake_store_find(s, user);

    if (fake_store_fails(s, op))
        return;
    if (f)
        snprintf(f->name, sizeof f->name, "%.*s", (int)name.bytes, name.at);
    fake_store_answer(s, op, f ? ERR_OK : ERR_NOT_FOUND);
}

void store_accounts_count(struct store *s, const struct user_id *users, uint32_t count, uint32_t *found,
                          struct op *op)
{
    if (fake_store_fails(s, op))
        return;
    *found = 0;
    for (uint32_t n = 0; n < count; n++)
        *found += fake_store_find(s, users[n]) != NULL;
    fake_store_answer(s, op, ERR_OK);
}

static struct fake_device *fake_device(struct store *s, struct user_id user, struct device_id id)
{
    for (uint32_t n = 0; n < s->devices_count; n++)
        if (s->device[n].device.id.n == id.n && s->device[n].device.user.n == user.n)
            return &s->device[n];
    return NULL;
}

void store_device_create(struct store *s, const struct device *d, struct inbox_seq *head, struct op *op)
{
    uint32_t mine = 0;

    if (fake_store_fails(s, op))
        return;
    for (uint32_t n = 0; n < s->devices_count; n++)
        mine += s->device[n].device.user.n == d->user.n;
    if (mine >= LIMIT_DEVICES) {
        fake_store_answer(s, op, ERR_TOO_MANY_DEVICES);
        return;
    }
    CHECK(s->devices_count < FAKE_DEVICES);
    struct fake_device *f = &s->device[s->devices_count++];
    *f = (struct fake_device){ .device = *d };
    snprintf(f->name, sizeof f->name, "%.*s", (int)d->name.bytes, d->name.at);
    snprintf(f->platform, sizeof f->platform, "%.*s", (int)d->platform.bytes, d->platform.at);
    head->n = fake_store_find(s, d->user)->inbox_count;
    fake_store_answer(s, op, ERR_OK);
}

static struct device fake_device_copy(const struct fake_device *f, struct arena *arena)
{
    struct device d = f->device;

    d.name = arena_copy(arena, text_of(f->name));
    d.platform = arena_copy(arena, text_of(f->platform));
    return d;
}

void store_device_read(struct store *s, struct user_id user, struct device_id id, struct device_read *r,
                       struct op *op)
{
    const struct fake_device *f = fake_device(s, user, id);

    if (fake_store_fails(s, op))
        return;
    if (f)
        r->device = fake_device_copy(f, r->arena);
    fake_store_answer(s, op, f ? ERR_OK : ERR_NOT_FOUND);
}

void store_devices(struct store *s, struct user_id user, struct devices_read *r, struct op *op)
{
    if (fake_store_fails(s, op))
        return;
    r->at = arena_alloc(r->arena, LIMIT_DEVICES * sizeof *r->at);
    r->count = 0;
    for (uint32_t n = 0; n < s->devices_count; n++)
        if (s->device[n].device.user.n == user.n)
            r->at[r->count++] = fake_device_copy(&s->device[n], r->arena);
    fake_store_answer(s, op, ERR_OK);
}

void store_device_delete(struct store *s, struct user_id user, struct device_id id, struct op *op)
{
    struct fake_device *f = fake_device(s, user, id);

    if (fake_store_fails(s, op))
        return;
    if (f)
        *f = s->device[--s->devices_count];
    fake_store_answer(s, op, f ? ERR_OK : ERR_NOT_FOUND);
}

void store_devices_seen(struct store *s, const struct device_seen *at, uint32_t count, struct op *op)
{
    if (fake_store_fails(s, op))
        return;
    for (uint32_t n = 0; n < count; n++) {
        struct fake_device *f = fake_device(s, at[n].user, at[n].device);
        if (f)
            f->acknowledged = at[n].acknowledged.n;
    }
    fake_store_answer(s, op, ERR_OK);
}
