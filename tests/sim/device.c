/* sim/device.c - clients: they write, receive, move, lose their connection, and send again until they are answered */
#include "sim/device.h"
#include "base/check.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN_MS = 4000, SILENCE_MS = 20000 };

static struct devices *devices_all;

static void device_answered(void *answer);
static void device_delivered(void *delivery);
static void device_ended(void *answer);
static void device_think(void *ctx);
static void device_open(void *ctx);

static const struct edge_calls device_calls = { device_answered, device_delivered, device_ended };

void devices_begin(struct devices *all, struct database *d, uint32_t processes, bool is_wild)
{
    *all = (struct devices){ .database = d, .processes = processes, .is_wild = is_wild };
    devices_all = all;
    edge_use(&device_calls, processes, processes > 1);
}

void devices_add(struct devices *all, uint64_t user)
{
    struct device *d = &all->device[all->count];

    CHECK(all->count < DEVICES_MAX);
    *d = (struct device){ .user = user, .id = 1000 + all->count, .number = all->count };
    d->is_poll = world_chance(300);
    d->cursor.timeline = 1;
    all->count++;
}

void devices_go(struct devices *all)
{
    for (uint32_t k = 0; k < all->count; k++) {
        world_at(world_between(1, 300) * WORLD_MS, WORLD_OUTSIDE, device_open, &all->device[k]);
        world_at(world_between(1, 300) * WORLD_MS, WORLD_OUTSIDE, device_think, &all->device[k]);
    }
}

static struct edge_request *device_request(const struct device *d)
{
    struct edge_request *r = calloc(1, sizeof *r);

    CHECK(r);
    *r = (struct edge_request){ .process = d->process,
                                .device = (struct device *)d,
                                .connection = d->connection,
                                .user = d->user,
                                .device_id = d->id,
                                .is_poll = d->is_poll,
                                .after = d->cursor };
    return r;
}

/* Goes to the node, unless that is not there: then it is lost on the way. */
static void device_say(world_fn *fn, struct edge_request *r)
{
    if (world_is_alive(r->process))
        world_at(world_between(200, 3000), r->process, fn, r);
    else
        free(r);
}

static void device_again(struct device *d, uint64_t wait_ms)
{
    d->is_open = false;
    d->connection++;
    world_at(wait_ms * WORLD_MS, WORLD_OUTSIDE, device_open, d);
}

struct device_patience {
    struct device *device;
    uint64_t connection, place;
};

/* Nothing came, not even that it began; or a stream that has fallen silent though there is something. */
static void device_doubts(void *ctx)
{
    struct device_patience *p = ctx;
    struct device *d = p->device;

    if (d->is_open && d->connection == p->connection) {
        if (!d->has_begun && !d->is_poll)
            device_again(d, world_between(10, 1000));
        else if (d->is_poll && d->opened_us + 25 * WORLD_S <= world_it()->now_us)
            device_again(d, world_between(10, 1000));
        else
            world_at(SILENCE_MS * WORLD_MS, WORLD_OUTSIDE, device_doubts, ctx);
        if (d->is_open && d->connection == p->connection)
            return;
    }
    free(p);
}

static uint32_t device_pick_process(void)
{
    return world_below(devices_all->processes);
}

static void device_open(void *ctx)
{
    struct device *d = ctx;
    struct device_patience *p;

    if (d->is_open)
        return;
    d->is_open = true;
    d->has_begun = false;
    d->connection++;
    d->opened_us = world_it()->now_us;
    if (!edge_is_up(d->process) || world_chance(devices_all->is_wild ? 300 : 50))
        d->process = device_pick_process();
    if (!edge_is_up(d->process)) {
        device_again(d, world_between(50, 500));
        return;
    }
    d->way = d->process;
    world_tell("device %u opens connection %" PRIu64 " at process %u", d->number, d->connection, d->process);
    device_say(edge_open, device_request(d));
    p = calloc(1, sizeof *p);
    CHECK(p);
    *p = (struct device_patience){ d, d->connection, d->cursor.i.n };
    world_at((d->is_poll ? 25000 : OPEN_MS) * WORLD_MS + 1, WORLD_OUTSIDE, device_doubts, p);
}

