/* live/hub.c - a table of users who have somebody here, each with a ring of the newest events and one of signals
 *
 * A user enters with the first watcher and stays for LIMIT_TAIL_MS after the last: a long poll that was answered
 * comes back at once, and what came meanwhile is at hand. The list of recent users, oldest first, is what the
 * sweep walks along; it holds everybody with a tail, and everybody without watchers. Among other nodes there are two
 * lists more: of those who entered, and of those who left and are kept until that was told.
 */
#include "live/hub.h"
#include "base/check.h"
#include "live/signals.h"
#include "live/tail.h"
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

struct hub_user {
    uint64_t user;
    struct hub_watcher *first;
    struct tail tail;
    struct signals *signals; /* NULL: there was none, and nobody was away */
    uint64_t timeline; /* of the last reading, */
    struct inbox_seq read; /* which found this to be the newest, */
    uint64_t read_ms; /* then; 0: there was none */
    uint64_t doubts; /* that there had been */
    bool is_recent, is_settled, is_entered;
    uint64_t recent_ms;
    TAILQ_ENTRY(hub_user) recent, entered; /* entered: also the list of those who left */
    UT_hash_handle hh;
};
TAILQ_HEAD(hub_users, hub_user);

struct hub {
    struct loop *loop;
    struct hub_user *users;
    struct hub_users recent, entered, left;
    bool is_alone;
    uint32_t count;
    size_t tails_bytes;
    uint64_t signals_dropped;
};

struct hub *hub_new(struct loop *l)
{
    struct hub *h = calloc(1, sizeof *h);

    CHECK(h);
    h->loop = l;
    h->is_alone = true;
    TAILQ_INIT(&h->recent);
    TAILQ_INIT(&h->entered);
    TAILQ_INIT(&h->left);
    return h;
}

static void hub_drop_tail(struct hub *h, struct hub_user *u)
{
    h->tails_bytes -= u->tail.bytes;
    tail_drop(&u->tail);
}

static const struct signals *hub_signals(const struct hub_user *u)
{
    static const struct signals none;

    return u->signals ? u->signals : &none;
}

static struct signals *hub_signals_of(struct hub_user *u)
{
    if (!u->signals)
        u->signals = calloc(1, sizeof *u->signals);
    CHECK(u->signals);
    return u->signals;
}

/* Their numbers go on while somebody watches. */
static void hub_drop_signals(struct hub *h, struct hub_user *u)
{
    if (!u->signals)
        return;
    h->tails_bytes -= u->signals->bytes;
    signals_drop(u->signals);
    if (u->first)
        return;
    free(u->signals);
    u->signals = NULL;
}

/* Nobody is here any more: freed when the others know, if they know of it at all. */
static void hub_leave(struct hub *h, struct hub_user *u)
{
    bool is_told = !h->is_alone && !u->is_entered;

    if (u->is_entered)
        TAILQ_REMOVE(&h->entered, u, entered);
    if (is_told)
        TAILQ_INSERT_TAIL(&h->left, u, entered);
    else
        free(u);
}

/* Not recent any more: without a tail, and gone when nobody watches. */
static void hub_forget(struct hub *h, struct hub_user *u)
{
    hub_drop_tail(h, u);
    hub_drop_signals(h, u);
    if (u->is_recent)
        TAILQ_REMOVE(&h->recent, u, recent);
    u->is_recent = false;
    if (u->first)
        return;
    HASH_DEL(h->users, u);
    hub_leave(h, u);
}

static void hub_sweep(struct hub *h)
{
    struct hub_user *u;

    while ((u = TAILQ_FIRST(&h->recent)) &&
           (u->recent_ms + LIMIT_TAIL_MS < loop_now_ms(h->loop) || h->tails_bytes > LIMIT_TAILS_BYTES))
        hub_forget(h, u);
}

static void hub_is_recent(struct hub *h, struct hub_user *u)
{
    if (u->is_recent)
        TAILQ_REMOVE(&h->recent, u, recent);
    u->is_recent = true;
    u->recent_ms = loop_now_ms(h->loop);
    TAILQ_INSERT_TAIL(&h->recent, u, recent);
}

static void hub_forget_left(struct hub *h)
{
    struct hub_user *u;

    while ((u = TAILQ_FIRST(&h->left))) {
        TAILQ_REMOVE(&h->left, u, entered);
        free(u);
    }
}

void hub_free(struct hub **h)
{
    struct hub_user *u;

    if (!*h)
        return;
    CHECK((*h)->count == 0);
    while ((u = TAILQ_FIRST(&(*h)->recent)))
        hub_forget(*h, u);
    CHECK(!(*h)->users && (*h)->tails_bytes == 0);
    hub_forget_left(*h);
    free(*h);
    *h = NULL;
}

uint32_t hub_count(const struct hub *h)
{
    return h->count;
}

static struct hub_user *hub_find(const struct hub *h, struct user_id user)
{
    struct hub_user *u;

    HASH_FIND(hh, h->users, &user.n, sizeof user.n, u);
    return u;
}

