/* fake/store.c - a store in memory, linked in place of the real one */
#include "fake/store.h"
#include <stdlib.h>

void fake_store_answer(struct store *s, struct op *op, enum err err)
{
    if (!s->is_holding) {
        op_wake(op, err);
        return;
    }
    CHECK(s->held_count < FAKE_HELD);
    s->held[s->held_count].op = op;
    s->held[s->held_count++].err = err;
}

bool fake_store_fails(struct store *s, struct op *op)
{
    s->calls++;
    if (!s->fail_count)
        return false;
    if (s->fail_skip) {
        s->fail_skip--;
        return false;
    }
    s->fail_count--;
    fake_store_answer(s, op, s->fail);
    return true;
}

void fake_store_release(struct store *s)
{
    s->is_holding = false;
    for (uint32_t n = 0; n < s->held_count; n++)
        op_wake(s->held[n].op, s->held[n].err);
    s->held_count = 0;
}

void fake_store_fail(struct store *s, enum err err, uint32_t skip, uint32_t count)
{
    s->fail = err;
    s->fail_skip = skip;
    s->fail_count = count;
}

struct fake_account *fake_store_find(struct store *s, struct user_id user)
{
    for (uint32_t n = 0; n < s->accounts_count; n++)
        if (s->account[n].id.n == user.n)
            return &s->account[n];
    return NULL;
}

struct fake_conversation *fake_store_find_conversation(struct store *s, struct conversation_id c)
{
    for (uint32_t n = 0; n < s->conversations_count; n++)
        if (s->conversation[n].id.n == c.n)
            return &s->conversation[n];
    return NULL;
}

static struct member *fake_member(struct fake_conversation *c, struct user_id user)
{
    for (uint32_t n = 0; c && n < c->count; n++)
        if (c->member[n].user.n == user.n)
            return &c->member[n];
    return NULL;
}

struct user_id fake_store_account(struct store *s, const char *handle)
{
    CHECK(s->accounts_count < FAKE_ACCOUNTS);
    struct fake_account *a = &s->account[s->accounts_count++];
    a->id.n = snowflake_next(s->ids, SNOWFLAKE_EPOCH_MS + 1000);
    snprintf(a->handle, sizeof a->handle, "%s", handle);
    snprintf(a->name, sizeof a->name, "%s", handle);
    return a->id;
}

struct conversation_id fake_store_conversation(struct store *s, enum conversation_kind kind,
                                               const struct user_id *users, uint32_t count)
{
    CHECK(s->conversations_count < FAKE_CONVERSATIONS && count <= LIMIT_MEMBERS);
    struct fake_conversation *c = &s->conversation[s->conversations_count++];
    c->id.n = snowflake_next(s->ids, SNOWFLAKE_EPOCH_MS + 1000);
    c->kind = kind;
    c->epoch = 1;
    c->count = count;
    for (uint32_t n = 0; n < count; n++)
        c->member[n] = (struct member){ users[n],
                                        n == 0 && kind == CONVERSATION_GROUP ? ROLE_OWNER : ROLE_MEMBER,
                                        { 1 } };
    return c->id;
}

void fake_store_change(struct store *s, struct conversation_id id, struct user_id user, enum role role)
{
    struct fake_conversation *c = fake_store_find_conversation(s, id);
    struct member *m = fake_member(c, user);

    CHECK(m);
    m->role = role;
    c->epoch++;
}

struct store *store_new(struct loop *l, struct ops *ops, const struct config *c, struct snowflake *ids)
{
    struct store *s = calloc(1, sizeof *s);

    (void)ops;
    (void)c;
    CHECK(s);
    s->loop = l;
    s->ids = ids;
    s->timeline = 7;
    return s;
}

void store_free(struct store **s)
{
    free(*s);
    *s = NULL;
}

bool store_is_up(const struct store *s)
{
    return s->fail_count == 0;
}

uint64_t store_timeline(const struct store *s)
{
    return s->timeline;
}

void store_stats_read(const struct store *s, struct store_stats *into)
{
    *into = (struct store_stats){ .appended = s->events_count, .duplicates = s->duplicates };
}

void store_members(struct store *s, struct conversation_id id, struct members **out, struct op *op)
{
    const struct fake_conversation *c = fake_store_find_conversation(s, id);

    s->reads_of_members++;
    if (fake_store_fails(s, op))
        return;
    if (c) {
        *out = members_new(c->count);
        (*out)->conversation = c->id;
        (*out)->kind = c->kind;
        (*out)->epoch = c->epoch;
        memcpy((*out)->member, c->member, c->count * sizeof c->member[0]);
        members_sort(*out);
    }
    fake_store_answer(s, op, c ? ERR_OK : ERR_NOT_FOUND);
}

void store_direct(struct store *s, struct user_id a, struct user_id b, struct conversation_id *out,
                  struct op *op)
{
    enum err err = ERR_NOT_FOUND;

