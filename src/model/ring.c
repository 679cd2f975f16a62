/* model/ring.c - points of members on a circle, and slots that go to the next point whose member has room
 *
 * A member has RING_POINTS points on the circle of 64-bit numbers for each RING_WEIGHT; a slot has one place there.
 * Slots are handed out in order of their number: each to the first member, from its place on, that has not got its fill
 * (1.05 of its share). When a member leaves, its slots go to their next points; only what had overflowed moves besides.
 * Everything is integers and bytes in one order: the table is the same on each machine, for each order of members.
 */
#include "model/ring.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Four uses of one hash that must not fall together: a slot and a key of the same number are unrelated. */
#define RING_SEED_POINT UINT64_C(0x706f7374686f726e)
#define RING_SEED_SLOT UINT64_C(0x736c6f7473206f66)
#define RING_SEED_ROOM UINT64_C(0x726f6f6d20666f72)
#define RING_SEED_KEY UINT64_C(0x6b65797320696e20)

struct ring_point {
    uint64_t at;
    uint32_t member;
};

static int ring_order_members(const void *a, const void *b)
{
    uint64_t x = ((const struct ring_member *)a)->id, y = ((const struct ring_member *)b)->id;

    return x < y ? -1 : x > y;
}

/* Two points at one place are as good as impossible, but then, too, the order is the same everywhere. */
static int ring_order_points(const void *a, const void *b)
{
    const struct ring_point *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->member < y->member ? -1 : x->member > y->member;
}

uint32_t ring_slots(uint32_t count, uint32_t slots_before)
{
    return count > RING_FEW || slots_before > RING_SLOTS ? RING_SLOTS_MANY : RING_SLOTS;
}

static struct ring *ring_room(const struct ring_member *members, uint32_t count, uint32_t slots)
{
    struct ring *r = calloc(1, sizeof *r);

    CHECK(r);
    r->slots = slots;
    r->count = count;
    r->member = calloc(count ? count : 1, sizeof *r->member);
    r->owner = malloc(slots * sizeof *r->owner);
    CHECK(r->member && r->owner);
    if (count)
        memcpy(r->member, members, count * sizeof *r->member);
    memset(r->owner, 0xff, slots * sizeof *r->owner);
    return r;
}

static uint32_t ring_points_of(const struct ring_member *m)
{
    uint32_t points = (RING_POINTS * m->weight + RING_WEIGHT / 2) / RING_WEIGHT;

    return points || !m->weight ? points : 1;
}

/* All points in their order; the caller frees them. NULL when nobody has any. */
static struct ring_point *ring_points(const struct ring *r, uint32_t *count)
{
    uint32_t n = 0;

    *count = 0;
    for (uint32_t k = 0; k < r->count; k++)
        *count += ring_points_of(&r->member[k]);
    if (!*count)
        return NULL;
    struct ring_point *points = malloc(*count * sizeof *points);
    CHECK(points);
    for (uint32_t k = 0; k < r->count; k++) {
        for (uint32_t p = 0; p < ring_points_of(&r->member[k]); p++) {
            uint64_t name[2] = { htole64(r->member[k].id), htole64(p) };
            points[n++] = (struct ring_point){ XXH3_64bits_withSeed(name, sizeof name, RING_SEED_POINT), k };
        }
    }
    qsort(points, *count, sizeof *points, ring_order_points);
    return points;
}

/* A share of slots that is no whole number is rounded up for some members and down for the others, by their own dice
 * and the fraction. Were it up for all, one member more would take a slot away from everybody at certain counts (43.008
 * of 400 is 44, 42.9 of 401 is 43), and far too much would move. */
static uint32_t ring_round(uint64_t share, uint64_t divisor, uint64_t id)
{
    uint64_t name = htole64(id);
    uint64_t dice = XXH3_64bits_withSeed(&name, sizeof name, RING_SEED_ROOM) >> 32;

    return (uint32_t)(share / divisor + (dice * divisor >> 32 < share % divisor));
}