static void hub_enter(struct hub *h, struct hub_user *u)
{
    if (h->is_alone || u->is_entered)
        return;
    u->is_entered = true;
    TAILQ_INSERT_TAIL(&h->entered, u, entered);
}

static struct hub_user *hub_find_or_add(struct hub *h, struct user_id user)
{
    struct hub_user *u = hub_find(h, user);

    if (u)
        return u;
    u = calloc(1, sizeof *u);
    CHECK(u);
    u->user = user.n;
    u->is_settled = h->is_alone;
    hub_enter(h, u);
    HASH_ADD(hh, h->users, user, sizeof u->user, u);
    return u;
}

/* The list is newest first, so whoever is counted beyond the bound is the oldest. */
static void hub_make_room(const struct hub_user *u, const struct hub_watcher *w)
{
    uint32_t channels = 1;

    for (struct hub_watcher *other = u->first; other; other = other->next) {
        if (other->device.n != w->device.n)
            continue;
        bool is_second_poll = w->kind == HUB_POLL && other->kind == HUB_POLL;
        if (is_second_poll || ++channels > LIMIT_CHANNELS)
            other->end(other, ERR_WAIT_OVER);
    }
}

void hub_watch(struct hub *h, struct hub_watcher *w)
{
    struct hub_user *u = hub_find_or_add(h, w->user);

    CHECK(!w->at);
    hub_make_room(u, w);
    w->at = u;
    w->signal = w->kind == HUB_POLL ? signals_enter(hub_signals(u), w->device, loop_now_ms(h->loop))
                                    : hub_signals(u)->end;
    w->next = u->first;
    w->link = &u->first;
    if (w->next)
        w->next->link = &w->next;
    u->first = w;
    h->count++;
    hub_sweep(h);
}

void hub_unwatch(struct hub *h, struct hub_watcher *w)
{
    struct hub_user *u = w->at;

    if (!u)
        return;
    CHECK(h->count > 0);
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->at = NULL;
    h->count--;
    if (w->kind == HUB_POLL)
        signals_leave(hub_signals_of(u), w->device, w->signal, loop_now_ms(h->loop));
    if (!u->first)
        hub_is_recent(h, u);
    hub_sweep(h);
}

static void hub_wake(struct hub_user *u)
{
    for (struct hub_watcher *w = u->first; w; w = w->next)
        w->news(w);
}

void hub_notice(struct hub *h, struct user_id user, struct inbox_seq i, struct blob *encoded)
{
    struct hub_user *u = hub_find(h, user);

    if (!u || i.n <= u->tail.newest.n) /* the answers of two commits may be read in either order */
        return;
    h->tails_bytes -= u->tail.bytes;
    tail_put(&u->tail, i, encoded);
    h->tails_bytes += u->tail.bytes;
    hub_is_recent(h, u);
    hub_sweep(h);
    hub_wake(u);
}

bool hub_head(struct hub *h, struct user_id user, struct inbox_seq i)
{
    struct hub_user *u = hub_find(h, user);

    if (!u)
        return false;
    if (i.n > u->tail.newest.n) {
        h->tails_bytes -= u->tail.bytes;
        tail_skip(&u->tail, i);
        hub_wake(u);
    }
    return true;
}

struct inbox_seq hub_newest(const struct hub_watcher *w)
{
    CHECK(w->at);
    return w->at->tail.newest;
}

const struct blob *hub_event(const struct hub_watcher *w, struct inbox_seq i)
{
    CHECK(w->at);
    return tail_at(&w->at->tail, i);
}

struct inbox_seq hub_known(const struct hub *h, struct user_id user)
{
    const struct hub_user *u = hub_find(h, user);

    if (!u)
        return (struct inbox_seq){ 0 };
    return u->tail.newest.n > u->read.n ? u->tail.newest : u->read;
}

bool hub_has(const struct hub *h, struct user_id user)
{
    return hub_find(h, user);
}

void hub_doubt(struct hub *h, struct user_id user)
{
    struct hub_user *u = hub_find(h, user);

    if (u)
        u->read_ms = 0;
}

void hub_set_alone(struct hub *h, bool is_alone)
{
    if (is_alone == h->is_alone)
        return;
    h->is_alone = is_alone;
    for (struct hub_user *u = h->users; u; u = u->hh.next) {
        u->is_settled = is_alone;
        u->read_ms = 0;
        hub_enter(h, u);
        if (is_alone) {
            u->is_entered = false;
            hub_wake(u);
        }
    }
    if (is_alone) {
        TAILQ_INIT(&h->entered);
        hub_forget_left(h);
    }
}

uint32_t hub_take_left(struct hub *h, struct user_id *into, uint32_t room)
{
    struct hub_user *u;
    uint32_t count = 0;

    while (count < room && (u = TAILQ_FIRST(&h->left))) {
        TAILQ_REMOVE(&h->left, u, entered);
        into[count++].n = u->user;
        free(u);
    }
    return count;
}