    if (fake_store_fails(s, op))
        return;
    for (uint32_t n = 0; n < s->conversations_count; n++) {
        struct fake_conversation *c = &s->conversation[n];
        if (c->kind == CONVERSATION_DIRECT && fake_member(c, a) && fake_member(c, b)) {
            *out = c->id;
            err = ERR_OK;
        }
    }
    fake_store_answer(s, op, err);
}

static void fake_view(struct fake_conversation *c, struct user_id user, struct arena *arena,
                      struct conversation *v)
{
    const struct member *me = fake_member(c, user);

    *v = (struct conversation){ .id = c->id,
                                .kind = c->kind,
                                .title = arena_copy(arena, text_of(c->title)),
                                .members_count = c->count,
                                .last_seq = { c->last_seq },
                                .role = me->role,
                                .joined = me->joined,
                                .read_seq = { c->read[me - c->member] } };
    for (uint32_t n = 0; n < c->count; n++)
        if (c->kind == CONVERSATION_DIRECT && c->member[n].user.n != user.n)
            v->other = c->member[n].user;
}

void store_conversation(struct store *s, struct user_id user, struct conversation_id id,
                        struct conversation_read *r, struct op *op)
{
    struct fake_conversation *c = fake_store_find_conversation(s, id);
    bool is_member = fake_member(c, user) != NULL;

    if (fake_store_fails(s, op))
        return;
    if (is_member)
        fake_view(c, user, r->arena, &r->conversation);
    fake_store_answer(s, op, is_member ? ERR_OK : ERR_NOT_FOUND);
}

void store_groups_count(struct store *s, struct user_id user, uint32_t *count, struct op *op)
{
    (void)user;
    if (fake_store_fails(s, op))
        return;
    *count = s->groups_count;
    fake_store_answer(s, op, ERR_OK);
}

void store_snapshot(struct store *s, struct user_id user, struct snapshot_read *r, struct op *op)
{
    if (fake_store_fails(s, op))
        return;
    r->timeline = s->timeline;
    r->head.n = fake_store_find(s, user)->inbox_count;
    r->at = arena_alloc(r->arena, FAKE_CONVERSATIONS * sizeof *r->at);
    for (uint32_t n = s->conversations_count; n > 0; n--) {
        struct fake_conversation *c = &s->conversation[n - 1];
        if (!fake_member(c, user) || (r->before.n && c->id.n >= r->before.n))
            continue;
        if (r->count == r->limit) {
            r->next_before = r->at[r->count - 1].id;
            break;
        }
        fake_view(c, user, r->arena, &r->at[r->count++]);
    }
    fake_store_answer(s, op, ERR_OK);
}

void store_history(struct store *s, struct conversation_id id, struct history_read *r, struct op *op)
{
    if (fake_store_fails(s, op))
        return;
    r->at = arena_alloc(r->arena, FAKE_EVENTS * sizeof *r->at);
    for (uint32_t n = 0; n < s->events_count; n++) {
        const struct event *e = &s->event[n].event;
        bool is_wanted = e->conversation.n == id.n && e->seq.n >= r->joined.n && e->seq.n > 0 &&
                         (!r->before.n || e->id.n < r->before.n) && e->id.n > r->after.n;
        if (is_wanted && r->count < r->limit)
            r->at[r->count++] = *e;
        else
            r->more = r->more || is_wanted;
    }
    fake_store_answer(s, op, ERR_OK);
}

void store_inbox_after(struct store *s, struct user_id user, struct inbox_seq after, struct inbox_read *r,
                       struct op *op)
{
    const struct fake_account *f = fake_store_find(s, user);

    if (fake_store_fails(s, op))
        return;
    r->timeline = s->timeline;
    r->head.n = f->inbox_count;
    r->count = 0;
    r->at = arena_alloc(r->arena, (r->limit + 1) * sizeof *r->at);
    for (uint64_t i = after.n; i < f->inbox_count && r->count < r->limit; i++)
        r->at[r->count++] = (struct inbox_row){ { i + 1 }, s->event[f->inbox[i]].event };
    fake_store_answer(s, op, after.n > f->inbox_count ? ERR_RESYNC : ERR_OK);
}

static void fake_effect(struct fake_conversation *c, const struct append_effect *e)
{
    struct member *m = fake_member(c, e->user);

    switch (e->kind) {
    case EFFECT_MEMBER_PUT:
        if (!m) {
            m = &c->member[c->count++];
            *m = (struct member){ .user = e->user, .joined = { c->last_seq } };
        }
        m->role = e->role;
        c->epoch++;
        break;
    case EFFECT_MEMBER_GONE:
        *m = c->member[--c->count];
        c->epoch++;
        break;
    case EFFECT_TITLE:
        snprintf(c->title, sizeof c->title, "%.*s", (int)e->text.bytes, e->text.at);
        break;
    case EFFECT_READ:
        c->read[m - c->member] = e->number;
        break;
    }
}

