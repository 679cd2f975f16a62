/* live/signals.c - a ring of the newest signals that grows to its bound, and a short list of devices that are away */
#include "live/signals.h"
#include "base/check.h"
#include <stdlib.h>

enum { RING_FIRST = 4 };

struct signals_one {
    struct blob *encoded;
    struct device_id from;
};

struct signals_mark {
    struct device_id device;
    uint64_t next, left_ms;
};

static struct signals_one *signals_at(const struct signals *s, uint64_t number)
{
    return &s->ring[number % s->room];
}

static void signals_drop_oldest(struct signals *s)
{
    struct signals_one *one = signals_at(s, s->end - s->count);

    s->bytes -= one->encoded->bytes;
    blob_free(&one->encoded);
    s->count--;
}

static void signals_grow(struct signals *s)
{
    uint32_t room = s->room ? 2 * s->room : RING_FIRST;
    struct signals_one *ring = calloc(room, sizeof *ring);

    CHECK(ring);
    for (uint64_t n = s->end - s->count; n < s->end; n++)
        ring[n % room] = *signals_at(s, n);
    free(s->ring);
    s->ring = ring;
    s->room = room;
}

void signals_put(struct signals *s, struct device_id from, struct blob *encoded)
{
    if (s->count == LIMIT_SIGNALS)
        signals_drop_oldest(s);
    else if (s->count == s->room)
        signals_grow(s);
    *signals_at(s, s->end) = (struct signals_one){ blob_ref(encoded), from };
    s->end++;
    s->count++;
    s->bytes += encoded->bytes;
}

static uint64_t signals_first(const struct signals *s, uint64_t next)
{
    uint64_t oldest = s->end - s->count;

    return next > oldest ? next : oldest;
}

bool signals_has(const struct signals *s, struct device_id device, uint64_t next)
{
    for (uint64_t n = signals_first(s, next); n < s->end; n++) {
        if (signals_at(s, n)->from.n != device.n)
            return true;
    }
    return false;
}

uint32_t signals_take(const struct signals *s, struct device_id device, uint64_t *next,
                      const struct blob **into, uint64_t *lost)
{
    uint64_t first = signals_first(s, *next);
    uint32_t count = 0;

    CHECK(*next <= s->end);
    *lost += first - *next;
    for (uint64_t n = first; n < s->end; n++) {
        if (signals_at(s, n)->from.n != device.n)
            into[count++] = signals_at(s, n)->encoded;
    }
    *next = s->end;
    return count;
}

static struct signals_mark *signals_find(const struct signals *s, struct device_id device)
{
    for (uint32_t k = 0; k < s->marks_count; k++) {
        if (s->marks[k].device.n == device.n)
            return &s->marks[k];
    }
    return NULL;
}

/* The one away longest gives way. */
static struct signals_mark *signals_oldest(const struct signals *s)
{
    struct signals_mark *oldest = s->marks;

    for (uint32_t k = 1; k < s->marks_count; k++) {
        if (s->marks[k].left_ms < oldest->left_ms)
            oldest = &s->marks[k];
    }
    return oldest;
}

void signals_leave(struct signals *s, struct device_id device, uint64_t next, uint64_t now_ms)
{
    struct signals_mark *mark = signals_find(s, device);

    if (!mark && s->marks_count == LIMIT_DEVICES) {
        mark = signals_oldest(s);
    } else if (!mark) {
        s->marks = realloc(s->marks, (s->marks_count + 1) * sizeof *s->marks);
        CHECK(s->marks);
        mark = &s->marks[s->marks_count++];
    }
    *mark = (struct signals_mark){ device, next, now_ms };
}

static bool signals_counts(const struct signals_mark *mark, uint64_t now_ms)
{
    return mark->left_ms + LIMIT_TAIL_MS >= now_ms;
}

uint64_t signals_enter(const struct signals *s, struct device_id device, uint64_t now_ms)
{
    const struct signals_mark *mark = signals_find(s, device);

    return mark && signals_counts(mark, now_ms) ? mark->next : s->end;
}

bool signals_is_awaited(const struct signals *s, struct device_id from, uint64_t now_ms)
{
    for (uint32_t k = 0; k < s->marks_count; k++) {
        if (s->marks[k].device.n != from.n && signals_counts(&s->marks[k], now_ms))
            return true;
    }
    return false;
}

void signals_drop(struct signals *s)
{
    while (s->count > 0)
        signals_drop_oldest(s);
    free(s->ring);
    free(s->marks);
    s->ring = NULL;
    s->marks = NULL;
    s->room = s->marks_count = 0;
}