uint32_t hub_take_entered(struct hub *h, struct user_id *into, uint32_t room)
{
    struct hub_user *u;
    uint32_t count = 0;

    while (count < room && (u = TAILQ_FIRST(&h->entered))) {
        TAILQ_REMOVE(&h->entered, u, entered);
        u->is_entered = false;
        into[count++].n = u->user;
    }
    return count;
}

void hub_settle(struct hub *h, struct user_id user)
{
    struct hub_user *u = hub_find(h, user);

    if (!u || u->is_settled)
        return;
    u->is_settled = true;
    hub_wake(u);
}

bool hub_is_settled(const struct hub_watcher *w)
{
    CHECK(w->at);
    return w->at->is_settled;
}

void hub_was_read(struct hub *h, const struct hub_watcher *w, struct cursor newest, uint64_t doubts)
{
    struct hub_user *u = w->at;

    CHECK(u);
    if (newest.timeline != u->timeline || newest.i.n > u->read.n)
        u->read = newest.i;
    u->timeline = newest.timeline;
    u->read_ms = loop_now_ms(h->loop);
    u->doubts = doubts;
    hub_head(h, w->user, newest.i); /* other devices of the user may wait for it */
}

bool hub_is_newest(const struct hub *h, const struct hub_watcher *w, struct cursor at, uint64_t doubts)
{
    const struct hub_user *u = w->at;

    CHECK(u);
    if (!u->is_settled || !u->read_ms || u->read_ms + LIMIT_KNOWN_MS < loop_now_ms(h->loop))
        return false;
    return at.timeline == u->timeline && doubts == u->doubts &&
           at.i.n == (u->tail.newest.n > u->read.n ? u->tail.newest.n : u->read.n);
}

/* Whether anybody could take what from sends now. */
static bool hub_is_heard(const struct hub *h, const struct hub_user *u, struct device_id from)
{
    for (const struct hub_watcher *w = u->first; w; w = w->next) {
        if (w->device.n != from.n)
            return true;
    }
    return signals_is_awaited(hub_signals(u), from, loop_now_ms(h->loop));
}

void hub_signal(struct hub *h, struct user_id user, struct device_id from, struct blob *encoded)
{
    struct hub_user *u = hub_find(h, user);

    if (!u || !hub_is_heard(h, u, from))
        return;
    struct signals *s = hub_signals_of(u);
    h->tails_bytes -= s->bytes;
    signals_put(s, from, encoded);
    h->tails_bytes += s->bytes;
    hub_is_recent(h, u);
    hub_sweep(h);
    for (struct hub_watcher *w = u->first; w; w = w->next) {
        if (w->device.n != from.n)
            w->news(w);
    }
}

bool hub_has_signals(const struct hub_watcher *w)
{
    CHECK(w->at);
    return signals_has(hub_signals(w->at), w->device, w->signal);
}

uint32_t hub_take_signals(struct hub *h, struct hub_watcher *w, const struct blob **into)
{
    CHECK(w->at);
    return signals_take(hub_signals(w->at), w->device, &w->signal, into, &h->signals_dropped);
}

uint32_t hub_pass(struct hub *h, struct user_id user, struct device_id device, const struct blob **into)
{
    struct hub_user *u = hub_find(h, user);

    if (!u)
        return 0;
    uint64_t now_ms = loop_now_ms(h->loop), next = signals_enter(hub_signals(u), device, now_ms);
    uint32_t count = signals_take(hub_signals(u), device, &next, into, &h->signals_dropped);

    signals_leave(hub_signals_of(u), device, next, now_ms);
    if (!u->first)
        hub_is_recent(h, u);
    hub_sweep(h);
    return count;
}

void hub_skip_signals(struct hub *h, struct hub_watcher *w)
{
    const struct blob *skipped[LIMIT_SIGNALS];

    h->signals_dropped += hub_take_signals(h, w, skipped);
}

uint64_t hub_signals_dropped(const struct hub *h)
{
    return h->signals_dropped;
}

void hub_revoke(struct hub *h, struct user_id user, struct device_id device)
{
    struct hub_user *u = hub_find(h, user);

    for (struct hub_watcher *w = u ? u->first : NULL; w; w = w->next) {
        if (w->device.n == device.n)
            w->end(w, ERR_UNAUTHORIZED);
    }
}

static void hub_end_part(struct hub *h, enum err why, uint32_t part, uint32_t parts)
{
    for (struct hub_user *u = h->users; u; u = u->hh.next) {
        for (struct hub_watcher *w = u->hh.hashv % parts == part ? u->first : NULL; w; w = w->next)
            w->end(w, why);
    }
}

void hub_end(struct hub *h, uint32_t part, uint32_t parts)
{
    hub_end_part(h, ERR_DRAINING, part, parts);
}

void hub_resync(struct hub *h)
{
    hub_end_part(h, ERR_RESYNC, 0, 1);
    for (struct hub_user *u = h->users, *next; u; u = next) {
        next = u->hh.next;
        hub_drop_tail(h, u);
        u->tail.newest.n = u->read_ms = 0;
        hub_forget(h, u);
    }
}
