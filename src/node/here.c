/* node/here.c - a table of users, each in one of five states, and three lists
 *
 *   WAITING      to be registered; in the list of those
 *   ASKED        REGISTER was said; in the list of those, by time
 *   REGISTERED   home answered: its notices come here
 *   UNSURE       home can't be asked, or did not answer: Postgres is, again and again
 *   AT_HOME      this node is the home
 */
#include "node/here.h"
#include "base/check.h"
#include "limits.h"
#include "node/heads.h"
#include "node/scatter.h"
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

enum { HERE_TICK_MS = 100, HERE_LOOK_MS = 1300, HERE_LAST_LOOK_MS = 4000 };
#define HERE_NOWHERE UINT32_MAX

enum here_state { HERE_WAITING, HERE_ASKED, HERE_REGISTERED, HERE_UNSURE, HERE_AT_HOME };

struct here_user {
    uint64_t user;
    uint32_t home, old; /* old: where it is registered still, or HERE_NOWHERE */
    enum here_state state;
    uint8_t rounds;
    uint64_t asked_ms, placed_ms; /* placed: when it entered, or got another home */
    TAILQ_ENTRY(here_user) queue, all; /* queue: those who wait, or those who are asked */
    UT_hash_handle hh;
};
TAILQ_HEAD(here_users, here_user);

struct here {
    struct here_parts parts;
    uint32_t self;
    const struct ring *ring;
    struct here_user *users;
    struct here_users waiting, asked, all;
    uint64_t table_ms; /* when the newest table came */
    struct loop_timer tick, unsure, look, last_look;
    struct here_stats stats;
};

static void here_tick(void *ctx);
static void here_unsure(void *ctx);
static void here_look(void *ctx);

struct here *here_new(const struct here_parts *parts)
{
    struct here *h = calloc(1, sizeof *h);

    CHECK(h);
    h->parts = *parts;
    h->self = HERE_NOWHERE;
    TAILQ_INIT(&h->waiting);
    TAILQ_INIT(&h->asked);
    TAILQ_INIT(&h->all);
    loop_timer_init(&h->tick, parts->loop, here_tick, h);
    loop_timer_init(&h->unsure, parts->loop, here_unsure, h);
    loop_timer_init(&h->look, parts->loop, here_look, h);
    loop_timer_init(&h->last_look, parts->loop, here_look, h);
    loop_timer_set(&h->tick, HERE_TICK_MS);
    loop_timer_set(&h->unsure, LIMIT_UNSURE_MS);
    return h;
}

static void here_unqueue(struct here *h, struct here_user *u)
{
    if (u->state == HERE_WAITING)
        TAILQ_REMOVE(&h->waiting, u, queue);
    if (u->state == HERE_ASKED)
        TAILQ_REMOVE(&h->asked, u, queue);
}

static void here_drop(struct here *h, struct here_user *u)
{
    here_unqueue(h, u);
    heads_forget(h->parts.heads, (struct user_id){ u->user });
    TAILQ_REMOVE(&h->all, u, all);
    HASH_DEL(h->users, u);
    free(u);
}

void here_free(struct here **at)
{
    struct here *h = *at;
    struct here_user *u;

    if (!h)
        return;
    while ((u = TAILQ_FIRST(&h->all)))
        here_drop(h, u);
    loop_timer_clear(&h->tick);
    loop_timer_clear(&h->unsure);
    loop_timer_clear(&h->look);
    loop_timer_clear(&h->last_look);
    free(h);
    *at = NULL;
}

static struct here_user *here_find(const struct here *h, uint64_t user)
{
    struct here_user *u;

    HASH_FIND(hh, h->users, &user, sizeof user, u);
    return u;
}

static uint32_t here_home(const struct here *h, uint64_t user)
{
    const struct ring_member *m = h->ring ? ring_home(h->ring, user) : NULL;

    return m ? (uint32_t)m->id : h->self;
}

static void here_become(struct here *h, struct here_user *u, enum here_state state)
{
    here_unqueue(h, u);
    u->state = state;
    if (state == HERE_WAITING)
        TAILQ_INSERT_TAIL(&h->waiting, u, queue);
    if (state == HERE_ASKED)
        TAILQ_INSERT_TAIL(&h->asked, u, queue);
}

static void here_doubt(struct here *h, struct user_id user)
{
    h->stats.doubted++;
    hub_doubt(h->parts.hub, user);
    heads_ask(h->parts.heads, user);
}

/* It may read now. What it has got already, before its home knew of it, may have had a gap that nobody told of. */
static void here_settle(struct here *h, struct here_user *u)
{
    struct user_id user = { u->user };

    here_doubt(h, user);
    hub_settle(h->parts.hub, user);
}

