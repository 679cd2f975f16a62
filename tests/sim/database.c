/* sim/database.c - the Postgres that all nodes share: a log of what was committed, and what follows from it */
#include "sim/database.h"
#include "base/check.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct database *database_new(void)
{
    struct database *d = calloc(1, sizeof *d);

    CHECK(d);
    d->timeline = 1;
    return d;
}

uint64_t database_user(struct database *d)
{
    CHECK(d->users < DATABASE_USERS);
    return ++d->users;
}

uint64_t database_conversation(struct database *d, enum conversation_kind kind, const uint64_t *users,
                               uint32_t count)
{
    struct database_conversation *c = &d->conversation[d->conversations];

    CHECK(d->conversations < DATABASE_CONVERSATIONS && count <= DATABASE_USERS);
    *c = (struct database_conversation){
        .id = 100 + d->conversations, .kind = kind, .epoch = 1, .count = count
    };
    for (uint32_t k = 0; k < count; k++) {
        bool is_owner = k == 0 && kind == CONVERSATION_GROUP;
        c->member[k] = (struct member){ { users[k] }, is_owner ? ROLE_OWNER : ROLE_MEMBER, { 1 } };
    }
    d->first[d->conversations++] = *c;
    return c->id;
}

struct database_conversation *database_find(struct database *d, uint64_t conversation)
{
    for (uint32_t k = 0; k < d->conversations; k++) {
        if (d->conversation[k].id == conversation)
            return &d->conversation[k];
    }
    return NULL;
}

const struct database_row *database_by_key(const struct database *d, uint64_t from, struct key key)
{
    for (uint32_t k = d->count; (key.high || key.low) && k > 0; k--) {
        const struct database_row *r = &d->row[k - 1];
        if (r->from == from && r->key.high == key.high && r->key.low == key.low)
            return r;
    }
    return NULL;
}

bool database_is_lost(const struct database *d, uint64_t from, struct key key)
{
    for (uint32_t k = 0; k < d->lost_count; k++) {
        const struct database_lost *l = &d->lost[k];
        if (l->from == from && l->key.high == key.high && l->key.low == key.low)
            return true;
    }
    return false;
}

static struct member *database_member(struct database_conversation *c, uint64_t user)
{
    for (uint32_t k = 0; k < c->count; k++) {
        if (c->member[k].user.n == user)
            return &c->member[k];
    }
    return NULL;
}

static void database_put_member(struct database_conversation *c, uint64_t user, enum role role, uint64_t seq)
{
    struct member *m = database_member(c, user);
    uint32_t at = c->count;

    if (m) {
        m->role = role;
        return;
    }
    CHECK(c->count < DATABASE_USERS);
    for (; at > 0 && c->member[at - 1].user.n > user; at--)
        c->member[at] = c->member[at - 1];
    c->member[at] = (struct member){ { user }, role, { seq } };
    c->count++;
}

static void database_drop_member(struct database_conversation *c, uint64_t user)
{
    struct member *m = database_member(c, user);

    if (!m)
        return;
    for (uint32_t at = (uint32_t)(m - c->member); at + 1 < c->count; at++)
        c->member[at] = c->member[at + 1];
    c->count--;
}

/* What follows from a row of the log. */
static void database_follow(struct database *d, uint32_t number)
{
    struct database_row *r = &d->row[number];
    struct database_conversation *c = database_find(d, r->conversation);
    bool is_change = false;

    for (uint32_t k = 0; k < r->users; k++) {
        struct database_box *b = &d->box[r->user[k]];
        if (b->count == b->room) {
            b->room = b->room ? 2 * b->room : 64;
            b->row = realloc(b->row, b->room * sizeof *b->row);
            CHECK(b->row);
        }
        b->row[b->count++] = number;
        r->i[k] = b->count;
    }
    c->last_seq = r->seq;
    c->last_id = r->id;
    for (uint32_t k = 0; k < r->effects; k++) {
        if (r->effect[k].kind == EFFECT_MEMBER_PUT)
            database_put_member(c, r->effect[k].user, r->effect[k].role, r->seq);
        if (r->effect[k].kind == EFFECT_MEMBER_GONE)
            database_drop_member(c, r->effect[k].user);
        is_change = is_change || r->effect[k].kind <= EFFECT_MEMBER_GONE;
    }
    c->epoch += is_change;
}

/* The recipients are exactly the members at this place, and those who join with it. */
static void database_check_recipients(const struct append *a, struct database_conversation *c)
{
    uint32_t joins = 0;

    for (uint32_t k = 0; k < a->effects_count; k++)
        joins += a->effects[k].kind == EFFECT_MEMBER_PUT && !database_member(c, a->effects[k].user.n);
    if (a->members->count != c->count + joins)
        world_violated("recipients: %u rows for %u members of %" PRIu64, a->members->count, c->count + joins,
                       c->id);
    for (uint32_t k = 0; k < c->count; k++) {
        if (!members_find(a->members, c->member[k].user))
            world_violated("recipients: member %" PRIu64 " of %" PRIu64 " gets no row", c->member[k].user.n,
                           c->id);
    }
    if (!database_member(c, a->from.n))
        world_violated("recipients: %" PRIu64 " says something in %" PRIu64 " and is no member", a->from.n,
                       c->id);
}

