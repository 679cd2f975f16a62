/* sim/fakereads.c - what is read of the database: inboxes, members, heads of mailboxes */
#include "base/check.h"
#include "sim/fakestore.h"
#include "store/account.h"
#include "store/append.h"
#include "store/node.h"
#include <stdlib.h>
#include <string.h>

struct fakereads_inbox {
    struct fakestore_question question; /* first */
    struct inbox_read *read;
    uint64_t user, after, head, timeline;
    struct database_row row[LIMIT_EVENTS_DEFAULT];
    uint64_t i[LIMIT_EVENTS_DEFAULT];
    uint32_t count;
};

/* A row that is committed, and not seen though what came behind it is: places that are not given out under a lock. */
static bool fakereads_hides(const struct fakereads_inbox *q, uint64_t i, const struct database_row *r)
{
    bool is_new = r->at_us + 20 * WORLD_MS > world_it()->now_us;

    return world_it()->mutant == MUTANT_LATE_VISIBLE && is_new && i < q->head;
}

static enum err fakereads_inbox_ask(struct fakestore_question *question, struct database *d)
{
    struct fakereads_inbox *q = (struct fakereads_inbox *)question;
    const struct database_row *r;
    uint32_t limit = q->read->limit;

    q->head = d->box[q->user].count;
    q->timeline = d->timeline;
    if (limit > LIMIT_EVENTS_DEFAULT)
        limit = LIMIT_EVENTS_DEFAULT;
    if (q->after > q->head)
        return ERR_RESYNC;
    for (uint64_t i = q->after + 1; q->count < limit && (r = database_at(d, q->user, i)); i++) {
        if (fakereads_hides(q, i, r))
            continue;
        q->i[q->count] = i;
        q->row[q->count++] = *r;
    }
    return ERR_OK;
}

static void fakereads_inbox_tell(struct fakestore_question *question)
{
    struct fakereads_inbox *q = (struct fakereads_inbox *)question;
    struct inbox_read *read = q->read;

    read->at = arena_alloc(read->arena, (q->count + 1) * sizeof *read->at);
    read->count = q->count;
    read->head.n = q->head;
    read->timeline = q->timeline;
    for (uint32_t k = 0; k < q->count; k++) {
        const struct database_row *r = &q->row[k];
        struct text body = { r->body, r->body_bytes };
        read->at[k].i.n = q->i[k];
        read->at[k].event = (struct event){ .kind = r->kind,
                                            .conversation = { r->conversation },
                                            .seq = { r->seq },
                                            .id = { r->id },
                                            .from = { r->from },
                                            .key = r->key,
                                            .body = arena_copy(read->arena, body) };
    }
}

void store_inbox_after(struct store *s, struct user_id user, struct inbox_seq after, struct inbox_read *r,
                       struct op *op)
{
    struct fakereads_inbox *q = calloc(1, sizeof *q);

    CHECK(q);
    q->question.ask = fakereads_inbox_ask;
    q->question.tell = fakereads_inbox_tell;
    q->read = r;
    q->user = user.n;
    q->after = after.n;
    fakestore_ask(s, &q->question, op);
}

struct fakereads_members {
    struct fakestore_question question; /* first */
    struct members **out;
    uint64_t conversation;
    struct database_conversation found;
};

static enum err fakereads_members_ask(struct fakestore_question *question, struct database *d)
{
    struct fakereads_members *q = (struct fakereads_members *)question;
    const struct database_conversation *c = database_find(d, q->conversation);

    if (!c)
        return ERR_NOT_FOUND;
    q->found = *c;
    return ERR_OK;
}

static void fakereads_members_tell(struct fakestore_question *question)
{
    struct fakereads_members *q = (struct fakereads_members *)question;
    struct members *m = members_new(q->found.count);

    m->conversation.n = q->found.id;
    m->kind = q->found.kind;
    m->epoch = q->found.epoch;
    memcpy(m->member, q->found.member, q->found.count * sizeof *m->member);
    *q->out = m;
}

