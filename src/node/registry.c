/* node/registry.c - a table of users, each with a short list of nodes
 *
 * A node that went takes its registrations with it by its era: they are of an older one, and are dropped where they are
 * met, by a question or by the sweep.
 */
#include "node/registry.h"
#include "base/check.h"
#include "limits.h"
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

struct registry_edge {
    uint32_t node, era;
};

struct registry_user {
    uint64_t user;
    struct inbox_seq head;
    struct registry_edge *edge; /* count of them, in room */
    uint16_t count, room;
    TAILQ_ENTRY(registry_user) all;
    UT_hash_handle hh;
};

struct registry {
    struct registry_user *users;
    TAILQ_HEAD(, registry_user) all; /* the sweep walks round */
    uint32_t count;
    uint32_t era[REGISTRY_NODES];
};

struct registry *registry_new(void)
{
    struct registry *r = calloc(1, sizeof *r);

    CHECK(r);
    TAILQ_INIT(&r->all);
    return r;
}

static void registry_drop(struct registry *r, struct registry_user *u)
{
    HASH_DEL(r->users, u);
    TAILQ_REMOVE(&r->all, u, all);
    r->count--;
    free(u->edge);
    free(u);
}

void registry_free(struct registry **r)
{
    struct registry_user *u;

    if (!*r)
        return;
    while ((u = TAILQ_FIRST(&(*r)->all)))
        registry_drop(*r, u);
    free(*r);
    *r = NULL;
}

static struct registry_user *registry_find(const struct registry *r, struct user_id user)
{
    struct registry_user *u;

    HASH_FIND(hh, r->users, &user.n, sizeof user.n, u);
    return u;
}

/* Without those of another era. */
static void registry_tidy(const struct registry *r, struct registry_user *u)
{
    uint16_t kept = 0;

    for (uint16_t k = 0; k < u->count; k++) {
        if (u->edge[k].era == r->era[u->edge[k].node])
            u->edge[kept++] = u->edge[k];
    }
    u->count = kept;
}

static bool registry_put(const struct registry *r, struct registry_user *u, uint32_t edge)
{
    registry_tidy(r, u);
    for (uint16_t k = 0; k < u->count; k++) {
        if (u->edge[k].node == edge)
            return true;
    }
    if (u->count == REGISTRY_EDGES_MAX)
        return false;
    if (u->count == u->room) {
        u->room = u->room ? (uint16_t)(2 * u->room) : 1;
        u->edge = realloc(u->edge, u->room * sizeof *u->edge);
        CHECK(u->edge);
    }
    u->edge[u->count++] = (struct registry_edge){ edge, r->era[edge] };
    return true;
}

bool registry_add(struct registry *r, struct user_id user, uint32_t edge, struct inbox_seq *head)
{
    struct registry_user *u = registry_find(r, user);

    CHECK(edge < REGISTRY_NODES);
    head->n = 0;
    if (!u && r->count == LIMIT_REGISTERED)
        return false;
    if (!u) {
        u = calloc(1, sizeof *u);
        CHECK(u);
        u->user = user.n;
        HASH_ADD(hh, r->users, user, sizeof u->user, u);
        TAILQ_INSERT_TAIL(&r->all, u, all);
        r->count++;
    }
    *head = u->head;
    return registry_put(r, u, edge);
}

void registry_remove(struct registry *r, struct user_id user, uint32_t edge)
{
    struct registry_user *u = registry_find(r, user);

    if (!u)
        return;
    registry_tidy(r, u);
    for (uint16_t k = 0; k < u->count; k++) {
        if (u->edge[k].node == edge)
            u->edge[k] = u->edge[--u->count];
    }
    if (u->count == 0)
        registry_drop(r, u);
}

void registry_forget(struct registry *r, uint32_t edge)
{
    CHECK(edge < REGISTRY_NODES);
    r->era[edge]++;
}

void registry_notice(struct registry *r, struct user_id user, struct inbox_seq i)
{
    struct registry_user *u = registry_find(r, user);

    if (u && i.n > u->head.n)
        u->head = i;
}

void registry_void(struct registry *r)
{
    struct registry_user *u;

    TAILQ_FOREACH(u, &r->all, all)
    u->head.n = 0;
}

uint32_t registry_edges(struct registry *r, struct user_id user, uint32_t *into)
{
    struct registry_user *u = registry_find(r, user);

    if (!u)
        return 0;
    registry_tidy(r, u);
    for (uint16_t k = 0; k < u->count; k++)
        into[k] = u->edge[k].node;
    return u->count;
}

void registry_sweep(struct registry *r, uint32_t some)
{
    struct registry_user *u;

    for (uint32_t n = some < r->count ? some : r->count; n > 0; n--) {
        u = TAILQ_FIRST(&r->all);
        registry_tidy(r, u);
        if (u->count == 0) {
            registry_drop(r, u);
            continue;
        }
        TAILQ_REMOVE(&r->all, u, all);
        TAILQ_INSERT_TAIL(&r->all, u, all);
    }
}

uint32_t registry_count(const struct registry *r)
{
    return r->count;
}