/* How many slots each member may still take: together at least as many as there are. */
static uint32_t *ring_rooms(const struct ring *r)
{
    uint32_t *room = calloc(r->count, sizeof *room);
    uint64_t weights = 0, all = 0;

    CHECK(room);
    for (uint32_t k = 0; k < r->count; k++)
        weights += r->member[k].weight;
    for (uint32_t k = 0; k < r->count; k++) {
        uint64_t share = (uint64_t)RING_LOAD_PERCENT * r->slots * r->member[k].weight;
        room[k] = ring_round(share, 100 * weights, r->member[k].id);
        all += room[k];
    }
    /* The dice would have to fall low for all: as good as impossible, and then nobody is short of room. */
    for (uint32_t k = 0; all < r->slots && k < r->count; k++)
        if (r->member[k].weight)
            room[k] = r->slots;
    return room;
}

/* The first point at or after a place; count when there is none before the circle closes. */
static uint32_t ring_from(const struct ring_point *points, uint32_t count, uint64_t at)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (points[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void ring_share_out(struct ring *r, const struct ring_point *points, uint32_t count, uint32_t *room)
{
    for (uint32_t slot = 0; slot < r->slots; slot++) {
        uint64_t name = htole64(slot);
        uint32_t k = ring_from(points, count, XXH3_64bits_withSeed(&name, sizeof name, RING_SEED_SLOT));
        for (k %= count; !room[points[k].member];)
            k = k + 1 == count ? 0 : k + 1;
        room[points[k].member]--;
        r->owner[slot] = (uint16_t)points[k].member;
    }
}

struct ring *ring_new(const struct ring_member *members, uint32_t count, uint32_t slots)
{
    CHECK(count <= RING_MEMBERS_MAX && (slots == RING_SLOTS || slots == RING_SLOTS_MANY));
    struct ring *r = ring_room(members, count, slots);
    uint32_t points_count, *room;

    qsort(r->member, count, sizeof *r->member, ring_order_members);
    for (uint32_t k = 0; k < count; k++) {
        CHECK(r->member[k].weight <= RING_WEIGHT_MAX);
        CHECK(k == 0 || r->member[k - 1].id < r->member[k].id);
    }
    struct ring_point *points = ring_points(r, &points_count);
    if (!points)
        return r;
    room = ring_rooms(r);
    ring_share_out(r, points, points_count, room);
    free(room);
    free(points);
    return r;
}

enum err ring_load(const struct ring_member *members, uint32_t count, const uint16_t *owner, uint32_t slots,
                   struct ring **into)
{
    *into = NULL;
    if (count > RING_MEMBERS_MAX || (slots != RING_SLOTS && slots != RING_SLOTS_MANY))
        return ERR_OUT_OF_RANGE;
    for (uint32_t k = 0; k < count; k++)
        if (members[k].weight > RING_WEIGHT_MAX || (k && members[k - 1].id >= members[k].id))
            return ERR_OUT_OF_RANGE;
    for (uint32_t slot = 0; slot < slots; slot++)
        if (owner[slot] >= count && owner[slot] != RING_NOBODY)
            return ERR_OUT_OF_RANGE;
    *into = ring_room(members, count, slots);
    memcpy((*into)->owner, owner, slots * sizeof *owner);
    return ERR_OK;
}

void ring_free(struct ring **r)
{
    struct ring *old = *r;

    *r = NULL;
    if (!old)
        return;
    free(old->member);
    free(old->owner);
    free(old);
}

uint32_t ring_slot(const struct ring *r, uint64_t key)
{
    uint64_t name = htole64(key);

    /* the upper bits: a table of four times as many slots splits each of these in four */
    return (uint32_t)(((XXH3_64bits_withSeed(&name, sizeof name, RING_SEED_KEY) >> 32) * r->slots) >> 32);
}

static const struct ring_member *ring_owner(const struct ring *r, uint32_t slot)
{
    uint16_t k = r->owner[slot];

    return k == RING_NOBODY ? NULL : &r->member[k];
}

const struct ring_member *ring_home(const struct ring *r, uint64_t key)
{
    return ring_owner(r, ring_slot(r, key));
}

bool ring_moved(const struct ring *before, const struct ring *after, uint32_t slot)
{
    CHECK(slot < after->slots);
    const struct ring_member *now = ring_owner(after, slot);
    const struct ring_member *then =
        ring_owner(before, (uint32_t)((uint64_t)slot * before->slots / after->slots));

    return now && then ? now->id != then->id : now != then;
}

uint32_t ring_moves(const struct ring *before, const struct ring *after)
{
    uint32_t moves = 0;

    for (uint32_t slot = 0; slot < after->slots; slot++)
        moves += ring_moved(before, after, slot);
    return moves;
}
