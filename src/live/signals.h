/* live/signals.h - a user's newest signals, and how far each device that is away has had them
 *
 * Signals are numbered, in memory only. Whoever receives keeps the number of the next one that is new to it; a
 * device whose poll was answered leaves that number here until it is back.
 */
#pragma once
#include "base/blob.h"
#include "limits.h"
#include "model/id.h"

struct signals {                    /* all zero: none yet */
    struct signals_one *ring;       /* number n at ring[n % room]; NULL: nothing at hand */
    uint32_t room, count;           /* the newest count are at hand; room is a power of 2 */
    uint32_t marks_count;
    struct signals_mark *marks;     /* of devices that are away */
    uint64_t end;                   /* the number of the next one */
    size_t bytes;                   /* of those at hand */
};

/* A reference of encoded, sent by device from, becomes the newest; the oldest of more than LIMIT_SIGNALS goes. */
void signals_put(struct signals *s, struct device_id from, struct blob *encoded);
/* Whether anything at or behind number next is for device: what it sent itself is not. */
bool signals_has(const struct signals *s, struct device_id device, uint64_t next);
/* Those into[LIMIT_SIGNALS], oldest first, borrowed until the next call; how many. *next is behind them then, *lost
 * rises by those that had gone before. */
uint32_t signals_take(const struct signals *s, struct device_id device, uint64_t *next, const struct blob **into,
                      uint64_t *lost);

/* The device goes away, perhaps for a moment; of more than LIMIT_DEVICES the one away longest is forgotten. */
void signals_leave(struct signals *s, struct device_id device, uint64_t next, uint64_t now_ms);
/* It is here: where it goes on. Behind the newest when it is new, or was away for longer than LIMIT_TAIL_MS. */
uint64_t signals_enter(const struct signals *s, struct device_id device, uint64_t now_ms);
/* Whether a device other than from left not longer ago than that. */
bool signals_is_awaited(const struct signals *s, struct device_id from, uint64_t now_ms);

/* Drops what is at hand and who is away; the numbers go on. */
void signals_drop(struct signals *s);
