/* store/account.h - accounts, and the devices of an account */
#pragma once
#include "base/arena.h"
#include "base/op.h"
#include "base/secret.h"
#include "model/handle.h"
#include "model/id.h"

struct store;

struct account {
    struct user_id id;
    struct text handle, name;       /* in the arena of the read */
    uint64_t created_unix_ms;
};

/* Makes account, handle and mailbox. ERR_HANDLE_TAKEN. a->id is chosen by the caller. */
void store_account_create(struct store *s, const struct account *a, const char *password_hash, struct op *op);

struct account_read {
    struct arena *arena;            /* in */
    struct account account;         /* out */
    char password_hash[SECRET_PASSWORD_HASH_MAX];   /* out, by handle only */
};
/* By canonical handle, or by id. ERR_NOT_FOUND. */
void store_account_by_handle(struct store *s, struct text handle, struct account_read *r, struct op *op);
void store_account_by_id(struct store *s, struct user_id user, struct account_read *r, struct op *op);
/* Sets the display name. ERR_NOT_FOUND. */
void store_account_rename(struct store *s, struct user_id user, struct text name, struct op *op);
/* How many of users exist (for new members); users may be in any order, without repeats. */
void store_accounts_count(struct store *s, const struct user_id *users, uint32_t count, uint32_t *found,
                          struct op *op);

struct device {
    struct user_id user;
    struct device_id id;
    struct text name, platform;
    uint8_t token_hash[SECRET_HASH_BYTES];
    uint64_t created_unix_ms, seen_unix_ms, expires_unix_ms;
};
/* Also reads the mailbox head in the same transaction: the cursor a new device starts from.
 * ERR_TOO_MANY_DEVICES beyond LIMIT_DEVICES. */
void store_device_create(struct store *s, const struct device *d, struct inbox_seq *head, struct op *op);
struct device_read {
    struct arena *arena;            /* in */
    struct device device;           /* out */
};
void store_device_read(struct store *s, struct user_id user, struct device_id id, struct device_read *r,
                       struct op *op);                                  /* ERR_NOT_FOUND */
struct devices_read {
    struct arena *arena;            /* in */
    struct device *at;              /* out, oldest first */
    uint32_t count;
};
void store_devices(struct store *s, struct user_id user, struct devices_read *r, struct op *op);
/* ERR_NOT_FOUND when it was gone already. */
void store_device_delete(struct store *s, struct user_id user, struct device_id id, struct op *op);

/* What devices have taken (and that they were here), for many at a time; the maximum stays. Lazy: losing it
 * costs nothing but freshness. */
struct device_seen {
    struct user_id user;
    struct device_id device;
    struct inbox_seq acknowledged;
    uint64_t seen_unix_ms;
};
void store_devices_seen(struct store *s, const struct device_seen *at, uint32_t count, struct op *op);
