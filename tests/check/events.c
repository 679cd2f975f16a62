/* check/events.c - each event against the row of its inbox; each device against its whole inbox */
#include "check/events.h"
#include "model/event.h"
#include <inttypes.h>
#include <stdlib.h>

enum { EVENTS_NO_WAY = DEVICES_OPEN };

static uint32_t events_way(const struct device *d, uint64_t connection)
{
    uint32_t k = 0;

    while (k < d->open && d->way[k].connection != connection)
        k++;
    return k < d->open ? k : EVENTS_NO_WAY;
}

static void events_take_opened(struct events *e, struct device *d, const struct history_record *r)
{
    e->f->opened++;
    d->has_opened = true;
    d->asks_at_times = text_equal(r->text, text_of(HISTORY_PAUSES));
    if (r->i == HISTORY_NOW && !d->now_ns)
        d->now_ns = r->ns;
    if (r->i != HISTORY_NOW && (!d->has_start || r->i < d->start)) {
        d->start = r->i;
        d->has_start = true;
    }
    if (events_way(d, r->connection) != EVENTS_NO_WAY || d->open == DEVICES_OPEN) {
        verdict_bad(e->v, VERDICT_HISTORY, r->ns,
                    "device %" PRIu64 " of user %" PRIu64 " opened way %" PRIu64 " %s", d->id, d->user,
                    r->connection, d->open == DEVICES_OPEN ? "and closes none" : "twice");
        return;
    }
    d->way[d->open].connection = r->connection;
    d->way[d->open++].next = r->i == HISTORY_NOW ? HISTORY_NOW : r->i + 1;
}

static void events_take_closed(struct events *e, struct device *d, const struct history_record *r)
{
    uint32_t k = events_way(d, r->connection);

    if (k == EVENTS_NO_WAY)
        verdict_bad(e->v, VERDICT_HISTORY, r->ns,
                    "device %" PRIu64 " of user %" PRIu64 " closed way %" PRIu64 ", which was not open",
                    d->id, d->user, r->connection);
    else
        d->way[k] = d->way[--d->open];
}

/* Only a lost tail of the database is a reason for a resync. */
static void events_take_resync(struct events *e, struct device *d, const struct history_record *r)
{
    e->f->resyncs++;
    d->is_resynced = true;
    for (uint32_t k = 0; k < d->open; k++)
        d->way[k].next = HISTORY_NOW;
    if (!faultlog_has_kind(e->faults, "timeline", r->ns))
        verdict_bad(e->v, VERDICT_I5, r->ns,
                    "device %" PRIu64 " of user %" PRIu64 " was told to resync to %" PRIu64 ".%" PRIu64
                    ", and the database lost nothing",
                    d->id, d->user, r->timeline, r->i);
}

/* Where an i stands in the inbox; SIZE_MAX: nowhere. */
static size_t events_place(const struct events *e, const struct device *d, uint64_t i)
{
    const struct database_user *u = d->inbox;
    const uint64_t *at = &e->d->inbox_i[u ? u->first : 0];
    size_t low = 0, high = u ? u->count : 0;

    if (i && i - 1 < high && at[i - 1] == i)
        return i - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at[middle] < i)
            low = middle + 1;
        else
            high = middle;
    }
    return u && low < u->count && at[low] == i ? low : SIZE_MAX;
}

static const char *events_differ_own(const struct database_own *own, const struct history_record *r)
{
    return r->event != own->kind                  ? "is of another kind"
           : r->conversation != own->conversation ? "is of another conversation"
                                                  : NULL;
}

static const char *events_differ(const struct database *d, const struct database_message *m,
                                 const struct history_record *r)
{
    return r->event != m->kind                                      ? "is of another kind"
           : r->conversation != d->conversation[m->conversation].id ? "is of another conversation"
           : r->seq != m->seq                                       ? "has another seq"
           : r->id != m->id                                         ? "has another id"
           : r->from != m->sender                                   ? "is of another sender"
           : r->key.high != m->key.high || r->key.low != m->key.low ? "has another key"
           : r->hash != m->hash                                     ? "has another text"
                                                                    : NULL;
}

static void events_measure(struct events *e, const struct device *d, struct database_message *m,
                           const struct history_record *r)
{
    if (r->ns < m->known_ns)
        m->known_ns = r->ns;
    if (m->sent_ns && r->ns > m->sent_ns)
        figures_add(&e->f->delivered, r->ns - m->sent_ns);
    if (m->acked_ns && !d->asks_at_times && r->ns > m->acked_ns + e->late_ns)
        e->f->late_unexplained += !figures_late(e->f, (size_t)(d - e->devices->device), m->acked_ns, r->ns);
}

/* Against the row of the inbox. */
static void events_compare(struct events *e, struct device *d, const struct history_record *r)
{
    size_t place = events_place(e, d, r->i);
    const char *problem = "is not in the inbox";
    bool is_first = false;

    if (place != SIZE_MAX) {
        uint32_t row = e->d->inbox_row[d->inbox->first + place];
        if (!d->seen) {
            d->seen = calloc(d->inbox->count / 64 + 1, sizeof *d->seen);
            CHECK(d->seen);
        }
        is_first = !(d->seen[place / 64] >> place % 64 & 1);
        d->seen[place / 64] |= UINT64_C(1) << place % 64;
        problem = NULL;
        if (row != DATABASE_STRAY && row & DATABASE_OWN)
            problem = events_differ_own(&e->d->own[row & ~DATABASE_OWN], r);
        else if (row != DATABASE_STRAY)
            problem = events_differ(e->d, &e->d->message[row], r);
        if (!problem && row < DATABASE_OWN && is_first)
            events_measure(e, d, &e->d->message[row], r);
    }
    if (problem && !d->is_resynced)
        verdict_bad(e->v, VERDICT_I5, r->ns,
                    "device %" PRIu64 " of user %" PRIu64 " got i %" PRIu64 ", %" PRIu64 "/%" PRIu64
                    ": it %s",
                    d->id, d->user, r->i, r->conversation, r->seq, problem);
}

