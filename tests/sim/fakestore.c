/* sim/fakestore.c - commits: what waits becomes the next transaction of an idle lane, whose answer may get lost
 *
 * The rules are those of store/pick.c and store/outcome.c: nothing overtakes in a conversation, a key is in a batch
 * once, a change of members is the last of its conversation in a batch.
 */
#include "sim/fakestore.h"
#include "base/check.h"
#include <stdlib.h>
#include <string.h>

enum { LANES = 3, BATCH_MAX = 32, TICK_MS = 100, LOOK_MS = 2000, DOWN_MS = 2000 };

static struct database *fakestore_database;

struct fakestore_flight { /* one transaction */
    struct store *store;
    uint32_t lane, count;
    bool is_done, is_known;
    struct append *at[BATCH_MAX];
    struct database_answer answer[BATCH_MAX];
};

struct fakestore_look {
    struct fakestore_question question; /* first */
    uint64_t timeline;
};

static void fakestore_tick(void *ctx);
static void fakestore_look(void *ctx);

void fakestore_use(struct database *d)
{
    fakestore_database = d;
}

struct store *store_new(struct loop *l, struct ops *ops, const struct config *c, struct snowflake *ids)
{
    struct store *s = calloc(1, sizeof *s);

    (void)ops;
    CHECK(s && fakestore_database);
    s->loop = l;
    s->ids = ids;
    s->database = fakestore_database;
    s->process = (uint32_t)c->node_id;
    s->era = world_it()->era[s->process];
    s->last = &s->first;
    loop_timer_init(&s->tick, l, fakestore_tick, s);
    loop_timer_init(&s->look, l, fakestore_look, s);
    loop_timer_set(&s->look, 0);
    return s;
}

bool fakestore_is_alive(const struct store *s)
{
    return world_it()->era[s->process] == s->era;
}

static bool fakestore_is_cut(const struct store *s)
{
    uint64_t now_us = world_it()->now_us;

    return s->database->down_until_us > now_us || s->database->cut_until_us[s->process] > now_us;
}

bool store_is_up(const struct store *s)
{
    return !fakestore_is_cut(s);
}

uint64_t store_timeline(const struct store *s)
{
    return s->timeline;
}

void store_stats_read(const struct store *s, struct store_stats *into)
{
    *into = s->stats;
}

void store_append(struct store *s, struct append *a, struct op *op)
{
    a->op = op;
    a->next = NULL;
    a->deadline_ms = loop_now_ms(s->loop) + LIMIT_STORE_MS;
    *s->last = a;
    s->last = &a->next;
    if (!s->tick.is_set)
        loop_timer_set(&s->tick, TICK_MS);
}

static bool fakestore_changes(const struct append *a)
{
    for (uint32_t k = 0; k < a->effects_count; k++) {
        if (a->effects[k].kind == EFFECT_MEMBER_PUT || a->effects[k].kind == EFFECT_MEMBER_GONE)
            return true;
    }
    return false;
}

/* Whether something under way, or before it in the queue, must be first. */
static bool fakestore_is_held(const struct store *s, const struct append *a, const struct fakestore_flight *f)
{
    for (uint32_t n = 0; n < LANES; n++) {
        for (uint32_t k = 0; k < s->lane[n].count; k++) {
            if (s->lane[n].at[k]->conversation.n == a->conversation.n)
                return true;
        }
    }
    for (uint32_t k = 0; k < f->count; k++) {
        const struct append *b = f->at[k];
        bool is_same = b->from.n == a->from.n && b->key.high == a->key.high && b->key.low == a->key.low;
        bool has_key = a->key.high || a->key.low;
        if ((has_key && is_same) || (b->conversation.n == a->conversation.n && fakestore_changes(b)))
            return true;
    }
    for (const struct append *b = s->first; b != a; b = b->next) { /* left back */
        if (b->conversation.n == a->conversation.n)
            return true;
    }
    return false;
}

static void fakestore_pick(struct store *s, struct fakestore_flight *f)
{
    struct append **link = &s->first;

    while (*link && f->count < BATCH_MAX) {
        struct append *a = *link;
        if (fakestore_is_held(s, a, f)) {
            link = &a->next;
            continue;
        }
        *link = a->next;
        f->at[f->count++] = a;
    }
    if (!*link)
        s->last = link;
}

/* Back at the node: everybody in the batch hears of it. */
static void fakestore_answered(void *ctx)
{
    struct fakestore_flight *f = ctx;
    struct store *s = f->store;

    s->lane[f->lane].is_busy = false;
    s->lane[f->lane].count = 0;
    s->stats.commits++;
    for (uint32_t k = 0; k < f->count; k++) {
        struct append *a = f->at[k];
        const struct database_answer *from = &f->answer[k];
        a->seq.n = from->seq;
        a->id.n = from->id;
        a->is_duplicate = from->is_duplicate;
        s->stats.duplicates += from->is_duplicate;
        s->stats.appended += !from->err && !from->is_duplicate;
        for (uint32_t m = 0; !from->err && !from->is_duplicate && m < a->members->count; m++)
            a->i[m].n = from->i[m];
        op_wake(a->op, from->err);
    }
    free(f);
}

/* The queue's head again, in order of arrival. */
static void fakestore_put_back(struct store *s, struct fakestore_flight *f)
{
    for (uint32_t k = f->count; k > 0; k--) {
        struct append *a = f->at[k - 1];
        a->next = s->first;
        if (!s->first)
            s->last = &a->next;
        s->first = a;
    }
    if (!s->tick.is_set)
        loop_timer_set(&s->tick, TICK_MS);
}

