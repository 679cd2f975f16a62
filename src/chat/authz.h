/* chat/authz.h - who may do what in a conversation: one table, what is not in it is refused */
#pragma once
#include "model/members.h"

enum action {
    ACTION_READ,                    /* the conversation, its members and history */
    ACTION_SEND,
    ACTION_MARK,
    ACTION_RETITLE,
    ACTION_ADD,                     /* a member */
    ACTION_REMOVE,                  /* another member */
    ACTION_LEAVE,
    ACTION_SET_ROLE,                /* of another member, or of oneself */
};

/* ERR_NOT_FOUND for who is no member (they may not know that it exists), ERR_DIRECT_FIXED for what direct
 * conversations don't have, ERR_FORBIDDEN for a role too low. */
MUST_USE enum err authz_check(const struct members *m, struct user_id user, enum action action);
