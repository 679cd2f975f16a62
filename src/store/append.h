/* store/append.h - one event into the next commit: its row, an inbox row for every recipient
 *
 * The group commit (design section 4): heads are advanced under row locks, the node checks what came back,
 * rows are inserted, COMMIT; then everybody in the batch is woken.
 */
#pragma once
#include "base/op.h"
#include "model/event.h"
#include "model/members.h"

struct store;

/* What changes together with the event, in the same transaction. */
enum append_effect_kind {
    EFFECT_MEMBER_PUT,              /* user joins, or has another role; raises the epoch */
    EFFECT_MEMBER_GONE,             /* user leaves; raises the epoch */
    EFFECT_TITLE,                   /* the conversation's title becomes text */
    EFFECT_READ,                    /* user has read up to number (the maximum stays) */
};
struct append_effect {
    enum append_effect_kind kind;
    struct user_id user;
    enum role role;
    struct text text;
    uint64_t number;
};

/* A conversation that begins with this event: its head, members and title are made in the same transaction. */
struct append_create {
    bool is_wanted;
    enum conversation_kind kind;
    struct text title;
};

struct append {
    /* in; all of it stays the caller's until the op is woken */
    enum event_kind kind;
    struct conversation_id conversation;    /* for a new one: a fresh snowflake */
    struct user_id from;
    struct key key;                         /* all 0: no idempotency key */
    uint64_t body_hash;                     /* tells a repeated key from a reused one */
    struct text body;                       /* as event.body */
    const struct members *members;          /* the recipients: all members BEFORE the change, plus those who
                                             * join, at members->epoch. For EVENT_MARK and EVENT_DEVICE: the
                                             * one user (epoch ignored, no head is touched). For a new
                                             * conversation: its members */
    struct append_create create;
    const struct append_effect *effects;
    uint32_t effects_count;

    /* out, with ERR_OK */
    struct message_seq seq;
    struct message_id id;
    bool is_duplicate;                      /* this key was here before with the same body: seq and id are the
                                             * first answer's; nothing was written and i[] is not set */
    struct inbox_seq *i;                    /* of members->member[k]; room for members->count, the caller's */

    /* the store's own */
    struct append *next;
    struct op *op;
    uint64_t deadline_ms;
    uint32_t tries;
};

/* Queues a for the turn's commit. Wakes op with OK, or
 *   ERR_KEY_REUSED       the key was used with another body_hash, conversation or kind
 *   ERR_MEMBERS_CHANGED  members->epoch is not the conversation's: read it again, decide again
 *   ERR_NOT_FOUND        the conversation or a recipient's mailbox is not there
 *   ERR_EXISTS           create of a direct conversation that stands already (store_direct finds it)
 *   ERR_STORE_DOWN       not acknowledged; it may or may not stand: the same key finds out
 *   ERR_TIMEOUT, ERR_BUSY, ERR_INTERNAL (Postgres refused this row alone: a poison row) */
void store_append(struct store *s, struct append *a, struct op *op);

/* What a's key was used for before, when a itself may not be tried: needs kind, conversation, from, key (not all 0) and
 * body_hash, and fills id, seq and is_duplicate with OK. ERR_NOT_FOUND: it was not used, and no commit that is under way
 * uses it; ERR_KEY_REUSED as above; ERR_STORE_DOWN, ERR_TIMEOUT, ERR_BUSY. */
void store_recall(struct store *s, struct append *a, struct op *op);
