/* chat/authenticate.h - who says this: a token becomes a session */
#pragma once
#include "chat/chat.h"
#include "chat/sessions.h"
#include "store/account.h"

struct authenticate {
    struct op op;                   /* first */
    struct chat *chat;              /* in */
    struct text token;              /* in */
    struct session session;         /* out */
    uint8_t hash[SECRET_HASH_BYTES];
    uint64_t era;                   /* of the sessions, when the row was asked for */
    uint32_t tries;
    struct arena arena;
    struct device_read read;
};

/* At once, from the cache alone: OK, ERR_UNAUTHORIZED, or ERR_WAIT_OVER when the store must be asked. */
MUST_USE enum err authenticate_at_once(struct authenticate *a);
/* After ERR_WAIT_OVER: asks the store. ERR_UNAUTHORIZED for unknown, revoked and expired tokens; ERR_BUSY when
 * sessions end all the time. */
void authenticate_start(struct authenticate *a, struct op *asker);