void store_members(struct store *s, struct conversation_id c, struct members **out, struct op *op)
{
    struct fakereads_members *q = calloc(1, sizeof *q);

    CHECK(q);
    q->question.ask = fakereads_members_ask;
    q->question.tell = fakereads_members_tell;
    q->out = out;
    q->conversation = c.n;
    fakestore_ask(s, &q->question, op);
}

struct fakereads_count {
    struct fakestore_question question; /* first */
    uint32_t *into;
    uint32_t count;
};

static enum err fakereads_count_ask(struct fakestore_question *q, struct database *d)
{
    (void)q;
    (void)d;
    return ERR_OK;
}

static void fakereads_count_tell(struct fakestore_question *question)
{
    struct fakereads_count *q = (struct fakereads_count *)question;

    *q->into = q->count;
}

/* Everybody who is asked for exists here. */
void store_accounts_count(struct store *s, const struct user_id *users, uint32_t count, uint32_t *found,
                          struct op *op)
{
    struct fakereads_count *q = calloc(1, sizeof *q);

    (void)users;
    CHECK(q);
    q->question.ask = fakereads_count_ask;
    q->question.tell = fakereads_count_tell;
    q->into = found;
    q->count = count;
    fakestore_ask(s, &q->question, op);
}

void store_groups_count(struct store *s, struct user_id user, uint32_t *count, struct op *op)
{
    (void)user;
    store_accounts_count(s, NULL, 0, count, op);
}

struct fakereads_recall {
    struct fakestore_question question; /* first */
    struct append *append;
    uint64_t from, conversation, hash, id, seq;
    struct key key;
};

static enum err fakereads_recall_ask(struct fakestore_question *question, struct database *d)
{
    struct fakereads_recall *q = (struct fakereads_recall *)question;
    const struct database_row *r = database_by_key(d, q->from, q->key);

    if (!r)
        return ERR_NOT_FOUND;
    q->id = r->id;
    q->seq = r->seq;
    return r->hash == q->hash && r->conversation == q->conversation ? ERR_OK : ERR_KEY_REUSED;
}

static void fakereads_recall_tell(struct fakestore_question *question)
{
    const struct fakereads_recall *q = (const struct fakereads_recall *)question;

    q->append->id.n = q->id;
    q->append->seq.n = q->seq;
    q->append->is_duplicate = true;
}

void store_recall(struct store *s, struct append *a, struct op *op)
{
    struct fakereads_recall *q = calloc(1, sizeof *q);

    CHECK(q);
    q->question.ask = fakereads_recall_ask;
    q->question.tell = fakereads_recall_tell;
    q->append = a;
    q->from = a->from.n;
    q->conversation = a->conversation.n;
    q->hash = a->body_hash;
    q->key = a->key;
    fakestore_ask(s, &q->question, op);
}

struct fakereads_heads {
    struct fakestore_question question; /* first */
    struct heads_read *read;
    uint64_t i[DATABASE_USERS], user[DATABASE_USERS], timeline;
    uint32_t count;
};

static enum err fakereads_heads_ask(struct fakestore_question *question, struct database *d)
{
    struct fakereads_heads *q = (struct fakereads_heads *)question;

    for (uint32_t k = 0; k < q->count; k++)
        q->i[k] = q->user[k] <= d->users ? d->box[q->user[k]].count : 0;
    q->timeline = d->timeline;
    return ERR_OK;
}

static void fakereads_heads_tell(struct fakestore_question *question)
{
    struct fakereads_heads *q = (struct fakereads_heads *)question;

    memcpy(q->read->i, q->i, q->count * sizeof *q->i);
    q->read->timeline = q->timeline;
}

void store_heads(struct store *s, struct heads_read *h, struct op *op)
{
    struct fakereads_heads *q = calloc(1, sizeof *q);

    CHECK(q && h->count <= DATABASE_USERS);
    q->question.ask = fakereads_heads_ask;
    q->question.tell = fakereads_heads_tell;
    q->read = h;
    q->count = h->count;
    memcpy(q->user, h->user, h->count * sizeof *q->user);
    fakestore_ask(s, &q->question, op);
}
