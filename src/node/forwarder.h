/* node/forwarder.h - a send that is committed at the conversation's home
 *
 * A hop costs less than writers that wait for each other at the heads of a busy group. Whatever goes wrong, the asker
 * commits it here: the key finds out whether it stands already.
 */
#pragma once
#include "base/arena.h"
#include "chat/send.h"
#include "node/links.h"

struct forwarder;

/* What is said, and what came of it. */
struct forwarder_send {
    /* in; lives until the op is woken */
    struct user_id user;
    struct conversation_id conversation;
    struct key key;
    struct text kind, text, ciphertext;     /* as struct send's type, text, ciphertext */
    uint64_t reply_to;
    /* out, with ERR_OK */
    struct message_id id;
    struct message_seq seq;
    bool is_duplicate;
    bool was_said;                  /* with ERR_CANCELLED: it may be carried out there, and have been */

    /* the forwarder's own */
    struct op *op;
    uint64_t request, deadline_ms;
    uint32_t node;
    bool is_waiting;
};

struct forwarder_calls {
    void (*tell)(void *ctx, const struct notices *n);       /* what a send for another node left behind */
};

struct forwarder_stats {
    uint64_t out, lost, in;
};

struct forwarder *forwarder_new(struct chat *chat, struct links *const *links, const struct forwarder_calls *calls, void *ctx);
/* Everything that waits ends with ERR_CANCELLED; twice is fine. Ops run to their end before it is freed. */
void forwarder_stop(struct forwarder *f);
void forwarder_free(struct forwarder **f);
/* Hands s on to node; op is woken with OK, with what the home said (as send_start()), or with ERR_CANCELLED: nobody knows,
 * or it can't be had: commit it here, with the same key. */
void forwarder_start(struct forwarder *f, struct forwarder_send *s, uint32_t node, struct op *op);
/* FRAME_SEND and FRAME_SENT. */
void forwarder_asked(struct forwarder *f, uint32_t from, const struct frame *frame);
void forwarder_answered(struct forwarder *f, uint32_t from, const struct frame *frame);
/* What was said to node may be lost. */
void forwarder_link_down(struct forwarder *f, uint32_t node);
void forwarder_stats_read(const struct forwarder *f, struct forwarder_stats *into);
