/* sim/fakenode.c - store/node.h on the database in memory: leases by its clock, and the table under an epoch */
#include "base/check.h"
#include "model/census.h"
#include "model/snowflake.h"
#include "sim/fakestore.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEAD_SHOWN_S = 60 };

static bool fakenode_is_in_table(const struct database *d, uint32_t id);

struct fakenode_join {
    struct fakestore_question question; /* first */
    struct node_join *join;
    uint32_t id;
    uint64_t incarnation, replaced, id_above, id_reserved;
};

static void fakenode_copy(struct text from, char into[32])
{
    snprintf(into, 32, "%.*s", (int)from.bytes, from.at ? from.at : "");
}

/* The one of that name, or a new one. */
static struct database_node *fakenode_place(struct database *d, struct text name)
{
    for (uint32_t k = 0; k < d->nodes; k++) {
        if (text_equal(text_of(d->node[k].name), name))
            return &d->node[k];
    }
    CHECK(d->nodes < sizeof d->node / sizeof *d->node);
    struct database_node *n = &d->node[d->nodes];
    n->row.id = d->nodes++;
    n->row.state = NODE_DEAD;
    return n;
}

/* An end that was not clean is remembered. */
static void fakenode_mourn(struct database_node *n)
{
    memmove(n->death_us + 1, n->death_us, (DATABASE_DEATHS - 1) * sizeof *n->death_us);
    n->death_us[0] = world_it()->now_us;
}

static enum err fakenode_join_ask(struct fakestore_question *question, struct database *d)
{
    struct fakenode_join *q = (struct fakenode_join *)question;
    struct node_join *j = q->join;
    struct database_node *n = fakenode_place(d, j->name);

    q->id = n->row.id;
    q->replaced = n->row.state == NODE_DEAD ? 0 : n->row.incarnation;
    q->id_above = n->reserved;
    n->reserved += snowflake_at(SNOWFLAKE_EPOCH_MS + SNOWFLAKE_AHEAD_MS);
    if (n->reserved < j->id_reserved)
        n->reserved = j->id_reserved;
    q->id_reserved = n->reserved;
    q->incarnation = ++d->incarnations;
    fakenode_copy(j->name, n->name);
    fakenode_copy(j->link, n->link);
    fakenode_copy(j->host, n->host);
    if (q->replaced)
        fakenode_mourn(n);
    n->row.incarnation = q->incarnation;
    n->row.state = NODE_JOINING;
    n->row.weight = j->weight;
    n->row.version_least = j->version_least;
    n->row.version = j->version;
    n->joined_us = world_it()->now_us;
    n->lease_us = n->joined_us + j->lease_ms * WORLD_MS;
    d->nodes_version++;
    return ERR_OK;
}

static void fakenode_join_tell(struct fakestore_question *question)
{
    struct fakenode_join *q = (struct fakenode_join *)question;

    q->join->id = q->id;
    q->join->incarnation = q->incarnation;
    q->join->replaced = q->replaced;
    q->join->id_above = q->id_above;
    q->join->id_reserved = q->id_reserved;
}

static void *fakenode_question(size_t bytes,
                               enum err (*ask)(struct fakestore_question *q, struct database *d),
                               void (*tell)(struct fakestore_question *q))
{
    struct fakestore_question *q = calloc(1, bytes);

    CHECK(q);
    q->ask = ask;
    q->tell = tell;
    return q;
}

void store_node_join(struct store *s, struct node_join *j, struct op *op)
{
    struct fakenode_join *q = fakenode_question(sizeof *q, fakenode_join_ask, fakenode_join_tell);

    q->join = j;
    fakestore_ask(s, &q->question, op);
}

static bool fakenode_is_in_table(const struct database *d, uint32_t id)
{
    for (uint32_t k = 0; d->ring && k < d->ring->count; k++) {
        if (d->ring->member[k].id == id)
            return true;
    }
    return false;
}

static bool fakenode_is_over(const struct database_node *n)
{
    return n->lease_us <= world_it()->now_us;
}

struct fakenode_renew {
    struct fakestore_question question; /* first */
    struct node_renew *renew;
    struct node_renew copy;
};

static enum err fakenode_renew_ask(struct fakestore_question *question, struct database *d)
{
    struct fakenode_renew *q = (struct fakenode_renew *)question;
    struct node_renew *r = &q->copy;
    struct database_node *n = &d->node[r->id];

