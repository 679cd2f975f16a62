/* store/conversation.h - conversations as they are read: members, lists, history, snapshot */
#pragma once
#include "base/arena.h"
#include "base/op.h"
#include "model/event.h"
#include "model/members.h"

struct store;

struct conversation {
    struct conversation_id id;
    enum conversation_kind kind;
    struct text title;              /* empty for direct ones */
    uint32_t members_count;
    struct message_seq last_seq;
    /* as the reading user sees it */
    enum role role;
    struct message_seq joined, read_seq;
    uint64_t muted_until_unix_ms;   /* 0: not muted */
    struct user_id other;           /* the other member of a direct one */
    bool has_last;                  /* the newest event the user may see is in last */
    struct event last;
};

/* The members as of now, a new reference in *out. ERR_NOT_FOUND. */
void store_members(struct store *s, struct conversation_id c, struct members **out, struct op *op);
/* The direct conversation of two users. ERR_NOT_FOUND. */
void store_direct(struct store *s, struct user_id a, struct user_id b, struct conversation_id *out, struct op *op);
struct conversation_read {
    struct arena *arena;            /* in */
    struct conversation conversation;       /* out */
};
/* As user sees it. ERR_NOT_FOUND also when user is no member. */
void store_conversation(struct store *s, struct user_id user, struct conversation_id c,
                        struct conversation_read *r, struct op *op);
/* How many groups a user is in. */
void store_groups_count(struct store *s, struct user_id user, uint32_t *count, struct op *op);

struct snapshot_read {
    struct arena *arena;            /* in */
    uint32_t limit;                 /* in */
    struct conversation_id before;  /* in: 0 for the first page, else the page's next_before */
    uint64_t timeline;              /* out: the cursor, read first, in the same REPEATABLE READ transaction */
    struct inbox_seq head;
    struct conversation *at;        /* out: newest conversation id first */
    uint32_t count;
    struct conversation_id next_before;     /* out: 0 when this was the last page */
};
void store_snapshot(struct store *s, struct user_id user, struct snapshot_read *r, struct op *op);

struct history_read {
    struct arena *arena;            /* in */
    struct message_id before, after;        /* in: at most one is not 0; both 0: the newest */
    struct message_seq joined;      /* in: nothing older is shown */
    uint32_t limit, bytes_max;      /* in */
    struct event *at;               /* out: rising id */
    uint32_t count;
    bool more;                      /* out: there is more in the direction asked */
};
void store_history(struct store *s, struct conversation_id c, struct history_read *r, struct op *op);