static const struct fake_event *fake_by_key(const struct store *s, const struct append *a)
{
    for (uint32_t n = 0; n < s->events_count; n++) {
        const struct event *e = &s->event[n].event;
        if (e->from.n == a->from.n && e->key.high == a->key.high && e->key.low == a->key.low && a->key.high)
            return &s->event[n];
    }
    return NULL;
}

/* A direct conversation stands once for each pair. */
static bool fake_stands(const struct store *s, const struct append *a)
{
    for (uint32_t n = 0; n < s->conversations_count; n++) {
        const struct fake_conversation *c = &s->conversation[n];
        if (a->create.kind == CONVERSATION_DIRECT && c->kind == CONVERSATION_DIRECT &&
            c->member[0].user.n == a->members->member[0].user.n &&
            c->member[1].user.n == a->members->member[1].user.n)
            return true;
    }
    return false;
}

static void fake_create(struct store *s, const struct append *a)
{
    struct user_id users[LIMIT_MEMBERS];

    for (uint32_t n = 0; n < a->members->count; n++)
        users[n] = a->members->member[n].user;
    struct conversation_id made = fake_store_conversation(s, a->create.kind, users, a->members->count);
    struct fake_conversation *c = fake_store_find_conversation(s, made);
    c->id = a->conversation;
    memcpy(c->member, a->members->member, a->members->count * sizeof c->member[0]);
    fake_effect(c, &(struct append_effect){ .kind = EFFECT_TITLE, .text = a->create.title });
}

static void fake_write(struct store *s, struct append *a, struct fake_conversation *c)
{
    CHECK(s->events_count < FAKE_EVENTS && a->body.bytes < sizeof s->event[0].body);
    struct fake_event *f = &s->event[s->events_count];
    bool has_seq = a->kind != EVENT_MARK && a->kind != EVENT_DEVICE;

    memcpy(f->body, a->body.at, a->body.bytes);
    a->id.n = snowflake_next(s->ids, loop_unix_ms(s->loop));
    a->seq.n = has_seq ? ++c->last_seq : 0;
    f->body_hash = a->body_hash;
    f->event = (struct event){ a->kind, a->conversation,           a->seq, a->id, a->from,
                               a->key,  { f->body, a->body.bytes } };
    for (uint32_t n = 0; n < a->members->count; n++) {
        struct fake_account *to = fake_store_find(s, a->members->member[n].user);
        CHECK(to && to->inbox_count < FAKE_EVENTS);
        to->inbox[to->inbox_count++] = s->events_count;
        a->i[n].n = to->inbox_count;
    }
    s->events_count++;
    for (uint32_t n = 0; n < a->effects_count; n++)
        fake_effect(c, &a->effects[n]);
}

/* Why the event can't be written, or OK. */
static enum err fake_judge(struct store *s, const struct append *a, const struct fake_conversation *c)
{
    if (a->kind == EVENT_MARK || a->kind == EVENT_DEVICE)
        return ERR_OK;
    if (!c)
        return ERR_NOT_FOUND;
    if (s->restless_appends > 0) {
        s->restless_appends--;
        return ERR_MEMBERS_CHANGED;
    }
    return c->epoch == a->members->epoch ? ERR_OK : ERR_MEMBERS_CHANGED;
}

void store_append(struct store *s, struct append *a, struct op *op)
{
    const struct fake_event *old = fake_by_key(s, a);
    enum err err;

    if (fake_store_fails(s, op))
        return;
    if (old) {
        a->is_duplicate = old->body_hash == a->body_hash;
        a->seq = old->event.seq;
        a->id = old->event.id;
        fake_store_answer(s, op, a->is_duplicate ? ERR_OK : ERR_KEY_REUSED);
        return;
    }
    if (a->create.is_wanted && fake_stands(s, a)) {
        fake_store_answer(s, op, ERR_EXISTS);
        return;
    }
    if (a->create.is_wanted)
        fake_create(s, a);
    struct fake_conversation *c = fake_store_find_conversation(s, a->conversation);
    err = fake_judge(s, a, c);
    if (!err)
        fake_write(s, a, c);
    fake_store_answer(s, op, err);
}

void store_recall(struct store *s, struct append *a, struct op *op)
{
    const struct fake_event *old = fake_by_key(s, a);

    if (fake_store_fails(s, op))
        return;
    if (old && old->body_hash == a->body_hash) {
        a->is_duplicate = true;
        a->seq = old->event.seq;
        a->id = old->event.id;
    }
    fake_store_answer(s, op, !old ? ERR_NOT_FOUND : a->is_duplicate ? ERR_OK : ERR_KEY_REUSED);
}