/* Looks for its home, and registers it there if that is another one than before. */
static void here_place(struct here *h, struct here_user *u)
{
    uint32_t home = here_home(h, u->user);

    if (home == u->home)
        return;
    if (u->state == HERE_REGISTERED || u->state == HERE_ASKED)
        u->old = u->home;
    u->home = home;
    u->placed_ms = loop_now_ms(h->parts.loop);
    if (home == u->old) /* back where it never left */
        u->old = HERE_NOWHERE;
    if (home != h->self) {
        here_become(h, u, HERE_WAITING);
        return;
    }
    here_become(h, u, HERE_AT_HOME);
    here_settle(h, u);
}

static void here_enter(struct here *h, uint64_t user)
{
    struct here_user *u = here_find(h, user);

    if (!u) {
        u = calloc(1, sizeof *u);
        CHECK(u);
        u->user = user;
        u->home = u->old = HERE_NOWHERE;
        u->state = HERE_UNSURE;
        HASH_ADD(hh, h->users, user, sizeof u->user, u);
        TAILQ_INSERT_TAIL(&h->all, u, all);
    }
    here_place(h, u);
}

static struct frame_place here_place_of(const struct here_user *u)
{
    return (struct frame_place){ .user = { u->user } };
}

static void here_leave(struct here *h, struct scatter *leave, struct here_user *u)
{
    if (u->home != h->self)
        scatter_add(leave, u->home, here_place_of(u));
    if (u->old != HERE_NOWHERE)
        scatter_add(leave, u->old, here_place_of(u));
    here_drop(h, u);
}

static void here_take_turns(struct here *h)
{
    struct user_id some[SCATTER_ROOM];
    struct frame f = { .type = FRAME_LEAVE };
    struct scatter leave;
    uint32_t count;

    scatter_init(&leave, *h->parts.links, &f, NULL, NULL);
    while ((count = hub_take_left(h->parts.hub, some, SCATTER_ROOM))) {
        for (uint32_t k = 0; k < count; k++) {
            struct here_user *u = here_find(h, some[k].n);
            if (u)
                here_leave(h, &leave, u);
        }
    }
    scatter_send(&leave);
    while ((count = hub_take_entered(h->parts.hub, some, SCATTER_ROOM))) {
        for (uint32_t k = 0; k < count; k++)
            here_enter(h, some[k].n);
    }
}

/* A link that is full drops: that is like a home that does not answer. */
static void here_dropped(void *ctx, uint32_t node)
{
    (void)ctx;
    (void)node;
}

static void here_register(struct here *h)
{
    struct frame f = { .type = FRAME_REGISTER };
    struct scatter reg;
    struct here_user *u;

    scatter_init(&reg, *h->parts.links, &f, here_dropped, h);
    for (uint32_t n = 0; n < LIMIT_REGISTRATIONS_TURN && (u = TAILQ_FIRST(&h->waiting)); n++) {
        if (!links_is_up(*h->parts.links, u->home)) {
            here_become(h, u, HERE_UNSURE);
            here_settle(h, u);
            continue;
        }
        scatter_add(&reg, u->home, here_place_of(u));
        here_become(h, u, HERE_ASKED);
        u->asked_ms = loop_now_ms(h->parts.loop);
    }
    scatter_send(&reg);
}

static void here_give_up(struct here *h)
{
    struct here_user *u;

    while ((u = TAILQ_FIRST(&h->asked)) && u->asked_ms + LIMIT_REGISTER_MS < loop_now_ms(h->parts.loop)) {
        here_become(h, u, HERE_UNSURE);
        h->stats.unsure++;
        here_settle(h, u);
        here_doubt(h, (struct user_id){ u->user });
    }
}

void here_turn(struct here *h)
{
    here_take_turns(h);
    if (!TAILQ_EMPTY(&h->waiting))
        here_register(h);
    here_give_up(h);
}

void here_self(struct here *h, uint32_t self)
{
    h->self = self;
}

void here_alone(struct here *h)
{
    struct here_user *u;

    while ((u = TAILQ_FIRST(&h->all)))
        here_drop(h, u);
}

void here_table(struct here *h, const struct ring *now)
{
    struct here_user *u;

    h->ring = now;
    h->table_ms = loop_now_ms(h->parts.loop);
    TAILQ_FOREACH(u, &h->all, all)
    here_place(h, u);
    loop_timer_set(&h->look, HERE_LOOK_MS);
    loop_timer_set(&h->last_look, HERE_LAST_LOOK_MS);
}

/* Others may have gone by the older table for a while, and told a home that knew nothing of who moved or came since: once
 * when all have had a beat's time to see the newer one, and once when nobody can send by the older one any more. */
