/* base/wheel.c - slots of 1, 64, 4096 ... ticks
 *
 * An entry lies on the level of the highest group of six bits in which its time differs from now, in the slot that
 * this group names. So everything on a level is due before everything on the level above, a level's slots lie ahead
 * of now, and when now enters a slot its entries move to lower levels. Entries of one time are always in one list,
 * in the order in which they were set.
 */
#include "base/wheel.h"

#include "base/check.h"
#include <stddef.h>

static void wheel_empty(struct wheel_link *head)
{
    head->next = head->prev = head;
}

static void wheel_append(struct wheel_link *head, struct wheel_link *l)
{
    l->next = head;
    l->prev = head->prev;
    head->prev->next = l;
    head->prev = l;
}

/* All of from to the end of into. */
static void wheel_splice(struct wheel_link *into, struct wheel_link *from)
{
    if (from->next == from)
        return;
    from->next->prev = into->prev;
    into->prev->next = from->next;
    from->prev->next = into;
    into->prev = from->prev;
    wheel_empty(from);
}

void wheel_init(struct wheel *w, uint64_t now)
{
    *w = (struct wheel){ .now = now };
    for (unsigned level = 0; level < WHEEL_LEVELS; level++)
        for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
            wheel_empty(&w->slot[level][slot]);
    wheel_empty(&w->late);
    wheel_empty(&w->due);
}

/* Nothing is left in it. */
static void wheel_unmark(struct wheel *w, unsigned level, unsigned slot)
{
    w->used[level] &= ~((uint64_t)1 << slot);
    if (!w->used[level])
        w->levels &= ~(1u << level);
}

/* Where a time after now belongs. */
static void wheel_put(struct wheel *w, struct wheel_entry *e)
{
    unsigned level = (63 - (unsigned)__builtin_clzll(e->due ^ w->now)) / WHEEL_BITS;
    unsigned slot = (unsigned)(e->due >> level * WHEEL_BITS) & (WHEEL_SLOTS - 1);

    wheel_append(&w->slot[level][slot], &e->link);
    w->used[level] |= (uint64_t)1 << slot;
    w->levels |= 1u << level;
}

void wheel_set(struct wheel *w, struct wheel_entry *e, uint64_t due)
{
    wheel_clear(w, e);
    e->due = due;
    if (due <= w->now)
        wheel_append(&w->late, &e->link);
    else
        wheel_put(w, e);
}

void wheel_clear(struct wheel *w, struct wheel_entry *e)
{
    struct wheel_link *head = e->link.next;

    if (!head)
        return;
    e->link.prev->next = e->link.next;
    e->link.next->prev = e->link.prev;
    e->link = (struct wheel_link){ NULL, NULL };
    /* Alone in its ring is only a head; one of a slot is known by where it lies. */
    const struct wheel_link *first = &w->slot[0][0];
    if (head->next == head && head >= first && head < first + WHEEL_LEVELS * WHEEL_SLOTS) {
        unsigned n = (unsigned)(head - first);
        wheel_unmark(w, n / WHEEL_SLOTS, n % WHEEL_SLOTS);
    }
}

/* The first slot that has entries; false: none has. */
static bool wheel_first(const struct wheel *w, unsigned *level, unsigned *slot, uint64_t *start)
{
    if (!w->levels)
        return false;
    *level = (unsigned)__builtin_ctz(w->levels);
    *slot = (unsigned)__builtin_ctzll(w->used[*level]);
    unsigned shift = *level * WHEEL_BITS;
    uint64_t above = *level == WHEEL_LEVELS - 1 ? 0 : w->now >> (shift + WHEEL_BITS) << (shift + WHEEL_BITS);
    *start = above | (uint64_t)*slot << shift;
    return true;
}

bool wheel_next(const struct wheel *w, uint64_t *at)
{
    unsigned level, slot;

    if (w->due.next != &w->due || w->late.next != &w->late) {
        *at = w->now;
        return true;
    }
    return wheel_first(w, &level, &slot, at);
}

void wheel_advance(struct wheel *w, uint64_t now)
{
    struct wheel_link moving;
    unsigned level, slot;
    uint64_t start;

    wheel_splice(&w->due, &w->late);
    while (wheel_first(w, &level, &slot, &start) && start <= now) {
        CHECK(start > w->now);
        w->now = start;
        wheel_unmark(w, level, slot);
        if (level == 0) {
            wheel_splice(&w->due, &w->slot[0][slot]);
            continue;
        }
        wheel_empty(&moving);
        wheel_splice(&moving, &w->slot[level][slot]);
        for (struct wheel_link *l = moving.next, *next; l != &moving; l = next) {
            struct wheel_entry *e = (struct wheel_entry *)l;
            next = l->next;
            if (e->due == start)
                wheel_append(&w->due, l);
            else
                wheel_put(w, e);
        }
    }
    if (now > w->now)
        w->now = now;
}

struct wheel_entry *wheel_take(struct wheel *w)
{
    struct wheel_entry *e = (struct wheel_entry *)w->due.next;

    if (w->due.next == &w->due)
        return NULL;
    wheel_clear(w, e);
    return e;
}