static void database_insert(struct database *d, const struct append *a, uint64_t id, uint32_t node,
                            struct database_conversation *c)
{
    if (d->count == d->room) {
        d->room = d->room ? 2 * d->room : 256;
        d->row = realloc(d->row, d->room * sizeof *d->row);
        CHECK(d->row);
    }
    struct database_row *r = &d->row[d->count];
    *r = (struct database_row){ .kind = a->kind,
                                .conversation = c->id,
                                .from = a->from.n,
                                .key = a->key,
                                .hash = a->body_hash,
                                .node = node,
                                .seq = c->last_seq + 1,
                                .id = id,
                                .at_us = world_it()->now_us,
                                .users = a->members->count };
    CHECK(a->body.bytes < DATABASE_BODY && r->users <= DATABASE_USERS);
    if (r->id <= c->last_id) /* by whole milliseconds */
        r->id += ((c->last_id - r->id) / (1 << 22) + 1) << 22;
    memcpy(r->body, a->body.at, a->body.bytes);
    r->body_bytes = (uint32_t)a->body.bytes;
    for (uint32_t k = 0; k < r->users; k++)
        r->user[k] = a->members->member[k].user.n;
    for (uint32_t k = 0; k < a->effects_count && k < DATABASE_EFFECTS; k++) {
        r->effect[k].kind = a->effects[k].kind;
        r->effect[k].user = a->effects[k].user.n;
        r->effect[k].role = a->effects[k].role;
        r->effects++;
    }
    database_follow(d, d->count++);
}

void database_append(struct database *d, const struct append *a, uint64_t id, uint32_t node,
                     struct database_answer *out)
{
    enum mutant mutant = world_it()->mutant;
    struct database_conversation *c = database_find(d, a->conversation.n);
    const struct database_row *old = mutant == MUTANT_NO_DEDUP ? NULL : database_by_key(d, a->from.n, a->key);

    *out = (struct database_answer){ 0 };
    if (old) {
        bool is_same = old->hash == a->body_hash && old->conversation == a->conversation.n;
        out->err = is_same ? ERR_OK : ERR_KEY_REUSED;
        out->is_duplicate = is_same;
        out->seq = old->seq;
        out->id = old->id;
        return;
    }
    if (!c) {
        out->err = ERR_NOT_FOUND;
        return;
    }
    if (a->members->epoch != c->epoch && mutant != MUTANT_NO_EPOCH) {
        out->err = ERR_MEMBERS_CHANGED;
        return;
    }
    database_check_recipients(a, c);
    database_insert(d, a, id, node, c);
    const struct database_row *r = &d->row[d->count - 1];
    out->seq = r->seq;
    out->id = r->id;
    memcpy(out->i, r->i, sizeof out->i);
    world_tell("committed c=%" PRIu64 " seq=%" PRIu64 " from=%" PRIu64 " by=%u", r->conversation, r->seq,
               r->from, node);
}

const struct database_row *database_at(const struct database *d, uint64_t user, uint64_t i)
{
    const struct database_box *b = &d->box[user];

    return i > 0 && i <= b->count ? &d->row[b->row[i - 1]] : NULL;
}

static struct ring *database_copy_ring(const struct ring *r)
{
    struct ring *copy = NULL;

    if (r)
        CHECK(ring_load(r->member, r->count, r->owner, r->slots, &copy) == ERR_OK);
    return copy;
}

void database_note_nodes(struct database *d)
{
    ring_free(&d->behind.ring);
    memcpy(d->behind.node, d->node, sizeof d->node);
    d->behind.nodes = d->nodes;
    d->behind.epoch = d->epoch;
    d->behind.nodes_version = d->nodes_version;
    d->behind.ring = database_copy_ring(d->ring);
}

/* Leases are as old as the rest. Incarnations are given out ahead, and never twice. */
static void database_lose_nodes(struct database *d)
{
    world_tell("epoch %u is %u again", (unsigned)d->epoch, (unsigned)d->behind.epoch);
    ring_free(&d->ring);
    memcpy(d->node, d->behind.node, sizeof d->node);
    d->nodes = d->behind.nodes;
    d->epoch = d->behind.epoch;
    d->nodes_version = d->behind.nodes_version;
    d->ring = database_copy_ring(d->behind.ring);
}

void database_fail_over(struct database *d, uint32_t lost_most)
{
    uint32_t lost = world_below(lost_most + 1), kept = d->count - (lost < d->count ? lost : d->count);

    world_tell("failover loses %u of %u", d->count - kept, d->count);
    d->lost = realloc(d->lost, (d->lost_count + d->count - kept + 1) * sizeof *d->lost);
    CHECK(d->lost);
    for (uint32_t k = kept; k < d->count; k++)
        d->lost[d->lost_count++] = (struct database_lost){ d->row[k].from, d->row[k].key };
    for (uint32_t k = 0; k <= d->users; k++)
        d->box[k].count = 0;
    memcpy(d->conversation, d->first, sizeof d->conversation);
    d->count = kept;
    for (uint32_t k = 0; k < kept; k++)
        database_follow(d, k);
    if (world_it()->mutant != MUTANT_NO_TIMELINE)
        d->timeline++;
    if (d->behind.ring && world_chance(300))
        database_lose_nodes(d);
    d->failover_us = d->started_us = world_it()->now_us;
}