static void device_put(struct device *d, const struct device_log *l)
{
    if (d->count == d->room) {
        d->room = d->room ? 2 * d->room : 64;
        d->log = realloc(d->log, d->room * sizeof *d->log);
        CHECK(d->log);
    }
    d->log[d->count++] = *l;
}

/* How long it took, of what was committed while the device was here. */
static void device_measure(struct devices *all, const struct device *d, uint64_t i)
{
    const struct database_row *r = database_at(all->database, d->user, i);
    uint64_t now_us = world_it()->now_us;

    if (!r || r->at_us < d->opened_us + 100 * WORLD_MS || d->is_poll)
        return;
    uint64_t lag_us = now_us - r->at_us;
    all->events++;
    all->events_live += lag_us < WORLD_S;
    if (lag_us > all->lag_most_us)
        all->lag_most_us = lag_us;
    if (all->lag_bound_us && lag_us > all->lag_bound_us)
        world_violated("late: user %" PRIu64 " has %" PRIu64 " after %u ms, and nothing is wrong anywhere",
                       d->user, i, (unsigned)(lag_us / WORLD_MS));
}

static void device_delivered(void *delivery)
{
    struct edge_delivery *e = delivery;
    struct device *d = e->device;
    uint64_t first = e->cursor.i.n - e->count + 1;

    if (!d->is_open || e->connection != d->connection) {
        free(e);
        return;
    }
    if (d->cursor.is_now) {
        d->cursor = (struct cursor){ .timeline = e->cursor.timeline, .i = { first - 1 } };
        d->base = first - 1;
        d->count = 0;
    }
    if (e->cursor.timeline != d->cursor.timeline)
        world_violated("device %u: timeline %" PRIu64 " without a word", d->number, e->cursor.timeline);
    if (first != d->cursor.i.n + 1)
        world_violated("device %u: %" PRIu64 " comes after %" PRIu64, d->number, first, d->cursor.i.n);
    for (uint32_t k = 0; k < e->count; k++) {
        struct device_log l = { e->event[k].id, e->event[k].conversation, e->event[k].seq };
        device_put(d, &l);
        device_measure(devices_all, d, first + k);
    }
    d->cursor.i = e->cursor.i;
    d->has_begun = true;
    if (e->count > 0)
        world_tell("device %u has %" PRIu64, d->number, d->cursor.i.n);
    free(e);
}

static void device_ended(void *answer)
{
    struct edge_answer *a = answer;
    struct device *d = a->device;

    if (d->is_open && a->connection == d->connection) {
        if (a->err == ERR_RESYNC) {
            world_tell("device %u is told to begin anew", d->number);
            devices_all->resyncs++;
            d->cursor = (struct cursor){ .is_now = true };
        }
        device_again(d, d->is_poll ? world_between(1, 50) : world_between(5, 1500));
    }
    free(a);
}

static uint32_t device_place(const struct device_sent *m)
{
    return (uint32_t)(m->conversation - 100);
}

/* A place that was acknowledged counts until a failover may have given it out again. */
static void device_note_place(struct devices *all, const struct device_sent *m)
{
    uint64_t timeline = all->database->timeline + all->database->failover_us;

    if (all->highest_timeline != timeline)
        memset(all->highest, 0, sizeof all->highest);
    all->highest_timeline = timeline;
    if (m->seq > all->highest[device_place(m)])
        all->highest[device_place(m)] = m->seq;
}

static void device_take_answer(struct device *d, struct device_sent *m, const struct edge_answer *a)
{
    struct devices *all = devices_all;

    m->is_under_way = false;
    if (a->err && (err_may_retry(a->err) || a->err == ERR_CANCELLED))
        return;
    m->is_answered = !a->err;
    m->is_refused = a->err;
    m->seq = a->seq;
    m->id = a->id;
    m->timeline = all->database->timeline;
    m->answered_us = world_it()->now_us;
    for (uint32_t k = 0; k < DEVICE_OUTBOX; k++) {
        if (d->outbox[k] == m)
            d->outbox[k] = NULL;
    }
    if (a->err) {
        world_tell("%s is refused: %s", m->text, err_code(a->err));
        if (a->err != ERR_NOT_FOUND)
            world_violated("%s is refused: %s", m->text, err_code(a->err));
        return;
    }
    world_tell("%s is acknowledged: seq=%" PRIu64, m->text, m->seq);
    const struct database_row *r = database_by_key(all->database, m->from, m->key);
    bool is_lost = database_is_lost(all->database, m->from, m->key);
    if (!r && !is_lost)
        world_violated("%s is acknowledged and not there", m->text);
    if (is_lost)
        return;
    if (m->floor_timeline == all->database->timeline + all->database->failover_us && m->seq <= m->floor)
        world_violated("%s stands at %" PRIu64 ", before what was acknowledged before it (%" PRIu64 ")",
                       m->text, m->seq, m->floor);
    device_note_place(all, m);
}

