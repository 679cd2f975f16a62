/* chat/mark.h - how far an account has read; its other devices hear of it */
#pragma once
#include "chat/post.h"
#include "store/conversation.h"

struct mark {
    struct op op;                   /* first */
    struct chat *chat;              /* in */
    struct conversation_id conversation;
    struct user_id user;
    uint64_t delivered, read;       /* in: seqs; 0: not said */

    struct arena arena;
    struct conversation_read view;
    struct append append;
    struct append_effect effect;
    struct members *self;
    struct inbox_seq i[1];
    char body[64];
    struct notices notices;         /* out */
};

/* The maximum stays; what is not new changes nothing. ERR_NOT_FOUND, ERR_OUT_OF_RANGE beyond the last seq. */
void mark_start(struct mark *m, struct op *asker);
void mark_fini(struct mark *m);
