/* chat/send.h - a member says something in a conversation */
#pragma once
#include "chat/post.h"

struct send {
    struct post post;               /* first; post.append.seq, .id and .is_duplicate are the answer */
    struct text type, text, ciphertext;         /* in; one of text and ciphertext */
    uint64_t reply_to;              /* in: a seq, 0: none */
    struct buf body;
};

/* Sends with the idempotency key; needs post.chat, post.conversation and post.user. Wakes asker as post_start()
 * does, or with ERR_STALE_KEY, ERR_KEY_REUSED. */
void send_start(struct send *s, struct key key, struct op *asker);
void send_fini(struct send *s);
