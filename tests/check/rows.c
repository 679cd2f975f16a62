/* check/rows.c - density, heads, keys, and whose inbox has what */
#include "check/rows.h"
#include "check/copy.h"
#include "model/event.h"
#include <inttypes.h>
#include <stdlib.h>

static void rows_conversation(const struct database *d, const struct database_conversation *c,
                              struct verdicts *v)
{
    uint64_t seq = 0, id = 0;

    for (const struct database_message *m = &d->message[c->first]; m < &d->message[c->first + c->count];
         m++) {
        verdict_checked(v, VERDICT_I3);
        if (m->seq == seq)
            verdict_bad(v, VERDICT_I3, m->sent_ns, "conversation %" PRIu64 " has seq %" PRIu64 " twice",
                        c->id, seq);
        else if (m->seq != seq + 1)
            verdict_bad(v, VERDICT_I3, m->sent_ns,
                        "conversation %" PRIu64 " has a hole: seq %" PRIu64 " is followed by %" PRIu64, c->id,
                        seq, m->seq);
        if (m->id <= id)
            verdict_bad(v, VERDICT_I3, m->sent_ns,
                        "conversation %" PRIu64 ": the id of seq %" PRIu64 " does not rise", c->id, m->seq);
        seq = m->seq;
        id = m->id;
    }
    verdict_checked(v, VERDICT_I3);
    if (c->last_seq != seq || (c->count && c->last_id != id))
        verdict_bad(v, VERDICT_I3, 0,
                    "the head of conversation %" PRIu64 " is at seq %" PRIu64 ", id %" PRIu64
                    "; its newest row is %" PRIu64 ", id %" PRIu64,
                    c->id, c->last_seq, c->last_id, seq, id);
}

/* Each keyed row against its fellows; who is not the first of its key is told. */
static void rows_key(const struct database *d, const struct database_message *m, struct verdicts *v)
{
    if (!m->key.high && !m->key.low)
        return;
    verdict_checked(v, VERDICT_I2);
    uint32_t first = database_by_key(d, m->sender, m->key);
    const struct database_message *other = &d->message[first];
    char key[KEY_TEXT_BYTES + 1];
    if (other == m)
        return;
    key_print(m->key, key);
    verdict_bad(v, VERDICT_I2, m->sent_ns,
                "key %s of user %" PRIu64 " has two rows: %" PRIu64 "/%" PRIu64 " and %" PRIu64 "/%" PRIu64,
                key, m->sender, d->conversation[other->conversation].id, other->seq,
                d->conversation[m->conversation].id, m->seq);
}

/* The table of keys says the same as the messages. */
static void rows_send_keys(const struct database *d, const char *dir, struct verdicts *v)
{
    struct copy c;
    uint64_t *has_key = calloc(d->messages / 64 + 1, sizeof *has_key);

    CHECK(has_key);
    for (copy_open(&c, dir, "send_key"); copy_row(&c);) {
        uint64_t sender = copy_number(&c);
        struct key key = { copy_number(&c), 0 };
        key.low = copy_number(&c);
        uint64_t conversation = copy_number(&c), id = copy_number(&c), seq = copy_number(&c);
        uint32_t n = database_by_key(d, sender, key);
        verdict_checked(v, VERDICT_I2);
        if (n == INDEX_NONE || d->message[n].id != id || d->message[n].seq != seq ||
            d->conversation[d->message[n].conversation].id != conversation) {
            char text[KEY_TEXT_BYTES + 1];
            key_print(key, text);
            verdict_bad(v, VERDICT_I2, n == INDEX_NONE ? 0 : d->message[n].sent_ns,
                        "the row of key %s of user %" PRIu64 " names %" PRIu64 "/%" PRIu64 ", %s", text,
                        sender, conversation, seq,
                        n == INDEX_NONE ? "where it is not" : "but it stands elsewhere");
        }
        if (n != INDEX_NONE)
            has_key[n / 64] |= UINT64_C(1) << n % 64;
    }
    copy_close(&c);
    for (size_t n = 0; n < d->messages; n++) {
        const struct database_message *m = &d->message[n];
        if ((m->key.high || m->key.low) && !(has_key[n / 64] >> n % 64 & 1) &&
            database_by_key(d, m->sender, m->key) == n)
            verdict_bad(v, VERDICT_I2, m->sent_ns, "message %" PRIu64 "/%" PRIu64 " has no row of its key",
                        d->conversation[m->conversation].id, m->seq);
    }
    free(has_key);
}

void rows_messages(const struct database *d, const char *dir, struct verdicts *v)
{
    for (size_t n = 0; n < d->conversations; n++)
        rows_conversation(d, &d->conversation[n], v);
    for (size_t n = 0; n < d->messages; n++)
        rows_key(d, &d->message[n], v);
    rows_send_keys(d, dir, v);
}

/* An inbox row of a message: is its owner a member, is it the first time, is it behind the last one? */
static void rows_inbox_message(const struct database *d, struct spans *s, uint64_t user, uint64_t i,
                               const struct database_message *m, struct verdicts *v)
{
    const struct database_conversation *c = &d->conversation[m->conversation];
    struct span *span = spans_find(s, c, user, m->seq);

    if (!span) {
        verdict_bad(v, VERDICT_I4, m->sent_ns,
                    "user %" PRIu64 " is no member of %" PRIu64 " at seq %" PRIu64
                    " and has it in their inbox, i %" PRIu64,
                    user, c->id, m->seq, i);
        return;
    }
    if (spans_has_seen(s, c, span, m->seq))
        verdict_bad(v, VERDICT_I4, m->sent_ns,
                    "user %" PRIu64 " has %" PRIu64 "/%" PRIu64 " twice in their inbox, again at i %" PRIu64,
                    user, c->id, m->seq, i);
    else if (m->seq < span->newest)
        verdict_bad(v, VERDICT_I4, m->sent_ns,
                    "user %" PRIu64 " has %" PRIu64 "/%" PRIu64 " at i %" PRIu64 ", behind seq %" PRIu64
                    " of the same conversation",
                    user, c->id, m->seq, i, span->newest);
    spans_see(s, c, span, m->seq);
    if (m->seq > span->newest)
        span->newest = m->seq;
}