    if (n->row.incarnation != r->incarnation || n->row.state == NODE_DEAD)
        return ERR_NOT_FOUND;
    n->row.load = r->load;
    n->lease_us = world_it()->now_us + r->lease_ms * WORLD_MS;
    if (r->id_reserved > n->reserved)
        n->reserved = r->id_reserved;
    r->epoch = d->epoch;
    r->timeline = d->timeline;
    r->nodes_version = d->nodes_version;
    r->is_expired = false;
    for (uint32_t k = 0; k < d->nodes; k++) {
        const struct database_node *other = &d->node[k];
        bool should = other->row.state == NODE_JOINING && other->row.weight > 0 && !fakenode_is_over(other);
        r->is_expired = r->is_expired || fakenode_is_in_table(d, other->row.id) != should;
    }
    return ERR_OK;
}

static void fakenode_renew_tell(struct fakestore_question *question)
{
    struct fakenode_renew *q = (struct fakenode_renew *)question;

    q->renew->epoch = q->copy.epoch;
    q->renew->timeline = q->copy.timeline;
    q->renew->nodes_version = q->copy.nodes_version;
    q->renew->is_expired = q->copy.is_expired;
}

void store_node_renew(struct store *s, struct node_renew *r, struct op *op)
{
    struct fakenode_renew *q = fakenode_question(sizeof *q, fakenode_renew_ask, fakenode_renew_tell);

    q->renew = r;
    q->copy = *r;
    fakestore_ask(s, &q->question, op);
}

static struct node_row fakenode_row(const struct database *d, const struct database_node *n)
{
    uint64_t now_us = world_it()->now_us;
    struct node_row r = n->row;

    r.is_member = fakenode_is_in_table(d, n->row.id);
    if (r.state == NODE_JOINING && r.is_member)
        r.state = NODE_MEMBER;
    r.name = text_of(n->name);
    r.link = text_of(n->link);
    r.host = text_of(n->host);
    r.age_ms = (now_us - n->joined_us) / WORLD_MS;
    r.lease_ms = ((int64_t)n->lease_us - (int64_t)now_us) / (int64_t)WORLD_MS;
    r.deaths = 0;
    for (uint32_t k = 0; k < DATABASE_DEATHS; k++)
        r.deaths += n->death_us[k] && n->death_us[k] + CENSUS_DEATHS_WINDOW_MS * WORLD_MS > now_us;
    r.death_ms = n->death_us[0] ? (now_us - n->death_us[0]) / WORLD_MS : UINT64_MAX;
    return r;
}

static uint32_t fakenode_rows(const struct database *d, struct node_row *into)
{
    uint32_t count = 0;

    for (uint32_t k = 0; k < d->nodes; k++) {
        const struct database_node *n = &d->node[k];
        bool is_fresh = n->lease_us + DEAD_SHOWN_S * WORLD_S > world_it()->now_us;
        if (n->row.state != NODE_DEAD || fakenode_is_in_table(d, n->row.id) || is_fresh)
            into[count++] = fakenode_row(d, n);
    }
    return count;
}

static uint64_t fakenode_postmaster_ms(const struct database *d)
{
    uint64_t now_us = world_it()->now_us;

    return d->started_us < now_us ? (now_us - d->started_us) / WORLD_MS : 0;
}

static uint32_t fakenode_evicted(const struct database *d)
{
    uint32_t count = 0;

    for (uint32_t k = 0; k < DATABASE_EVICTED && k < d->evicted; k++)
        count += d->evicted_us[k] + CENSUS_EVICTIONS_WINDOW_MS * WORLD_MS > world_it()->now_us;
    return count;
}

struct fakenode_list {
    struct fakestore_question question; /* first */
    struct node_list *list;
    struct node_row row[WORLD_NODES + 1];
    char text[WORLD_NODES + 1][3][32];
    uint32_t count, evicted;
    uint64_t epoch, nodes_version, postmaster_ms;
};

static enum err fakenode_list_ask(struct fakestore_question *question, struct database *d)
{
    struct fakenode_list *q = (struct fakenode_list *)question;

    q->count = fakenode_rows(d, q->row);
    for (uint32_t k = 0; k < q->count; k++) {
        fakenode_copy(q->row[k].name, q->text[k][0]);
        fakenode_copy(q->row[k].link, q->text[k][1]);
        fakenode_copy(q->row[k].host, q->text[k][2]);
    }
    q->epoch = d->epoch;
    q->nodes_version = d->nodes_version;
    q->postmaster_ms = fakenode_postmaster_ms(d);
    q->evicted = fakenode_evicted(d);
    return ERR_OK;
}

