/* live/tail.c - a ring of blobs that grows to its bound */
#include "live/tail.h"
#include "base/check.h"
#include "limits.h"
#include <stdlib.h>

enum { TAIL_FIRST = 4 };

static void tail_drop_oldest(struct tail *t)
{
    struct blob **at = &t->ring[(t->newest.n - t->count + 1) % t->room];

    t->bytes -= (*at)->bytes;
    blob_free(at);
    t->count--;
}

void tail_drop(struct tail *t)
{
    while (t->count > 0)
        tail_drop_oldest(t);
    free(t->ring);
    t->ring = NULL;
    t->room = 0;
}

/* Room for one more: the ring grows to LIMIT_TAIL_EVENTS, then the oldest gives way. */
static void tail_make_room(struct tail *t)
{
    uint32_t room = t->room ? 2 * t->room : TAIL_FIRST;
    struct blob **ring;

    if (t->count < t->room)
        return;
    if (t->room == LIMIT_TAIL_EVENTS) {
        tail_drop_oldest(t);
        return;
    }
    ring = calloc(room, sizeof(struct blob *));
    CHECK(ring);
    for (uint64_t i = t->newest.n - t->count + 1; i <= t->newest.n && t->count > 0; i++)
        ring[i % room] = t->ring[i % t->room];
    free(t->ring);
    t->ring = ring;
    t->room = room;
}

void tail_put(struct tail *t, struct inbox_seq i, struct blob *encoded)
{
    CHECK(i.n > t->newest.n);
    if (i.n != t->newest.n + 1)
        tail_drop(t);
    tail_make_room(t);
    t->ring[i.n % t->room] = blob_ref(encoded);
    t->newest = i;
    t->count++;
    t->bytes += encoded->bytes;
}

void tail_skip(struct tail *t, struct inbox_seq i)
{
    CHECK(i.n > t->newest.n);
    tail_drop(t);
    t->newest = i;
}

const struct blob *tail_at(const struct tail *t, struct inbox_seq i)
{
    if (i.n > t->newest.n || i.n + t->count <= t->newest.n)
        return NULL;
    return t->ring[i.n % t->room];
}
