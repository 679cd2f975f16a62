/* live/channel.c - what one receiver gets next
 *
 *   1 begin   registers at the hub, and waits until the user's home knows, before anything is read: nothing falls between
 *   2 look    what is next? at hand, or a signal: handed on, and again; known of, but not at hand: 3; nothing, or
 *             no room: 5. The first time 3, unless it is known that nothing is behind the cursor
 *   3 read    the inbox behind the cursor                                                     Postgres
 *   4 was     handed on; back to 2. A failure ends a channel that has not begun; later it is tried again
 *   5 wait    for news, room, the next try, or the end; back to 2
 */
#include "live/channel.h"
#include "base/check.h"
#include "base/secret.h"
#include "store/store.h"
#include <stdlib.h>

enum { AGAIN_LEAST_MS = 300, AGAIN_SPREAD_MS = 1200 };

struct channel_reading {
    struct inbox_read read;
    struct arena arena;
    uint64_t doubts; /* when it began */
};

static op_step channel_begin, channel_look, channel_was_read;

static void channel_wake(struct channel *ch)
{
    if (!ch->is_waiting)
        return;
    ch->is_waiting = false;
    op_wake(&ch->op, ERR_OK);
}

static struct channel *channel_of(struct hub_watcher *w)
{
    return (struct channel *)((char *)w - offsetof(struct channel, watcher));
}

static void channel_news(struct hub_watcher *w)
{
    channel_wake(channel_of(w));
}

static void channel_hub_end(struct hub_watcher *w, enum err why)
{
    channel_end(channel_of(w), why);
}

static void channel_again(void *ctx)
{
    channel_wake(ctx);
}

static void channel_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static void channel_free(struct op *op)
{
    struct channel *ch = (struct channel *)op;

    ch->kind->ended(ch, ch->end);
}

static const struct op_kind channel_kind = { .name = "channel", .free = channel_free };

void channel_start(struct channel *ch, const struct channel_place *place, const struct channel_kind *kind,
                   struct user_id user, struct device_id device, struct cursor after)
{
    CHECK(ch->events_max > 0 && ch->bytes_max > 0);
    ch->place = place;
    ch->kind = kind;
    ch->at = after;
    ch->has_room = true;
    ch->watcher = (struct hub_watcher){
        .user = user, .device = device, .kind = kind->hub, .news = channel_news, .end = channel_hub_end
    };
    op_start(place->ops, &ch->op, &channel_kind, channel_begin, channel_done, ch);
}

void channel_room(struct channel *ch)
{
    ch->has_room = true;
    channel_wake(ch);
}

void channel_end(struct channel *ch, enum err why)
{
    if (!ch->end)
        ch->end = why;
    channel_wake(ch);
}

static struct inbox_seq channel_later(struct inbox_seq a, struct inbox_seq b)
{
    return a.n > b.n ? a : b;
}

struct cursor channel_newest(const struct channel *ch)
{
    struct cursor c = ch->at;

    c.i = channel_later(c.i, ch->known);
    if (ch->watcher.at)
        c.i = channel_later(c.i, hub_newest(&ch->watcher));
    return c;
}

static void channel_finish(struct channel *ch)
{
    if (ch->again)
        loop_timer_clear(ch->again);
    free(ch->again);
    hub_unwatch(ch->place->hub, &ch->watcher);
    op_finish(&ch->op, ERR_OK);
}

static void channel_begin(struct op *op, enum err err)
{
    struct channel *ch = (struct channel *)op;

    CHECK(!err);
    if (!ch->end)
        hub_watch(ch->place->hub, &ch->watcher);
    /* Not at once: of many that begin in one turn, those that are too many end before they cost anything. */
    op_then(op, channel_look);
    op_wake(op, ERR_OK);
}

static void channel_hand_on(struct channel *ch, struct channel_batch *b)
{
    const struct blob *signals[LIMIT_SIGNALS];

    ch->at.i.n += b->count;
    b->signals_count = hub_take_signals(ch->place->hub, &ch->watcher, signals);
    b->signals = signals;
    b->cursor = ch->at;
    b->more = channel_newest(ch).i.n > ch->at.i.n;
    ch->has_begun = true;
    ch->has_room = ch->kind->batch(ch, b);
}

/* Of another timeline than the cursor's: the numbers at hand mean something else. */
static bool channel_is_void(const struct channel *ch)
{
    uint64_t timeline = store_timeline(ch->place->store);

    return timeline && !ch->at.is_now && ch->at.timeline != timeline;
}

/* Commits that nobody heard of, perhaps: their outcome was lost, or somebody repeated what was lost. */
static uint64_t channel_doubts(const struct channel *ch)
{
    struct store_stats s;

    store_stats_read(ch->place->store, &s);
    return s.unknown_outcomes + s.duplicates + s.reconnects;
}

/* Nobody is to be asked whether the cursor is good, and nothing is behind it: a poll that comes back at once. */
static bool channel_may_begin(const struct channel *ch)
{
    return store_timeline(ch->place->store) == ch->at.timeline &&
           hub_is_newest(ch->place->hub, &ch->watcher, ch->at, channel_doubts(ch));
}