static void here_look(void *ctx)
{
    struct here *h = ctx;
    struct here_user *u;

    TAILQ_FOREACH(u, &h->all, all)
    {
        if (u->placed_ms >= h->table_ms)
            here_doubt(h, (struct user_id){ u->user });
    }
}

void here_link_up(struct here *h, uint32_t node)
{
    struct here_user *u;

    TAILQ_FOREACH(u, &h->all, all)
    {
        if (u->home == node && u->state == HERE_UNSURE)
            here_become(h, u, HERE_WAITING);
    }
}

void here_link_down(struct here *h, uint32_t node, bool is_lost)
{
    struct here_user *u;

    TAILQ_FOREACH(u, &h->all, all)
    {
        if (is_lost && u->old == node)
            u->old = HERE_NOWHERE;
        if (u->home != node)
            continue;
        if (is_lost && (u->state == HERE_REGISTERED || u->state == HERE_ASKED)) {
            here_become(h, u, HERE_UNSURE);
            here_settle(h, u);
        }
        here_doubt(h, (struct user_id){ u->user });
    }
}

void here_registered(struct here *h, uint32_t from, const struct frame *f)
{
    struct frame say = { .type = FRAME_LEAVE };
    struct scatter leave;

    scatter_init(&leave, *h->parts.links, &say, NULL, NULL);
    for (uint32_t k = 0; k < f->places; k++) {
        struct frame_place place = frame_place_at(f, k);
        struct here_user *u = here_find(h, place.user.n);

        if (!u || u->home != from || u->state == HERE_WAITING || u->state == HERE_AT_HOME)
            continue; /* whoever is registered already may have left and come back since that was said */
        here_become(h, u, HERE_REGISTERED);
        h->stats.registered++;
        if (u->old != HERE_NOWHERE)
            scatter_add(&leave, u->old, here_place_of(u));
        u->old = HERE_NOWHERE;
        here_settle(h, u);
        if (place.i.n)
            hub_head(h->parts.hub, place.user, place.i);
    }
    scatter_send(&leave);
}

void here_heads(struct here *h, const struct frame *f)
{
    for (uint32_t k = 0; k < f->places; k++) {
        struct frame_place place = frame_place_at(f, k);

        if (hub_known(h->parts.hub, place.user).n < place.i.n)
            h->stats.healed++;
        hub_head(h->parts.hub, place.user, place.i);
    }
}

void here_doubt_home(struct here *h, uint32_t node)
{
    struct here_user *u;

    TAILQ_FOREACH(u, &h->all, all)
    {
        if (u->home == node || u->old == node)
            here_doubt(h, (struct user_id){ u->user });
    }
}

void here_doubt_all(struct here *h)
{
    struct here_user *u;

    TAILQ_FOREACH(u, &h->all, all)
    here_doubt(h, (struct user_id){ u->user });
}

/* Everybody's turn comes once in LIMIT_CHECK_MS: some now. */
static void here_tick(void *ctx)
{
    struct here *h = ctx;
    uint32_t some = HASH_COUNT(h->users) * HERE_TICK_MS / LIMIT_CHECK_MS + 1;
    struct frame f = { .type = FRAME_CHECK };
    struct scatter check;
    struct here_user *u;

    scatter_init(&check, *h->parts.links, &f, NULL, NULL);
    for (; some > 0 && (u = TAILQ_FIRST(&h->all)); some--) {
        struct user_id user = { u->user };

        TAILQ_REMOVE(&h->all, u, all);
        TAILQ_INSERT_TAIL(&h->all, u, all);
        if (++u->rounds % LIMIT_CHECK_ROUNDS == 0)
            here_doubt(h, user);
        else if (u->state == HERE_REGISTERED)
            scatter_add(&check, u->home, (struct frame_place){ user, hub_known(h->parts.hub, user) });
        h->stats.checked++;
    }
    scatter_send(&check);
    loop_timer_set(&h->tick, HERE_TICK_MS);
}

/* Those whose home can't be asked are looked after in Postgres. */
static void here_unsure(void *ctx)
{
    struct here *h = ctx;
    struct here_user *u;

    TAILQ_FOREACH(u, &h->all, all)
    {
        bool is_up = u->state == HERE_AT_HOME || links_is_up(*h->parts.links, u->home);

        if (!is_up || u->state == HERE_UNSURE)
            here_doubt(h, (struct user_id){ u->user });
        if (is_up && u->state == HERE_UNSURE)
            here_become(h, u, HERE_WAITING);
    }
    loop_timer_set(&h->unsure, LIMIT_UNSURE_MS);
}

void here_stats_read(const struct here *h, struct here_stats *into)
{
    *into = h->stats;
    into->users = HASH_COUNT(h->users);
    into->healed += heads_healed(h->parts.heads);
}
