/* chat/revoke.h - a device's session ends; the account's other devices hear of it */
#pragma once
#include "chat/chat.h"
#include "chat/notices.h"
#include "store/append.h"

struct revoke {
    struct op op;                   /* first */
    struct chat *chat;              /* in */
    struct user_id user;
    struct device_id device;

    struct append append;
    struct members *self;
    struct inbox_seq i[1];
    char body[64];
    struct notices notices;         /* out; none when the device was revoked but its event could not be written */
};

/* ERR_NOT_FOUND when it was gone. The cached session is forgotten in any case. */
void revoke_start(struct revoke *r, struct op *asker);
void revoke_fini(struct revoke *r);
