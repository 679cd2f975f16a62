/* chat/create.h - a conversation begins: a direct one once for each pair, or a group */
#pragma once
#include "chat/chat.h"
#include "chat/notices.h"
#include "store/append.h"

struct create {
    struct op op;                   /* first */
    struct chat *chat;              /* in */
    struct user_id user;            /* in: who makes it; owner of a group */
    enum conversation_kind kind;    /* in */
    struct text title;              /* in, of a group */
    const uint64_t *with;           /* in: the other members; may hold repeats and the maker */
    uint32_t with_count;

    struct conversation_id conversation;        /* out */
    bool is_old;                    /* out: the direct conversation stood already */
    struct members *members;
    struct append append;
    struct inbox_seq i[LIMIT_MEMBERS + 1];
    struct user_id others[LIMIT_MEMBERS + 1];
    uint32_t found, groups, tries;
    struct buf body;
    struct notices notices;         /* out, unless is_old */
};

/* ERR_NOT_FOUND: somebody does not exist; ERR_BUSY: others make the same one all the time; ERR_GROUP_FULL;
 * ERR_TOO_MANY_GROUPS; ERR_OUT_OF_RANGE: a direct conversation with oneself; and store_append's. */
void create_start(struct create *c, struct op *asker);
void create_fini(struct create *c);
