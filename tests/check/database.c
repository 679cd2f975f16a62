/* check/database.c - tables that the dump sorted, in arrays */
#include "check/database.h"
#include "base/buf.h"
#include "check/copy.h"
#include "check/history.h"
#include "model/event.h"
#include "model/id.h"
#include "model/lexer.h"
#include <inttypes.h>
#include <stdlib.h>

enum { DATABASE_BODY_MAX = 1024 * 1024 };

void *database_more(void *at, size_t count, size_t *room, size_t bytes)
{
    if (count < *room)
        return at;
    *room = *room ? *room + *room / 2 : 1024;
    at = realloc(at, *room * bytes);
    CHECK(at);
    return at;
}

/* Places of an id in arrays of structs that begin with it. */
static const void *database_search(const void *from, size_t count, size_t bytes, uint64_t id)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t here;
        memcpy(&here, (const char *)from + middle * bytes, sizeof here);
        if (here < id)
            low = middle + 1;
        else
            high = middle;
    }
    const char *at = (const char *)from + low * bytes;
    return low < count && !memcmp(at, &id, sizeof id) ? at : NULL;
}

struct database_user *database_user(const struct database *d, uint64_t id)
{
    const struct database_user *u = database_search(d->user, d->users, sizeof *d->user, id);

    return u ? &d->user[u - d->user] : NULL;
}

uint32_t database_conversation(const struct database *d, uint64_t id)
{
    const struct database_conversation *c =
        database_search(d->conversation, d->conversations, sizeof *d->conversation, id);

    return c ? (uint32_t)(c - d->conversation) : INDEX_NONE;
}

uint32_t database_by_id(const struct database *d, uint64_t conversation, uint64_t id)
{
    size_t at = SIZE_MAX;
    uint32_t n;

    while ((n = index_find(&d->by_id, index_hash(conversation, id), &at)) != INDEX_NONE) {
        const struct database_message *m = &d->message[n];
        if (m->id == id && d->conversation[m->conversation].id == conversation)
            break;
    }
    return n;
}

uint32_t database_by_key(const struct database *d, uint64_t sender, struct key key)
{
    size_t at = SIZE_MAX;
    uint32_t n;

    while ((n = index_find(&d->by_key, index_hash(sender ^ key.high, key.low), &at)) != INDEX_NONE) {
        const struct database_message *m = &d->message[n];
        if (m->sender == sender && m->key.high == key.high && m->key.low == key.low)
            break;
    }
    return n;
}

