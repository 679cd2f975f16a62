/* chat/membership.h - members come, go, and change their role; a group gets another title */
#pragma once
#include "chat/post.h"

struct membership {
    struct post post;               /* first */
    struct user_id whom;            /* in, for put and remove */
    enum role role;                 /* in, for put */
    struct text title;              /* in, for retitle */
    bool has_joined;                /* out, of put: was no member before */
    struct buf body;
};

/* Each needs post.chat, post.conversation and post.user; wakes asker as post_start() does, or with what stands
 * at it. */
/* Adds whom, who must exist, or gives them another role. ERR_FORBIDDEN, ERR_GROUP_FULL, ERR_DIRECT_FIXED,
 * ERR_LAST_OWNER. */
void membership_put(struct membership *m, struct op *asker);
/* Removes whom, or leaves. ERR_FORBIDDEN, ERR_DIRECT_FIXED, ERR_LAST_OWNER: the last owner can't leave others
 * behind without making one of them owner. */
void membership_remove(struct membership *m, struct op *asker);
/* ERR_FORBIDDEN, ERR_DIRECT_FIXED. */
void membership_retitle(struct membership *m, struct op *asker);
void membership_fini(struct membership *m);