static void device_answered(void *answer)
{
    struct edge_answer *a = answer;
    struct device *d = a->device;

    for (uint32_t k = 0; k < DEVICE_OUTBOX; k++) {
        struct device_sent *m = d->outbox[k];
        if (m && m->key.low == a->key.low && m->key.high == a->key.high)
            device_take_answer(d, m, a);
    }
    free(a);
}

static void device_send(struct device *d, struct device_sent *m)
{
    struct edge_request *r = device_request(d);

    if (m->attempts > 0 && world_it()->mutant == MUTANT_NEW_KEY)
        m->key.low++;
    devices_all->retries += m->attempts > 0;
    m->attempts++;
    m->is_under_way = true;
    r->process = d->way;
    r->conversation = m->conversation;
    r->key = m->key;
    memcpy(r->text, m->text, sizeof r->text);
    device_say(edge_send, r);
}

static uint64_t device_conversation(const struct device *d)
{
    const struct database *db = devices_all->database;

    for (uint32_t tries = 0; tries < 20; tries++) {
        const struct database_conversation *c = &db->conversation[world_below(db->conversations)];
        for (uint32_t k = 0; k < c->count; k++) {
            if (c->member[k].user.n == d->user)
                return c->id;
        }
    }
    return 0;
}

static void device_write(struct device *d, uint32_t place)
{
    struct devices *all = devices_all;
    struct device_sent *m;
    uint64_t conversation = device_conversation(d);

    if (!conversation)
        return;
    m = calloc(1, sizeof *m);
    CHECK(m);
    m->from = d->user;
    m->device = d->id;
    m->conversation = conversation;
    m->key.high = (WORLD_UNIX_MS + world_it()->now_us / WORLD_MS) << 16;
    m->key.low = world_between(1, UINT64_MAX / 4);
    snprintf(m->text, sizeof m->text, "m%u", all->sent_count);
    m->floor_timeline = all->database->timeline + all->database->failover_us;
    m->floor = all->highest_timeline == m->floor_timeline ? all->highest[device_place(m)] : 0;
    if (all->sent_count == all->sent_room) {
        all->sent_room = all->sent_room ? 2 * all->sent_room : 64;
        all->sent = realloc(all->sent, all->sent_room * sizeof(struct device_sent *));
        CHECK(all->sent);
    }
    all->sent[all->sent_count++] = m;
    d->outbox[place] = m;
    device_send(d, m);
}

/* The owner of a group adds somebody, or takes somebody out. */
static void device_change(struct device *d)
{
    const struct database *db = devices_all->database;
    const struct database_conversation *c = &db->conversation[world_below(db->conversations)];
    uint64_t whom = 1 + world_below(db->users);
    bool is_owner = false, is_member = false;

    for (uint32_t k = 0; k < c->count; k++) {
        is_owner = is_owner || (c->member[k].user.n == d->user && c->member[k].role == ROLE_OWNER);
        is_member = is_member || c->member[k].user.n == whom;
    }
    if (!is_owner || whom == d->user)
        return;
    struct edge_request *r = device_request(d);
    r->conversation = c->id;
    r->whom = whom;
    r->is_put = !is_member;
    device_say(edge_change, r);
}

/* The connection goes, and the node hears of it soon, late, or never. */
static void device_move(struct device *d)
{
    struct edge_request *r = device_request(d);

    if (!d->is_open || world_chance(200))
        free(r);
    else if (world_is_alive(r->process))
        world_at(world_between(1, world_chance(800) ? 50 : 15000) * WORLD_MS, r->process, edge_close, r);
    else
        free(r);
    if (!d->is_open)
        return;
    d->process = device_pick_process();
    device_again(d, world_between(1, 3000));
}