static void fakenode_list_tell(struct fakestore_question *question)
{
    struct fakenode_list *q = (struct fakenode_list *)question;
    struct node_list *l = q->list;

    l->at = arena_alloc(l->arena, (q->count + 1) * sizeof *l->at);
    l->count = q->count;
    for (uint32_t k = 0; k < q->count; k++) {
        l->at[k] = q->row[k];
        l->at[k].name = arena_copy(l->arena, text_of(q->text[k][0]));
        l->at[k].link = arena_copy(l->arena, text_of(q->text[k][1]));
        l->at[k].host = arena_copy(l->arena, text_of(q->text[k][2]));
    }
    l->epoch = q->epoch;
    l->nodes_version = q->nodes_version;
    l->postmaster_ms = q->postmaster_ms;
    l->evicted = q->evicted;
}

void store_ring_nodes(struct store *s, struct node_list *l, struct op *op)
{
    struct fakenode_list *q = fakenode_question(sizeof *q, fakenode_list_ask, fakenode_list_tell);

    q->list = l;
    fakestore_ask(s, &q->question, op);
}

static struct ring *fakenode_ring_copy(const struct ring *r)
{
    struct ring *copy = NULL;

    if (r)
        CHECK(ring_load(r->member, r->count, r->owner, r->slots, &copy) == ERR_OK);
    return copy;
}

struct fakenode_ring {
    struct fakestore_question question; /* first */
    struct node_ring *into;
    struct node_ring found;
};

static enum err fakenode_ring_ask(struct fakestore_question *question, struct database *d)
{
    struct fakenode_ring *q = (struct fakenode_ring *)question;

    q->found = (struct node_ring){ fakenode_ring_copy(d->ring), d->epoch };
    return ERR_OK;
}

static void fakenode_ring_tell(struct fakestore_question *question)
{
    struct fakenode_ring *q = (struct fakenode_ring *)question;

    *q->into = q->found;
}

void store_ring_read(struct store *s, struct node_ring *r, struct op *op)
{
    struct fakenode_ring *q = fakenode_question(sizeof *q, fakenode_ring_ask, fakenode_ring_tell);

    q->into = r;
    fakestore_ask(s, &q->question, op);
}

struct fakenode_change {
    struct fakestore_question question; /* first */
    struct node_change *change;
    struct node_change made;
};

static bool fakenode_is_among(const struct census *c, uint32_t id)
{
    for (uint32_t k = 0; k < c->members; k++) {
        if (c->member[k].id == id)
            return true;
    }
    return false;
}

/* Who loses its place because its lease ended is dead. */
static void fakenode_evict(struct database *d, const struct census *c, struct node_change *made)
{
    for (uint32_t k = 0; k < d->nodes; k++) {
        struct database_node *n = &d->node[k];
        bool was_in = fakenode_is_in_table(d, n->row.id);
        if (!was_in || fakenode_is_among(c, n->row.id) || n->row.state == NODE_DEAD || !fakenode_is_over(n))
            continue;
        made->evicted[made->evicted_count++] = (struct node_evicted){ n->row.id, n->row.incarnation };
        n->row.state = NODE_DEAD;
        fakenode_mourn(n);
        d->evicted_us[d->evicted++ % DATABASE_EVICTED] = world_it()->now_us;
    }
}

/* As store/ring.c: nodes and table as they are now, the census, the next table. */
static enum err fakenode_change_ask(struct fakestore_question *question, struct database *d)
{
    struct fakenode_change *q = (struct fakenode_change *)question;
    struct node_row row[WORLD_NODES + 1];
    struct census_node node[WORLD_NODES + 1];
    struct ring_member member[WORLD_NODES + 1];
    struct census c = { .node = node,
                        .count = fakenode_rows(d, row),
                        .postmaster_ms = fakenode_postmaster_ms(d),
                        .lease_ms = q->change->lease_ms,
                        .evicted = fakenode_evicted(d),
                        .member = member };

    for (uint32_t k = 0; k < c.count; k++)
        node[k] = (struct census_node){ .id = row[k].id,
                                        .weight = row[k].weight,
                                        .is_member = row[k].is_member,
                                        .is_draining = row[k].state == NODE_DRAINING,
                                        .is_dead = row[k].state == NODE_DEAD,
                                        .age_ms = row[k].age_ms,
                                        .lease_ms = row[k].lease_ms,
                                        .deaths = row[k].deaths,
                                        .death_ms = row[k].death_ms };
    census_take(&c, d->ring ? d->ring->member : NULL, d->ring ? d->ring->count : 0);
    q->made.again_ms = c.again_ms;
    if (!c.changed)
        return ERR_EXISTS;
    database_note_nodes(d);
    fakenode_evict(d, &c, &q->made);
    struct ring *made = ring_new(c.member, c.members, ring_slots(c.members, d->ring ? d->ring->slots : 0));
    ring_free(&d->ring);
    d->ring = made;
    d->epoch++;
    d->nodes_version++;
    q->made.made = (struct node_ring){ fakenode_ring_copy(made), d->epoch };
    world_tell("process %u: epoch %u of %u nodes, %u evicted", q->question.store->process, (unsigned)d->epoch,
               c.members, q->made.evicted_count);
    return ERR_OK;
}

