/* check/database.h - the database at the end of a run, in memory */
#pragma once
#include "check/index.h"
#include "check/verdict.h"
#include "model/key.h"

enum database_change { CHANGE_NONE, CHANGE_JOINED, CHANGE_GONE };

struct database_message {
    uint64_t id, seq, sender, hash;
    struct key key;
    uint64_t sent_ns;               /* by the histories: when it was first sent; 0: not known */
    uint64_t acked_ns;              /* first acknowledged; 0: never */
    uint64_t known_ns;              /* first acknowledged or delivered; UINT64_MAX: never */
    uint32_t conversation;          /* its place in .conversation */
    uint8_t kind;                   /* enum event_kind */
};
struct database_conversation {
    uint64_t id, last_seq, last_id;
    uint32_t first, count;          /* its messages, in the order of seq */
    uint32_t span, spans;           /* its memberships (spans.h) */
};
struct database_member {
    uint32_t conversation;
    uint64_t user, joined_seq;
};
struct database_event {             /* of the members: who came or went */
    uint32_t message;
    enum database_change change;
    uint64_t user;
};
/* A user's inbox is rows first .. first + count - 1. */
struct database_user {
    uint64_t id, last_i;
    size_t first, count;
};
/* An inbox row that has no message row: of the account alone. */
struct database_own {
    uint64_t id, conversation;
    uint8_t kind;
};

#define DATABASE_OWN UINT32_C(0x80000000)   /* of an inbox row: the rest is a place in .own */
#define DATABASE_STRAY UINT32_MAX           /* of an inbox row: nothing is known of its event */

struct database {
    struct database_conversation *conversation;     /* by rising id */
    struct database_message *message;               /* by conversation and seq */
    struct database_member *member;                 /* by conversation and user */
    struct database_event *event;                   /* by conversation and seq */
    struct database_user *user;                     /* by rising id */
    uint64_t *inbox_i;                              /* by user and i */
    uint32_t *inbox_row;                            /* a message, or DATABASE_OWN, or DATABASE_STRAY */
    struct database_own *own;
    size_t conversations, messages, members, events, users, inbox, owns;
    struct index by_id, by_key;                     /* messages */
};

/* Reads conversation, message, member and mailbox; what can't be put anywhere is a violation of I3. */
void database_read(struct database *d, const char *dir, struct verdicts *v);
void database_fini(struct database *d);

/* Each NULL or INDEX_NONE when there is none. */
struct database_user *database_user(const struct database *d, uint64_t id);
uint32_t database_conversation(const struct database *d, uint64_t id);
uint32_t database_by_id(const struct database *d, uint64_t conversation, uint64_t id);
uint32_t database_by_key(const struct database *d, uint64_t sender, struct key key);
/* The first message of a conversation at or above a seq; its end when there is none. */
uint32_t database_from_seq(const struct database *d, const struct database_conversation *c, uint64_t seq);

/* Room for one more of an array of structs; at, count and room as they are, returns where it is. */
void *database_more(void *at, size_t count, size_t *room, size_t bytes);