/* What a message waits for: its answer, and when that does not come, the next try. */
static void device_look_after(struct device *d, uint32_t place)
{
    struct device_sent *m = d->outbox[place];
    bool is_late = world_chance(m->is_under_way ? (devices_all->is_wild ? 60 : 15) : 400);

    if (!is_late)
        return;
    if (m->is_under_way && world_chance(500))
        d->way = device_pick_process();
    device_send(d, m);
}

static void device_think(void *ctx)
{
    struct device *d = ctx;
    struct devices *all = devices_all;
    bool is_over = world_it()->now_us >= all->calm_us;

    for (uint32_t k = 0; k < DEVICE_OUTBOX; k++) {
        if (d->outbox[k])
            device_look_after(d, k);
        else if (!is_over && world_chance(120))
            device_write(d, k);
    }
    if (!is_over && world_chance(25))
        device_change(d);
    if (!is_over && world_chance(all->is_wild ? 25 : 4))
        device_move(d);
    world_at(world_between(20, 200) * WORLD_MS, WORLD_OUTSIDE, device_think, d);
}

bool devices_are_done(const struct devices *all)
{
    for (uint32_t k = 0; k < all->count; k++) {
        const struct device *d = &all->device[k];
        for (uint32_t n = 0; n < DEVICE_OUTBOX; n++) {
            if (d->outbox[n])
                return false;
        }
        if (d->cursor.is_now || d->cursor.timeline != all->database->timeline ||
            d->cursor.i.n != all->database->box[d->user].count)
            return false;
    }
    return true;
}

static void device_check_log(const struct devices *all, const struct device *d)
{
    const struct database_box *box = &all->database->box[d->user];

    if (d->cursor.timeline != all->database->timeline || d->base + d->count != box->count)
        world_violated("device %u (%s at process %u) has %" PRIu64 ".%" PRIu64 " of %" PRIu64 ".%u",
                       d->number, d->is_poll ? "poll" : "stream", d->process, d->cursor.timeline,
                       d->base + d->count, all->database->timeline, box->count);
    for (uint32_t k = 0; k < d->count; k++) {
        const struct database_row *r = database_at(all->database, d->user, d->base + 1 + k);
        const struct device_log *l = &d->log[k];
        if (!r || r->id != l->id || r->conversation != l->conversation || r->seq != l->seq)
            world_violated("device %u: at %" PRIu64 " stands another event than in the inbox", d->number,
                           d->base + 1 + k);
    }
}

static void device_check_sent(const struct devices *all, const struct device_sent *m)
{
    const struct database_row *r = database_by_key(all->database, m->from, m->key);
    uint32_t bytes = (uint32_t)strlen(m->text), times = 0;

    for (uint32_t k = 0; k < all->database->count; k++) {
        const struct database_row *row = &all->database->row[k];
        const char *at = memmem(row->body, row->body_bytes, m->text, bytes);
        times += row->kind == EVENT_MESSAGE && at && at[bytes] == '"';
    }
    if (times > 1)
        world_violated("%s stands there %u times", m->text, times);
    if (m->is_refused && times > 0)
        world_violated("%s was refused and stands there", m->text);
    if (!m->is_answered || database_is_lost(all->database, m->from, m->key))
        return;
    if (!r)
        world_violated("%s was acknowledged and is not there", m->text);
    else if (r->seq != m->seq || r->id != m->id)
        world_violated("%s was acknowledged at %" PRIu64 " and stands at %" PRIu64, m->text, m->seq, r->seq);
}

void devices_check(const struct devices *all)
{
    const struct database *db = all->database;
    uint64_t seq[DATABASE_CONVERSATIONS] = { 0 }, id[DATABASE_CONVERSATIONS] = { 0 };

    for (uint32_t k = 0; k < all->count; k++)
        device_check_log(all, &all->device[k]);
    for (uint32_t k = 0; k < all->sent_count; k++)
        device_check_sent(all, all->sent[k]);
    for (uint32_t k = 0; k < db->count; k++) {
        const struct database_row *r = &db->row[k];
        uint64_t place = r->conversation - 100;
        if (r->seq != ++seq[place] || r->id <= id[place])
            world_violated("seq %" PRIu64 " of %" PRIu64 " is not the next one", r->seq, r->conversation);
        id[place] = r->id;
    }
}