uint32_t database_from_seq(const struct database *d, const struct database_conversation *c, uint64_t seq)
{
    uint32_t low = c->first, high = c->first + c->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (d->message[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What is read of a body. */
struct database_body {
    uint64_t hash, user;
    enum database_change change;
};

/* A member of the body; texts are hashed without their escapes, as they were sent. */
static bool database_member_read(struct lexer *l, struct buf *scratch, struct database_body *b)
{
    struct text name, value;
    struct lexer_string s;

    if (!lexer_name(l, &name))
        return false;
    bool is_text = text_equal(name, TEXT("text")), is_user = text_equal(name, TEXT("user"));
    if (!is_text && !is_user && !text_equal(name, TEXT("change")))
        return lexer_value(l, &value);
    if (!lexer_string(l, &s))
        return false;
    buf_drop(scratch, scratch->bytes);
    char *plain = buf_reserve(scratch, s.raw.bytes + 1);
    CHECK(plain);
    struct text t = { plain, lexer_unescape(s, plain) };
    if (is_text)
        b->hash = history_hash(t.at, t.bytes);
    else if (is_user)
        return id_parse(t, &b->user);
    else if (text_equal(t, TEXT("joined")))
        b->change = CHANGE_JOINED;
    else if (text_equal(t, TEXT("left")) || text_equal(t, TEXT("removed")))
        b->change = CHANGE_GONE;
    return true;
}

static bool database_body_read(struct text body, struct buf *scratch, struct database_body *b)
{
    struct lexer l = { body.at, body.at + body.bytes, 0 };

    *b = (struct database_body){ 0 };
    if (!body.bytes)
        return true;
    do {
        if (!database_member_read(&l, scratch, b))
            return false;
    } while (lexer_take(&l, ','));
    return lexer_ends(&l);
}

static int database_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct text database_unhex(struct copy *c, struct buf *into)
{
    struct text hex = copy_text(c);

    buf_drop(into, into->bytes);
    char *at = buf_reserve(into, hex.bytes / 2 + 1);
    if (!at || hex.bytes % 2)
        copy_refuse(c, "no body");
    for (size_t k = 0; k < hex.bytes; k += 2) {
        int high = database_digit(hex.at[k]), low = database_digit(hex.at[k + 1]);
        if (high < 0 || low < 0)
            copy_refuse(c, "no body");
        at[k / 2] = (char)(high * 16 + low);
    }
    return (struct text){ at, hex.bytes / 2 };
}

static void database_read_conversations(struct database *d, const char *dir)
{
    struct copy c;
    size_t room = 0;

    for (copy_open(&c, dir, "conversation"); copy_row(&c);) {
        d->conversation = database_more(d->conversation, d->conversations, &room, sizeof *d->conversation);
        struct database_conversation *new = &d->conversation[d->conversations++];
        *new = (struct database_conversation){ .id = copy_number(&c) };
        new->last_seq = copy_number(&c);
        new->last_id = copy_number(&c);
        if (d->conversations > 1 && new[-1].id >= new->id)
            copy_refuse(&c, "not in order");
    }
    copy_close(&c);
}

static void database_add_event(struct database *d, size_t *room, const struct database_body *b)
{
    d->event = database_more(d->event, d->events, room, sizeof *d->event);
    d->event[d->events++] =
        (struct database_event){ .message = (uint32_t)d->messages, .change = b->change, .user = b->user };
}

/* Conversation, seq, id, sender, kind, key, body. */
static void database_read_messages(struct database *d, const char *dir, struct verdicts *v)
{
    struct copy c;
    struct buf bytes, plain;
    struct database_body body;
    size_t room = 0, events_room = 0;
    uint64_t last[2] = { 0, 0 };

    buf_init(&bytes, DATABASE_BODY_MAX);
    buf_init(&plain, DATABASE_BODY_MAX);
    for (copy_open(&c, dir, "message"); copy_row(&c);) {
        uint64_t conversation = copy_number(&c), seq = copy_number(&c);
        uint32_t n = database_conversation(d, conversation);
        if (conversation < last[0] || (conversation == last[0] && seq < last[1]))
            copy_refuse(&c, "not in order");
        last[0] = conversation;
        last[1] = seq;
        struct database_message m = { .seq = seq, .id = copy_number(&c), .sender = copy_number(&c) };
        m.kind = (uint8_t)copy_number(&c);
        m.key.high = copy_number(&c);
        m.key.low = copy_number(&c);
        m.conversation = n;
        m.known_ns = UINT64_MAX;
        if (!database_body_read(database_unhex(&c, &bytes), &plain, &body))
            verdict_bad(v, VERDICT_I3, 0, "message %" PRIu64 "/%" PRIu64 " has a body that can't be read",
                        conversation, seq);
        m.hash = body.hash;
        if (n == INDEX_NONE) {
            verdict_bad(v, VERDICT_I3, 0, "message %" PRIu64 "/%" PRIu64 " is of no conversation",
                        conversation, seq);
            continue;
        }
        if (!d->conversation[n].count++)
            d->conversation[n].first = (uint32_t)d->messages;
        if (m.kind == EVENT_MEMBER && body.change != CHANGE_NONE)
            database_add_event(d, &events_room, &body);
        d->message = database_more(d->message, d->messages, &room, sizeof *d->message);
        d->message[d->messages++] = m;
    }
    copy_close(&c);
    buf_fini(&bytes);
    buf_fini(&plain);
}

static void database_index(struct database *d)
{
    for (size_t n = 0; n < d->messages; n++) {
        const struct database_message *m = &d->message[n];
        index_put(&d->by_id, index_hash(d->conversation[m->conversation].id, m->id), (uint32_t)n);
        if (m->key.high || m->key.low)
            index_put(&d->by_key, index_hash(m->sender ^ m->key.high, m->key.low), (uint32_t)n);
    }
}

static void database_read_members(struct database *d, const char *dir, struct verdicts *v)
{
    struct copy c;
    size_t room = 0;

    for (copy_open(&c, dir, "member"); copy_row(&c);) {
        uint64_t conversation = copy_number(&c), user = copy_number(&c);
        uint32_t n = database_conversation(d, conversation);
        if (n == INDEX_NONE) {
            verdict_bad(v, VERDICT_I3, 0,
                        "user %" PRIu64 " is a member of conversation %" PRIu64 ", which is not there", user,
                        conversation);
            continue;
        }
        d->member = database_more(d->member, d->members, &room, sizeof *d->member);
        d->member[d->members++] = (struct database_member){ n, user, copy_number(&c) };
        if (d->members > 1 && d->member[d->members - 2].conversation > n)
            copy_refuse(&c, "not in order");
    }
    copy_close(&c);
}

static void database_read_users(struct database *d, const char *dir)
{
    struct copy c;
    size_t room = 0;

    for (copy_open(&c, dir, "mailbox"); copy_row(&c);) {
        d->user = database_more(d->user, d->users, &room, sizeof *d->user);
        struct database_user *new = &d->user[d->users++];
        *new = (struct database_user){ .id = copy_number(&c) };
        new->last_i = copy_number(&c);
        if (d->users > 1 && new[-1].id >= new->id)
            copy_refuse(&c, "not in order");
    }
    copy_close(&c);
}

void database_read(struct database *d, const char *dir, struct verdicts *v)
{
    *d = (struct database){ 0 };
    database_read_conversations(d, dir);
    database_read_messages(d, dir, v);
    CHECK(d->messages < DATABASE_OWN);
    database_index(d);
    database_read_members(d, dir, v);
    database_read_users(d, dir);
}

void database_fini(struct database *d)
{
    free(d->conversation);
    free(d->message);
    free(d->member);
    free(d->event);
    free(d->user);
    free(d->inbox_i);
    free(d->inbox_row);
    free(d->own);
    index_fini(&d->by_id);
    index_fini(&d->by_key);
    *d = (struct database){ 0 };
}
