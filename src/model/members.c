/* model/members.c - an immutable list of members, sorted by user */
#include "model/members.h"
#include <stdlib.h>

struct members *members_new(uint32_t count)
{
    CHECK(count <= LIMIT_MEMBERS + 1);
    struct members *m = calloc(1, sizeof *m + count * sizeof m->member[0]);
    CHECK(m);
    m->refs = 1;
    m->count = count;
    return m;
}

struct members *members_ref(struct members *m)
{
    CHECK(m->refs > 0);
    m->refs++;
    return m;
}

void members_free(struct members **m)
{
    struct members *old = *m;

    *m = NULL;
    if (!old)
        return;
    CHECK(old->refs > 0);
    if (--old->refs == 0)
        free(old);
}

static int members_order(const void *a, const void *b)
{
    uint64_t x = ((const struct member *)a)->user.n, y = ((const struct member *)b)->user.n;

    return x < y ? -1 : x > y;
}

const struct member *members_find(const struct members *m, struct user_id user)
{
    struct member wanted = { .user = user };

    return m->count ? bsearch(&wanted, m->member, m->count, sizeof m->member[0], members_order) : NULL;
}

void members_sort(struct members *m)
{
    if (m->count)
        qsort(m->member, m->count, sizeof m->member[0], members_order);
}

const char *members_kind_word(enum conversation_kind k)
{
    return k == CONVERSATION_DIRECT ? "direct" : "group";
}
