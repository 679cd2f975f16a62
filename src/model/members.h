/* model/members.h - who is in a conversation, at one epoch */
#pragma once
#include "limits.h"
#include "model/id.h"
#include "model/role.h"

enum conversation_kind { CONVERSATION_DIRECT = 1, CONVERSATION_GROUP = 2 };

struct member {
    struct user_id user;
    enum role role;
    struct message_seq joined;      /* sees from here on */
};

/* An immutable picture, shared by reference. members are in rising order of user. */
struct members {
    uint32_t refs;
    struct conversation_id conversation;
    enum conversation_kind kind;
    uint32_t epoch;                 /* rises with every change of members or roles */
    uint32_t count;
    struct member member[];
};

struct members *members_new(uint32_t count);            /* one reference; count <= LIMIT_MEMBERS + 1 */
struct members *members_ref(struct members *m);
void members_free(struct members **m);                  /* one reference less */
/* The member, or NULL; a binary search. */
const struct member *members_find(const struct members *m, struct user_id user);
void members_sort(struct members *m);

const char *members_kind_word(enum conversation_kind k);        /* "direct", "group" */