/* Whether a batch without events has a reason. */
static bool channel_has_reason(const struct channel *ch)
{
    return ch->has_begun ? hub_has_signals(&ch->watcher) : channel_may_begin(ch);
}

/* Hands on what is at hand; false: nothing is. */
static bool channel_ride(struct channel *ch)
{
    const struct blob *ride[LIMIT_TAIL_EVENTS];
    struct channel_batch b = { .encoded = ride };
    size_t bytes = 0;

    if (ch->at.is_now)
        return false;
    while (b.count < LIMIT_TAIL_EVENTS && b.count < ch->events_max) {
        const struct blob *next = hub_event(&ch->watcher, (struct inbox_seq){ ch->at.i.n + b.count + 1 });

        if (!next || (b.count > 0 && bytes + next->bytes > ch->bytes_max))
            break;
        bytes += next->bytes;
        ride[b.count++] = next;
    }
    if (b.count == 0 && !channel_has_reason(ch))
        return false;
    channel_hand_on(ch, &b);
    return true;
}

static void channel_read(struct channel *ch)
{
    struct channel_reading *r = calloc(1, sizeof *r);

    CHECK(r);
    ch->reading = r;
    r->doubts = channel_doubts(ch);
    r->read.arena = &r->arena;
    r->read.limit = ch->at.is_now ? 0 : ch->events_max;
    r->read.bytes_max = ch->bytes_max;
    store_inbox_after(ch->place->store, ch->watcher.user, ch->at.i, &r->read,
                      op_then(&ch->op, channel_was_read));
}

static void channel_wait(struct channel *ch)
{
    ch->is_waiting = true;
    op_then(&ch->op, channel_look);
}

/* Its user is registered at home; one that has begun goes on whatever becomes of that. */
static bool channel_is_settled(const struct channel *ch)
{
    return ch->has_begun || hub_is_settled(&ch->watcher);
}

/* All that is at hand is handed on. */
static void channel_ride_on(struct channel *ch)
{
    while (!ch->end && ch->has_room) {
        if (channel_is_void(ch))
            ch->end = ERR_RESYNC;
        else if (!channel_ride(ch))
            break;
    }
    if (!ch->end && !ch->has_room)
        hub_skip_signals(ch->place->hub, &ch->watcher);
}

static void channel_look(struct op *op, enum err err)
{
    struct channel *ch = (struct channel *)op;
    bool is_settled = ch->end || channel_is_settled(ch);

    CHECK(!err);
    if (is_settled)
        channel_ride_on(ch);
    if (ch->end)
        channel_finish(ch);
    else if (!is_settled || !ch->has_room || (ch->again && ch->again->is_set))
        channel_wait(ch);
    else if (!ch->has_begun || channel_newest(ch).i.n > ch->at.i.n)
        channel_read(ch);
    else
        channel_wait(ch);
}

static void channel_try_again(struct channel *ch)
{
    if (!ch->again) {
        ch->again = calloc(1, sizeof *ch->again);
        CHECK(ch->again);
        loop_timer_init(ch->again, ch->place->loop, channel_again, ch);
    }
    loop_timer_set(ch->again, AGAIN_LEAST_MS + secret_random_u64() % AGAIN_SPREAD_MS);
}

/* A stream outlives the database being away; one that has not begun can still be told. */
static void channel_failed(struct channel *ch, enum err err)
{
    if (!ch->has_begun || !err_may_retry(err))
        channel_end(ch, err);
    else
        channel_try_again(ch);
}

static void channel_take(struct channel *ch, const struct channel_reading *reading)
{
    const struct inbox_read *r = &reading->read;
    struct channel_batch b = { .rows = r->at, .count = r->count };
    bool is_first = !ch->has_begun;

    if (ch->at.is_now)
        ch->at = (struct cursor){ .timeline = r->timeline, .i = r->head };
    ch->known = channel_later(ch->known, r->head);
    hub_was_read(ch->place->hub, &ch->watcher, (struct cursor){ .timeline = r->timeline, .i = r->head },
                 reading->doubts);
    if (r->timeline != ch->at.timeline)
        channel_end(ch, ERR_RESYNC);
    else if (r->count > 0 || is_first)
        channel_hand_on(ch, &b);
    /* Nothing, though there should be something: news that overtook the reading are at hand. Else not at once. */
    if (r->count == 0 && channel_newest(ch).i.n > ch->at.i.n &&
        !hub_event(&ch->watcher, (struct inbox_seq){ ch->at.i.n + 1 }))
        channel_try_again(ch);
}

static void channel_was_read(struct op *op, enum err err)
{
    struct channel *ch = (struct channel *)op;
    struct channel_reading *r = ch->reading;

    ch->reading = NULL;
    if (err)
        channel_failed(ch, err);
    else if (!ch->end)
        channel_take(ch, r);
    arena_fini(&r->arena);
    free(r);
    channel_look(op, ERR_OK);
}