/* The place of i: right behind the one before. */
static void rows_inbox_place(struct database_user *u, uint64_t i, uint64_t before, uint64_t ns,
                             struct verdicts *v)
{
    verdict_checked(v, VERDICT_I3);
    if (u->count && i == before)
        verdict_bad(v, VERDICT_I3, ns, "the inbox of user %" PRIu64 " has i %" PRIu64 " twice", u->id, i);
    else if (i != before + 1)
        verdict_bad(v, VERDICT_I3, ns,
                    "the inbox of user %" PRIu64 " has a hole: i %" PRIu64 " is followed by %" PRIu64, u->id,
                    before, i);
}

static uint32_t rows_inbox_own(struct database *d, size_t *room, uint64_t conversation, uint64_t id,
                               uint8_t kind)
{
    d->own = database_more(d->own, d->owns, room, sizeof *d->own);
    d->own[d->owns] = (struct database_own){ id, conversation, kind };
    CHECK(d->owns < DATABASE_OWN - 1);
    return DATABASE_OWN | (uint32_t)d->owns++;
}

static void rows_inbox_heads(const struct database *d, struct verdicts *v)
{
    for (const struct database_user *u = d->user; u < d->user + d->users; u++) {
        uint64_t newest = u->count ? d->inbox_i[u->first + u->count - 1] : 0;
        verdict_checked(v, VERDICT_I3);
        if (newest != u->last_i)
            verdict_bad(v, VERDICT_I3, 0,
                        "the mailbox of user %" PRIu64 " is at i %" PRIu64 "; its newest row is %" PRIu64,
                        u->id, u->last_i, newest);
    }
}

/* Each member has each row of their time. */
static void rows_inbox_whole(const struct database *d, const struct spans *s,
                             const struct database_conversation *c, struct verdicts *v)
{
    for (const struct span *span = &s->span[c->span]; span < &s->span[c->span + c->spans]; span++) {
        for (uint32_t n = database_from_seq(d, c, span->from); n < c->first + c->count; n++) {
            const struct database_message *m = &d->message[n];
            if (m->seq > span->to)
                break;
            verdict_checked(v, VERDICT_I4);
            if (!spans_has_seen(s, c, span, m->seq))
                verdict_bad(v, VERDICT_I4, m->sent_ns,
                            "user %" PRIu64 " is a member of %" PRIu64 " at seq %" PRIu64
                            " and does not have it in their inbox",
                            span->user, c->id, m->seq);
        }
    }
}

static bool rows_is_own(uint8_t kind)
{
    return kind == EVENT_MARK || kind == EVENT_DEVICE;
}

struct rows_inbox {
    size_t room, row_room, own_room;
    struct database_user *user;
    uint64_t before; /* i of the row before, of the same user */
};

/* User, i, conversation, id, kind. */
static void rows_inbox_row(struct database *d, struct spans *s, struct copy *c, struct rows_inbox *r,
                           struct verdicts *v)
{
    uint64_t user = copy_number(c), i = copy_number(c), conversation = copy_number(c), id = copy_number(c);
    uint8_t kind = (uint8_t)copy_number(c);
    uint32_t n = rows_is_own(kind) ? INDEX_NONE : database_by_id(d, conversation, id);
    const struct database_message *m = n == INDEX_NONE ? NULL : &d->message[n];

    if (!r->user || r->user->id != user) {
        if (r->user && r->user->id > user)
            copy_refuse(c, "not in order");
        struct database_user *next = database_user(d, user);
        if (!next) {
            verdict_bad(v, VERDICT_I3, 0,
                        "i %" PRIu64 " is in the inbox of user %" PRIu64 ", who has no mailbox", i, user);
            return;
        }
        r->user = next;
        r->user->first = d->inbox;
        r->before = 0;
    }
    rows_inbox_place(r->user, i, r->before, m ? m->sent_ns : 0, v);
    if (m)
        rows_inbox_message(d, s, user, i, m, v);
    else if (rows_is_own(kind))
        n = rows_inbox_own(d, &r->own_room, conversation, id, kind);
    else
        verdict_bad(v, VERDICT_I4, 0,
                    "user %" PRIu64 " has at i %" PRIu64 " the event %" PRIu64 " of %" PRIu64
                    ", which is not among its messages",
                    user, i, id, conversation);
    d->inbox_i = database_more(d->inbox_i, d->inbox, &r->room, sizeof *d->inbox_i);
    d->inbox_row = database_more(d->inbox_row, d->inbox, &r->row_room, sizeof *d->inbox_row);
    d->inbox_i[d->inbox] = i;
    d->inbox_row[d->inbox++] = n;
    r->user->count++;
    r->before = i;
}

void rows_inboxes(struct database *d, struct spans *s, const char *dir, struct verdicts *v)
{
    struct copy c;
    struct rows_inbox r = { 0 };

    for (copy_open(&c, dir, "inbox"); copy_row(&c);)
        rows_inbox_row(d, s, &c, &r, v);
    copy_close(&c);
    rows_inbox_heads(d, v);
    for (size_t n = 0; n < d->conversations; n++)
        rows_inbox_whole(d, s, &d->conversation[n], v);
}