/* The connection is lost: when rows had been sent, nobody knows. */
static void fakestore_lost(void *ctx)
{
    struct fakestore_flight *f = ctx;
    struct store *s = f->store;
    struct fakestore_lane *l = &s->lane[f->lane];

    l->is_busy = false;
    l->count = 0;
    l->down_until_us = world_it()->now_us + world_between(20, 300) * WORLD_MS;
    s->stats.reconnects++;
    if (!f->is_done && world_chance(300)) {
        fakestore_put_back(s, f);
    } else if (world_it()->mutant == MUTANT_UNKNOWN_IS_OK) {
        world_it()->mutant = MUTANT_NONE; /* once is enough */
        for (uint32_t k = 0; k < f->count; k++) {
            f->at[k]->seq.n = f->at[k]->id.n = 1;
            f->at[k]->is_duplicate = true;
            op_wake(f->at[k]->op, ERR_OK);
        }
    } else {
        s->stats.unknown_outcomes += f->count;
        for (uint32_t k = 0; k < f->count; k++)
            op_wake(f->at[k]->op, ERR_STORE_DOWN);
    }
    free(f);
}

/* At the database. Of a process that died meanwhile it may be committed, and nobody hears of it. */
static void fakestore_commit(void *ctx)
{
    struct fakestore_flight *f = ctx;
    struct store *s = f->store;
    bool is_alive = fakestore_is_alive(s), is_cut = fakestore_is_cut(s);
    bool is_lost = is_cut || !is_alive || world_chance(s->database->unknown);

    f->is_done = !is_cut && (!is_lost || world_chance(600));
    for (uint32_t k = 0; f->is_done && k < f->count; k++) {
        uint64_t id = snowflake_next(s->ids, world_it()->now_us / WORLD_MS + WORLD_UNIX_MS);
        database_append(s->database, f->at[k], id, s->ids->node, &f->answer[k]);
    }
    if (is_lost)
        world_tell("process %u: commit of %u %s, and the answer is lost", s->process, f->count,
                   f->is_done ? "done" : "not done");
    if (!is_alive)
        free(f);
    else if (is_lost)
        world_at(world_between(1, 50) * WORLD_MS, s->process, fakestore_lost, f);
    else
        world_at(world_between(100, 900), s->process, fakestore_answered, f);
}

void store_commit_turn(struct store *s)
{
    for (uint32_t n = 0; n < LANES && s->first; n++) {
        struct fakestore_lane *l = &s->lane[n];
        if (l->is_busy || l->down_until_us > world_it()->now_us || fakestore_is_cut(s))
            continue;
        struct fakestore_flight *f = calloc(1, sizeof *f);
        CHECK(f);
        f->store = s;
        f->lane = n;
        fakestore_pick(s, f);
        if (f->count == 0) {
            free(f);
            return;
        }
        l->is_busy = true;
        l->at = f->at;
        l->count = f->count;
        world_at(world_between(200, 1500), WORLD_OUTSIDE, fakestore_commit, f);
    }
}

/* Who waits too long is told. */
static void fakestore_tick(void *ctx)
{
    struct store *s = ctx;
    uint64_t now_ms = loop_now_ms(s->loop);

    if (!fakestore_is_cut(s))
        s->down_since_ms = 0;
    else if (!s->down_since_ms)
        s->down_since_ms = now_ms;
    bool is_down = s->down_since_ms && now_ms >= s->down_since_ms + DOWN_MS;
    while (s->first && (is_down || s->first->deadline_ms <= now_ms)) {
        struct append *a = s->first;
        s->first = a->next;
        if (!s->first)
            s->last = &s->first;
        op_wake(a->op, is_down ? ERR_STORE_DOWN : ERR_TIMEOUT);
    }
    if (s->first)
        loop_timer_set(&s->tick, TICK_MS);
}

static void fakestore_told(void *ctx)
{
    struct fakestore_question *q = ctx;

    if (!q->err || q->err == ERR_EXISTS)
        q->tell(q);
    q->store->stats.reads++;
    if (q->op)
        op_wake(q->op, q->err);
    free(q);
}

static void fakestore_asked(void *ctx)
{
    struct fakestore_question *q = ctx;
    struct store *s = q->store;

    if (!fakestore_is_alive(s)) {
        free(q);
        return;
    }
    if (fakestore_is_cut(s)) {
        if (world_it()->now_us + 100 * WORLD_MS < q->deadline_us) {
            world_at(50 * WORLD_MS, WORLD_OUTSIDE, fakestore_asked, q);
            return;
        }
        q->err = ERR_STORE_DOWN;
    } else if (world_chance(s->database->unknown / 4)) {
        s->stats.reconnects++;
        q->err = ERR_STORE_DOWN;
    } else {
        q->err = q->ask(q, s->database);
    }
    world_at(world_between(100, 900), s->process, fakestore_told, q);
}

void fakestore_ask(struct store *s, struct fakestore_question *q, struct op *op)
{
    CHECK(q);
    q->store = s;
    q->op = op;
    q->deadline_us = world_it()->now_us + LIMIT_STORE_MS * WORLD_MS;
    world_at(world_between(100, 1200), WORLD_OUTSIDE, fakestore_asked, q);
}

static enum err fakestore_look_ask(struct fakestore_question *q, struct database *d)
{
    ((struct fakestore_look *)q)->timeline = d->timeline;
    return ERR_OK;
}

static void fakestore_look_tell(struct fakestore_question *q)
{
    q->store->timeline = ((struct fakestore_look *)q)->timeline;
}

static void fakestore_look(void *ctx)
{
    struct store *s = ctx;
    struct fakestore_look *q = calloc(1, sizeof *q);

    CHECK(q);
    q->question.ask = fakestore_look_ask;
    q->question.tell = fakestore_look_tell;
    fakestore_ask(s, &q->question, NULL);
    loop_timer_set(&s->look, LOOK_MS);
}
