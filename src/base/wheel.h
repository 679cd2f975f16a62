/* base/wheel.h - who is due when: a hierarchical timing wheel
 *
 * Times are ticks since any beginning (the loop's are milliseconds). Setting and clearing cost the same however many
 * entries there are; an entry is moved to a finer level at most once a level before it is due.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { WHEEL_BITS = 6, WHEEL_SLOTS = 1 << WHEEL_BITS, WHEEL_LEVELS = 11 }; /* 66 bits: nothing is too far */

struct wheel_link {
    struct wheel_link *next, *prev; /* a ring through the head of its list */
};
/* The caller's, until it is taken or cleared; must not move while set. All zero: not set. */
struct wheel_entry {
    struct wheel_link link;         /* first; next NULL: not set */
    uint64_t due;
};
struct wheel {
    uint64_t now;                   /* as told last */
    uint32_t levels;                /* bit: the level has entries */
    uint64_t used[WHEEL_LEVELS];    /* bit: the slot has entries */
    struct wheel_link slot[WHEEL_LEVELS][WHEEL_SLOTS];
    struct wheel_link late;         /* was due already when it was set */
    struct wheel_link due;          /* to be taken */
};

/* Must not move from here on. */
void wheel_init(struct wheel *w, uint64_t now);
/* e becomes due with the first wheel_advance() from here on that tells due or later. Set again: replaces. */
void wheel_set(struct wheel *w, struct wheel_entry *e, uint64_t due);
void wheel_clear(struct wheel *w, struct wheel_entry *e); /* unset is fine; w is not looked at then */
static inline bool wheel_is_set(const struct wheel_entry *e)
{
    return e->link.next;
}
/* False: nothing is set. Else nothing is due before *at; perhaps nothing is due at *at either, but advancing to it
 * makes the next answer a better one (exact after WHEEL_LEVELS of them). */
bool wheel_next(const struct wheel *w, uint64_t *at);
/* It is now (a time before the last one told counts as that). What is due can be taken. */
void wheel_advance(struct wheel *w, uint64_t now);
/* The next that is due, no longer set: by due time, and of one time in the order of setting. NULL: no more. What is
 * set meanwhile waits for the next wheel_advance(). */
struct wheel_entry *wheel_take(struct wheel *w);