static void fakenode_change_tell(struct fakestore_question *question)
{
    struct fakenode_change *q = (struct fakenode_change *)question;
    uint32_t lease_ms = q->change->lease_ms;

    *q->change = q->made;
    q->change->lease_ms = lease_ms;
}

void store_ring_change(struct store *s, struct node_change *c, struct op *op)
{
    struct fakenode_change *q = fakenode_question(sizeof *q, fakenode_change_ask, fakenode_change_tell);

    q->change = c;
    fakestore_ask(s, &q->question, op);
}

struct fakenode_leave {
    struct fakestore_question question; /* first */
    uint32_t id;
    uint64_t incarnation;
    enum node_state state;
    uint64_t id_last;
};

static enum err fakenode_leave_ask(struct fakestore_question *question, struct database *d)
{
    struct fakenode_leave *q = (struct fakenode_leave *)question;
    struct database_node *n = &d->node[q->id];

    d->nodes_version++;
    if (n->row.incarnation != q->incarnation || n->row.state == NODE_DEAD)
        return ERR_NOT_FOUND;
    n->row.state = q->state;
    if (q->state == NODE_DEAD)
        n->lease_us = world_it()->now_us;
    if (q->state == NODE_DEAD)
        n->reserved = q->id_last;
    return ERR_OK;
}

static void fakenode_nothing(struct fakestore_question *question)
{
    (void)question;
}

void store_node_leave(struct store *s, uint32_t id, uint64_t incarnation, uint64_t id_last, struct op *op)
{
    struct fakenode_leave *q = fakenode_question(sizeof *q, fakenode_leave_ask, fakenode_nothing);

    q->id = id;
    q->incarnation = incarnation;
    q->state = NODE_DEAD;
    q->id_last = id_last;
    fakestore_ask(s, &q->question, op);
}

void store_node_drain(struct store *s, uint32_t id, uint64_t incarnation, struct op *op)
{
    struct fakenode_leave *q = fakenode_question(sizeof *q, fakenode_leave_ask, fakenode_nothing);

    q->id = id;
    q->incarnation = incarnation;
    q->state = NODE_DRAINING;
    fakestore_ask(s, &q->question, op);
}

struct fakenode_inherit {
    struct fakestore_question question; /* first */
    struct node_inherit *inherit;
    uint32_t count;
    bool more;
    struct {
        uint64_t user, i;
    } at[1024];
};

static enum err fakenode_inherit_ask(struct fakestore_question *question, struct database *d)
{
    struct fakenode_inherit *q = (struct fakenode_inherit *)question;
    uint64_t now_us = world_it()->now_us, back_us = q->inherit->back_ms * WORLD_MS;
    uint32_t room = q->inherit->room < 1024 ? q->inherit->room : 1024;

    for (uint32_t k = d->count; k > 0 && d->row[k - 1].at_us + back_us >= now_us; k--) {
        const struct database_row *r = &d->row[k - 1];
        for (uint32_t m = 0; r->node == q->inherit->id && m < r->users; m++) {
            if (q->count == room) {
                q->more = true;
                return ERR_OK;
            }
            q->at[q->count].user = r->user[m];
            q->at[q->count++].i = r->i[m];
        }
    }
    return ERR_OK;
}

static void fakenode_inherit_tell(struct fakestore_question *question)
{
    struct fakenode_inherit *q = (struct fakenode_inherit *)question;

    q->inherit->count = q->count;
    q->inherit->more = q->more;
    for (uint32_t k = 0; k < q->count; k++) {
        q->inherit->at[k].user = q->at[k].user;
        q->inherit->at[k].i = q->at[k].i;
    }
}

void store_node_inherit(struct store *s, struct node_inherit *n, struct op *op)
{
    struct fakenode_inherit *q = fakenode_question(sizeof *q, fakenode_inherit_ask, fakenode_inherit_tell);

    q->inherit = n;
    fakestore_ask(s, &q->question, op);
}
