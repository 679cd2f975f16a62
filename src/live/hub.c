/* live/hub.c - a table of users who have somebody waiting here */
#include "live/hub.h"
#include <stdlib.h>
#include <uthash.h>

/* A user with at least one waiter; made by the first, gone with the last. */
struct hub_user {
    uint64_t user;
    struct hub_waiter *first;
    UT_hash_handle hh;
};

struct hub {
    struct hub_user *users;
    uint32_t count;
};

struct hub *hub_new(void)
{
    struct hub *h = calloc(1, sizeof *h);

    CHECK(h);
    return h;
}

void hub_free(struct hub **h)
{
    if (!*h)
        return;
    CHECK((*h)->count == 0 && !(*h)->users);
    free(*h);
    *h = NULL;
}

uint32_t hub_count(const struct hub *h)
{
    return h->count;
}

static struct hub_user *hub_find(const struct hub *h, struct user_id user)
{
    struct hub_user *u;

    HASH_FIND(hh, h->users, &user.n, sizeof user.n, u);
    return u;
}

static struct hub_user *hub_find_or_add(struct hub *h, struct user_id user)
{
    struct hub_user *u = hub_find(h, user);

    if (u)
        return u;
    u = calloc(1, sizeof *u);
    CHECK(u);
    u->user = user.n;
    HASH_ADD(hh, h->users, user, sizeof u->user, u);
    return u;
}

/* Also remembers why, for a waiter that still reads. */
static void hub_end_one(struct hub_waiter *w, enum err err)
{
    if (!w->ended)
        w->ended = err;
    hub_end_wait(w, err);
}

void hub_watch(struct hub *h, struct hub_waiter *w)
{
    struct hub_user *u = hub_find_or_add(h, w->user);

    CHECK(!w->is_watching && !w->op);
    for (struct hub_waiter *other = u->first; other; other = other->next) {
        if (other->device.n == w->device.n)
            hub_end_one(other, ERR_WAIT_OVER);
    }
    w->has_news = w->has_gap = false;
    w->ended = ERR_OK;
    w->ride_count = 0;
    w->is_watching = true;
    w->next = u->first;
    w->link = &u->first;
    if (w->next)
        w->next->link = &w->next;
    u->first = w;
    h->count++;
}

void hub_wait(struct hub_waiter *w, struct op *op)
{
    CHECK(w->is_watching && !w->op);
    if (w->ended || w->has_news)
        op_wake(op, w->ended);
    else
        w->op = op;
}

void hub_end_wait(struct hub_waiter *w, enum err err)
{
    struct op *op = w->op;

    w->op = NULL;
    if (op)
        op_wake(op, err);
}

void hub_unwatch(struct hub *h, struct hub_waiter *w)
{
    if (!w->is_watching)
        return;
    CHECK(!w->op && h->count > 0);
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->is_watching = false;
    h->count--;
    while (w->ride_count > 0)
        blob_free(&w->ride[--w->ride_count]);
    struct hub_user *u = hub_find(h, w->user);
    CHECK(u);
    if (!u->first) {
        HASH_DEL(h->users, u);
        free(u);
    }
}

static void hub_tell(struct hub_waiter *w, struct inbox_seq i, struct blob *encoded)
{
    uint64_t next = w->after.n + w->ride_count + 1;

    if (i.n < next)
        return; /* the reading will find, or found, it */
    if (i.n == next && !w->has_gap && w->ride_count < HUB_RIDE_MAX)
        w->ride[w->ride_count++] = blob_ref(encoded);
    else
        w->has_gap = true;
    w->has_news = true;
    hub_end_wait(w, ERR_OK);
}

void hub_notice(struct hub *h, struct user_id user, struct inbox_seq i, struct blob *encoded)
{
    struct hub_user *u = hub_find(h, user);

    for (struct hub_waiter *w = u ? u->first : NULL; w; w = w->next)
        hub_tell(w, i, encoded);
}

void hub_revoke(struct hub *h, struct user_id user, struct device_id device)
{
    struct hub_user *u = hub_find(h, user);

    for (struct hub_waiter *w = u ? u->first : NULL; w; w = w->next) {
        if (w->device.n == device.n)
            hub_end_one(w, ERR_UNAUTHORIZED);
    }
}

void hub_end(struct hub *h)
{
    for (struct hub_user *u = h->users; u; u = u->hh.next) {
        for (struct hub_waiter *w = u->first; w; w = w->next)
            hub_end_one(w, ERR_WAIT_OVER);
    }
}
