/* chat/roster.c - a table in the order of use: uthash keeps the order of insertion, a use inserts again */
#include "chat/roster.h"
#include <stdlib.h>
#include <uthash.h>

struct roster_entry {
    uint64_t conversation;
    struct members *members;
    UT_hash_handle hh;
};

struct roster {
    struct roster_entry *entries; /* used longest ago first */
    uint32_t count, count_max;
};

struct roster *roster_new(uint32_t conversations_max)
{
    struct roster *r = calloc(1, sizeof *r);

    CHECK(r && conversations_max > 0);
    r->count_max = conversations_max;
    return r;
}

static void roster_drop(struct roster *r, struct roster_entry *e)
{
    HASH_DEL(r->entries, e);
    members_free(&e->members);
    free(e);
    r->count--;
}

void roster_free(struct roster **r)
{
    if (!*r)
        return;
    while ((*r)->entries)
        roster_drop(*r, (*r)->entries);
    free(*r);
    *r = NULL;
}

static struct roster_entry *roster_entry(struct roster *r, struct conversation_id c)
{
    struct roster_entry *e;

    HASH_FIND(hh, r->entries, &c.n, sizeof c.n, e);
    return e;
}

const struct members *roster_find(struct roster *r, struct conversation_id c)
{
    struct roster_entry *e = roster_entry(r, c);

    if (!e)
        return NULL;
    HASH_DEL(r->entries, e);
    HASH_ADD(hh, r->entries, conversation, sizeof e->conversation, e);
    return e->members;
}

void roster_put(struct roster *r, struct members *m)
{
    struct roster_entry *e = roster_entry(r, m->conversation);

    if (e) {
        if (e->members->epoch > m->epoch)
            return;
        members_ref(m);
        members_free(&e->members);
        e->members = m;
        return;
    }
    if (r->count >= r->count_max)
        roster_drop(r, r->entries);
    e = calloc(1, sizeof *e);
    CHECK(e);
    e->conversation = m->conversation.n;
    e->members = members_ref(m);
    HASH_ADD(hh, r->entries, conversation, sizeof e->conversation, e);
    r->count++;
}

void roster_forget(struct roster *r, struct conversation_id c)
{
    struct roster_entry *e = roster_entry(r, c);

    if (e)
        roster_drop(r, e);
}