static void events_take_event(struct events *e, struct device *d, const struct history_record *r)
{
    uint32_t k = events_way(d, r->connection);
    uint32_t n = database_conversation(e->d, r->conversation);

    e->f->deliveries++;
    verdict_checked(e->v, VERDICT_I5);
    if (k == EVENTS_NO_WAY) {
        verdict_bad(e->v, VERDICT_HISTORY, r->ns,
                    "device %" PRIu64 " of user %" PRIu64 " got i %" PRIu64 " on way %" PRIu64
                    ", which was not open",
                    d->id, d->user, r->i, r->connection);
    } else {
        uint64_t next = d->way[k].next;
        if (next != HISTORY_NOW && r->i != next)
            verdict_bad(e->v, VERDICT_I5, r->ns,
                        "device %" PRIu64 " of user %" PRIu64 " got i %" PRIu64 " on way %" PRIu64
                        ", %s: %" PRIu64 " was next",
                        d->id, d->user, r->i, r->connection,
                        r->i > next ? "which skips" : "which came already", next);
        d->way[k].next = r->i + 1;
        if (!d->has_start) {
            d->start = r->i - 1;
            d->has_start = true;
        }
    }
    if (r->seq) {
        verdict_checked(e->v, VERDICT_I11);
        if (n == INDEX_NONE || !spans_find(e->spans, &e->d->conversation[n], d->user, r->seq))
            verdict_bad(e->v, VERDICT_I11, r->ns,
                        "device %" PRIu64 " of user %" PRIu64 " got %" PRIu64 "/%" PRIu64
                        ", of which they are no member then",
                        d->id, d->user, r->conversation, r->seq);
    }
    events_compare(e, d, r);
}

void events_take(struct events *e, const struct history_record *r)
{
    struct device *d = r->kind == HISTORY_MEMBER ? NULL : devices_of(e->devices, r);

    if (d && r->ns > d->newest_ns)
        d->newest_ns = r->ns;
    if (r->kind == HISTORY_OPENED)
        events_take_opened(e, d, r);
    else if (r->kind == HISTORY_EVENT)
        events_take_event(e, d, r);
    else if (r->kind == HISTORY_CLOSED)
        events_take_closed(e, d, r);
    else if (r->kind == HISTORY_RESYNC)
        events_take_resync(e, d, r);
}

static bool events_has_seen(const struct device *d, size_t k)
{
    return d->seen && (d->seen[k / 64] >> k % 64 & 1);
}

/* A row that a device had to get: behind its start, or (when it began wherever the head was and got nothing) surely sent
 * after that. */
static bool events_is_wanted(const struct events *e, const struct device *d, size_t k)
{
    uint32_t row = e->d->inbox_row[d->inbox->first + k];

    if (d->has_start)
        return e->d->inbox_i[d->inbox->first + k] > d->start;
    return d->now_ns && row < DATABASE_OWN && e->d->message[row].sent_ns > d->now_ns;
}

/* The first row that a device never got; SIZE_MAX: none. Who is gone need not have what came after its last one. */
static size_t events_missing(const struct events *e, const struct device *d, size_t *count)
{
    size_t first = SIZE_MAX, end = d->inbox ? d->inbox->count : 0;

    *count = 0;
    while (d->is_gone && end > 0 && !events_has_seen(d, end - 1))
        end--;
    for (size_t k = 0; k < end; k++) {
        if (!events_is_wanted(e, d, k) || events_has_seen(d, k))
            continue;
        first = first == SIZE_MAX ? k : first;
        ++*count;
    }
    return first;
}

static void events_end_device(struct events *e, const struct device *d)
{
    size_t count, first;

    e->f->devices++;
    e->f->gone += d->is_gone;
    if (!d->inbox)
        verdict_bad(e->v, VERDICT_HISTORY, 0, "device %" PRIu64 " is of user %" PRIu64 ", who has no mailbox",
                    d->id, d->user);
    if (d->is_resynced)
        return;
    if (!d->has_opened && !d->is_gone)
        verdict_bad(e->v, VERDICT_I5, 0,
                    "device %" PRIu64 " of user %" PRIu64 " never opened a way to receive", d->id, d->user);
    first = events_missing(e, d, &count);
    if (first != SIZE_MAX)
        verdict_bad(e->v, VERDICT_I5, d->newest_ns,
                    "device %" PRIu64 " of user %" PRIu64
                    " never got %zu of its inbox, the first of them i %" PRIu64 " (head %" PRIu64
                    "); it was last heard of",
                    d->id, d->user, count, e->d->inbox_i[d->inbox->first + first], d->inbox->last_i);
}

void events_end(struct events *e)
{
    for (const struct device *d = e->devices->device; d < e->devices->device + e->devices->count; d++)
        events_end_device(e, d);
}
