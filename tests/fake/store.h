/* fake/store.h - a store in memory, linked in place of the real one: what tests may turn and look at */
#pragma once
#include "store/account.h"
#include "store/append.h"
#include "store/conversation.h"
#include "store/inbox.h"
#include "store/store.h"

enum { FAKE_ACCOUNTS = 128, FAKE_DEVICES = 32, FAKE_CONVERSATIONS = 16, FAKE_EVENTS = 256, FAKE_HELD = 32 };

struct fake_account {
    struct user_id id;
    char handle[80], name[160], hash[SECRET_PASSWORD_HASH_MAX];
    uint32_t inbox_count;
    uint32_t inbox[FAKE_EVENTS]; /* indices into store.event */
};

struct fake_device {
    struct device device;
    char name[160], platform[40];
    uint64_t acknowledged;
};

struct fake_conversation {
    struct conversation_id id;
    enum conversation_kind kind;
    char title[300];
    uint64_t last_seq;
    uint32_t epoch, count;
    struct member member[LIMIT_MEMBERS + 1];
    uint64_t read[LIMIT_MEMBERS + 1];
};

struct fake_event {
    struct event event;
    uint64_t body_hash;
    char body[2048];
};

/* Answers every call in the same turn, unless it is held. */
struct store {
    struct loop *loop;
    struct snowflake *ids;
    uint64_t timeline;
    enum err fail;      /* what the calls answer instead, */
    uint32_t fail_skip; /* after so many good ones, */
    uint32_t fail_count; /* this often */
    bool is_holding;    /* answers wait for fake_store_release() */
    uint64_t duplicates; /* that there are said to have been */
    uint32_t restless_appends; /* so many find that the members have changed again */
    uint32_t calls, reads_of_members, held_count, groups_count;
    struct {
        struct op *op;
        enum err err;
    } held[FAKE_HELD];
    uint32_t accounts_count, devices_count, conversations_count, events_count;
    struct fake_account account[FAKE_ACCOUNTS];
    struct fake_device device[FAKE_DEVICES];
    struct fake_conversation conversation[FAKE_CONVERSATIONS];
    struct fake_event event[FAKE_EVENTS];
};

/* For the calls: wakes op, or holds the answer; true when this call is to fail, which is its answer then. */
void fake_store_answer(struct store *s, struct op *op, enum err err);
bool fake_store_fails(struct store *s, struct op *op);
/* Gives the held answers. */
void fake_store_release(struct store *s);
/* The next calls: skip good ones, then count that answer err. */
void fake_store_fail(struct store *s, enum err err, uint32_t skip, uint32_t count);
/* An account without a password. */
struct user_id fake_store_account(struct store *s, const char *handle);
/* A conversation of users (the first is the owner of a group). */
struct conversation_id fake_store_conversation(struct store *s, enum conversation_kind kind,
                                               const struct user_id *users, uint32_t count);
struct fake_account *fake_store_find(struct store *s, struct user_id user);
struct fake_conversation *fake_store_find_conversation(struct store *s, struct conversation_id c);
/* As another node would: somebody's role, and with it the epoch. */
void fake_store_change(struct store *s, struct conversation_id c, struct user_id user, enum role role);
