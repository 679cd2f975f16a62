/* live/channel.h - what one receiver gets next: from its place in the inbox on, in order and without a gap
 *
 * A channel is the same for every way to receive. It pulls: what is next is at hand at the hub or is read from
 * the inbox, and only when the receiver has room; nothing is queued for it. A live event rides along only if its
 * number is the next one. Signals are handed on beside the events, and dropped for a receiver without room.
 */
#pragma once
#include "base/loop.h"
#include "live/hub.h"
#include "model/cursor.h"
#include "store/inbox.h"

struct channel;

/* Events in a row, valid during the call: count of them up to and with the cursor's place. Either rows (read) or
 * encoded (at hand; without "i"). And signals. */
struct channel_batch {
    struct cursor cursor;
    uint32_t count;
    bool more;                      /* there is more already */
    const struct inbox_row *rows;
    const struct blob *const *encoded;
    const struct blob *const *signals;      /* signals_count of them, each a whole {"signal":{...}}; beside the
                                             * events: they have no place, and may be dropped */
    uint32_t signals_count;
};
/* The place of number k of a batch. */
static inline struct inbox_seq channel_batch_i(const struct channel_batch *b, uint32_t k)
{
    return (struct inbox_seq){ b->cursor.i.n - b->count + 1 + k };
}

/* The receiver's side; called from steps of ops. */
struct channel_kind {
    const char *name;
    enum hub_kind hub;
    /* The first call comes when the cursor was found good, perhaps without events; later ones have some, or
     * signals. False: no room for more until channel_room(), and signals are dropped. May call channel_end(). */
    bool (*batch)(struct channel *ch, const struct channel_batch *b);
    /* Once, the last call: why as it was given to channel_end(), or by the hub (hub_watch()), or what went wrong
     * with the first reading: ERR_RESYNC, ERR_STORE_DOWN, ERR_BUSY, ERR_TIMEOUT. The receiver may be freed. */
    void (*ended)(struct channel *ch, enum err why);
};

/* What all channels of a node share. */
struct channel_place {
    struct ops *ops;
    struct loop *loop;
    struct store *store;
    struct hub *hub;
};

/* Embedded in the receiver; zero before channel_start(). */
struct channel {
    struct op op;                   /* first */
    const struct channel_kind *kind;
    const struct channel_place *place;
    struct hub_watcher watcher;
    struct cursor at;               /* what was handed on */
    struct inbox_seq known;         /* the newest place that a reading told of */
    uint32_t events_max, bytes_max; /* of a batch */
    enum err end;                   /* why it ends; 0: it goes on */
    bool has_begun, has_room, is_waiting;
    struct channel_reading *reading;        /* NULL: it does not read */
    struct loop_timer *again;       /* a reading failed: the stream stays, and tries again; NULL: none ever did */
};

/* Starts with what is behind the cursor (is_now: behind the newest). events_max, bytes_max: bounds of a batch. */
void channel_start(struct channel *ch, const struct channel_place *place, const struct channel_kind *kind,
                   struct user_id user, struct device_id device, struct cursor after);
/* The receiver can take more. */
void channel_room(struct channel *ch);
/* ended() comes on a later step; twice is fine, the first reason stays. */
void channel_end(struct channel *ch, enum err why);
/* The newest place that it knows of: for heartbeats. */
struct cursor channel_newest(const struct channel *ch);
