/* api/messages.c - POST and GET /v1/conversations/{c}/messages, PUT .../marks */
#include "api/handlers.h"
#include "api/limiter.h"
#include "api/present.h"
#include "chat/authz.h"
#include "chat/mark.h"
#include "chat/roster.h"
#include "chat/send.h"
#include "node/forwarder.h"

enum { MESSAGES_TYPE_MAX = 32, MESSAGES_HISTORY_BYTES = LIMIT_EVENTS_ANSWER_BYTES };
#define MESSAGES_SEQ_MAX ((1ull << 53) - 1)

struct send_body {
    struct text key, type, text, ciphertext;
    uint64_t reply_to;
    struct wire_ids attachments;
    bool has_text, has_ciphertext;
};
static const struct wire_schema send_schema = {
    sizeof(struct send_body),
    (const struct wire_field[]){
        { "key", WIRE_STRING, true, 1, 64, offsetof(struct send_body, key), 0, NULL },
        { "type", WIRE_STRING, false, 1, MESSAGES_TYPE_MAX, offsetof(struct send_body, type), 0, NULL },
        { "text", WIRE_STRING, false, 1, LIMIT_JSON_BYTES, offsetof(struct send_body, text),
          offsetof(struct send_body, has_text), NULL },
        { "ciphertext", WIRE_STRING, false, 1, LIMIT_JSON_BYTES, offsetof(struct send_body, ciphertext),
          offsetof(struct send_body, has_ciphertext), NULL },
        { "reply_to", WIRE_NUMBER, false, 1, MESSAGES_SEQ_MAX, offsetof(struct send_body, reply_to), 0,
          NULL },
        /* No media stand here yet, so there is nothing that an attachment could name. */
        { "attachments", WIRE_IDS, false, 0, 0, offsetof(struct send_body, attachments), 0, NULL },
        { 0 } },
};

struct mark_body {
    uint64_t delivered, read;
};
static const struct wire_schema mark_schema = {
    sizeof(struct mark_body),
    (const struct wire_field[]){
        { "delivered", WIRE_NUMBER, false, 1, MESSAGES_SEQ_MAX, offsetof(struct mark_body, delivered), 0,
          NULL },
        { "read", WIRE_NUMBER, false, 1, MESSAGES_SEQ_MAX, offsetof(struct mark_body, read), 0, NULL },
        { 0 } },
};

struct messages_history_state {
    struct history_read read;
    struct members *members;
};

static op_step messages_sent, messages_forwarded, messages_marked, messages_history_allowed,
    messages_history_read;

static bool messages_is_base64(struct text t)
{
    for (size_t k = 0; k < t.bytes; k++) {
        char c = t.at[k];
        bool is_digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_digit && c != '+' && c != '/' && c != '=' && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* A word of a program, not of people: "text", "image", "com.example.poll". */
static bool messages_is_word(struct text t)
{
    for (size_t k = 0; k < t.bytes; k++) {
        char c = t.at[k];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_letter && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

/* What the schema can't say; false: refused. */
static bool messages_check(struct call *c, const struct send_body *b, struct key *key)
{
    if (key_parse(b->key, key))
        call_refuse(c, ERR_OUT_OF_RANGE, "body.key");
    else if (!messages_is_word(b->type))
        call_refuse(c, ERR_OUT_OF_RANGE, "body.type");
    else if (!b->has_text && !b->has_ciphertext)
        call_refuse(c, ERR_MISSING_FIELD, "body.text");
    else if (b->has_text && b->has_ciphertext)
        call_refuse(c, ERR_BAD_REQUEST, "body.ciphertext");
    else if (b->text.bytes > LIMIT_MESSAGE_TEXT_BYTES)
        call_refuse(c, ERR_TOO_LARGE, "body.text");
    else if (b->ciphertext.bytes > LIMIT_MESSAGE_TEXT_BYTES)
        call_refuse(c, ERR_TOO_LARGE, "body.ciphertext");
    else if (!messages_is_base64(b->ciphertext))
        call_refuse(c, ERR_OUT_OF_RANGE, "body.ciphertext");
    else
        return true;
    return false;
}

/* A group whose home is another node: those who write at its head do not wait for each other then. Which kind it is, is
 * known from the first send on. */
static bool messages_is_for(const struct call *c, uint32_t *home)
{
    struct conversation_id conversation = { c->arg[0] };

    if (!c->api->chat->config->node_forward || !node_is_elsewhere(c->api->node, conversation, home))
        return false;
    const struct members *known = roster_find(c->api->chat->roster, conversation);
    return known && known->kind == CONVERSATION_GROUP;
}

static struct text messages_kind(const struct send_body *b)
{
    return text_equal(b->type, TEXT("text")) ? (struct text){ 0 } : b->type;
}

struct messages_commit_state {
    struct send send;
    bool is_unsure; /* another node may carry it out, too */
};

static void messages_commit(struct call *c, const struct send_body *b, struct key key, bool is_unsure)
{
    struct messages_commit_state *state = arena_alloc(&c->arena, sizeof *state);
    struct send *s = &state->send;

    state->is_unsure = is_unsure;
    s->post.chat = c->api->chat;
    s->post.user = call_user(c);
    s->post.conversation.n = c->arg[0];
    s->type = messages_kind(b);
    s->text = b->text;
    s->ciphertext = b->ciphertext;
    s->reply_to = b->reply_to;
    c->state = state;
    send_start(s, key, op_then(&c->op, messages_sent));
}

/* On its way to the conversation's home; the body is kept for the case that it must be committed here after all. */
struct messages_forward_state {
    struct forwarder_send send;
    struct send_body body;
};

static void messages_forward(struct call *c, const struct send_body *b, struct key key, uint32_t home)
{
    struct messages_forward_state *s = arena_alloc(&c->arena, sizeof *s);

    s->body = *b;
    s->send = (struct forwarder_send){ .user = call_user(c),
                                       .conversation = { c->arg[0] },
                                       .key = key,
                                       .kind = messages_kind(b),
                                       .text = b->text,
                                       .ciphertext = b->ciphertext,
                                       .reply_to = b->reply_to };
    c->state = s;
    node_forward(c->api->node, &s->send, home, op_then(&c->op, messages_forwarded));
}

static void messages_end(struct call *c, enum err err, struct message_id id, struct message_seq seq,
                         bool is_old)
{
    if (err == ERR_STALE_KEY || err == ERR_KEY_REUSED)
        snprintf(c->field, sizeof c->field, "body.key");
    if (!err) {
        json_id(&c->json, "id", id.n);
        json_number(&c->json, "seq", seq.n);
        present_time(&c->json, "at", snowflake_unix_ms(id.n));
        c->api->stats.sent++;
    }
    call_end(c, is_old ? 200 : 201, err);
}

/* The home could not be asked, or did not answer: the same key, here. */
static void messages_forwarded(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    const struct messages_forward_state *s = c->state;

    if (err == ERR_CANCELLED || err_may_retry(err))
        messages_commit(c, &s->body, s->send.key, s->send.was_said);
    else
        messages_end(c, err, s->send.id, s->send.seq, s->send.is_duplicate);
}

void messages_send(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    const struct send_body *b = call_body(c, &send_schema);
    struct user_id user = call_user(c);
    struct key key;

    CHECK(!err);
    if (!b || !messages_check(c, b, &key))
        return;
    struct text who = { (const char *)&user.n, sizeof user.n };
    err = limiter_take(c->api->limiter, LIMITER_SEND, who, &c->retry_ms);
    if (err) {
        call_end(c, 0, err);
        return;
    }
    uint32_t home;
    if (messages_is_for(c, &home))
        messages_forward(c, b, key, home);
    else
        messages_commit(c, b, key, false);
}

static void messages_sent(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct messages_commit_state *state = c->state;
    struct send *s = &state->send;
    const struct append *a = &s->post.append;
    bool is_old = a->is_duplicate;

    /* "No" would be for ever, and the other node may just be saying "yes". Whoever asks again gets the one answer. */
    if (err && !err_may_retry(err) && state->is_unsure)
        err = ERR_TIMEOUT;
    if (!err)
        api_tell(c->api, &s->post.notices);
    struct message_id id = a->id;
    struct message_seq seq = a->seq;
    send_fini(s);
    messages_end(c, err, id, seq, is_old);
}

/* An id, or 0 when the parameter is not there; false: refused. */
static bool messages_id_param(struct call *c, const struct call_param *p, const char *field,
                              struct message_id *id)
{
    id->n = 0;
    if (!p->text.at || id_parse(p->text, &id->n))
        return true;
    call_refuse(c, ERR_OUT_OF_RANGE, field);
    return false;
}

void messages_history(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct call_param params[] = { { .name = "before" },
                                   { .name = "after" },
                                   { .name = "limit",
                                     .is_number = true,
                                     .least = 1,
                                     .most = LIMIT_HISTORY,
                                     .number = LIMIT_HISTORY_DEFAULT },
                                   { 0 } };
    struct messages_history_state *s = arena_alloc(&c->arena, sizeof *s);

    CHECK(!err);
    c->state = s;
    if (!call_query(c, params) || !messages_id_param(c, &params[0], "query.before", &s->read.before) ||
        !messages_id_param(c, &params[1], "query.after", &s->read.after))
        return;
    if (s->read.before.n && s->read.after.n) {
        call_refuse(c, ERR_BAD_REQUEST, "query.after");
        return;
    }
    s->read.arena = &c->arena;
    s->read.limit = (uint32_t)params[2].number;
    s->read.bytes_max = MESSAGES_HISTORY_BYTES;
    store_members(c->api->chat->store, (struct conversation_id){ c->arg[0] }, &s->members,
                  op_then(op, messages_history_allowed));
}

static void messages_history_allowed(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct messages_history_state *s = c->state;

    if (!err) {
        roster_put(c->api->chat->roster, s->members);
        err = authz_check(s->members, call_user(c), ACTION_READ);
    }
    if (!err)
        s->read.joined = members_find(s->members, call_user(c))->joined;
    members_free(&s->members);
    if (err)
        call_end(c, 0, err);
    else
        store_history(c->api->chat->store, (struct conversation_id){ c->arg[0] }, &s->read,
                      op_then(op, messages_history_read));
}

static void messages_history_read(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct messages_history_state *s = c->state;

    if (!err) {
        json_array(&c->json, "messages");
        for (uint32_t k = 0; k < s->read.count; k++)
            present_event(&c->json, (struct inbox_seq){ 0 }, &s->read.at[k]);
        json_close(&c->json);
        json_bool(&c->json, "more", s->read.more);
    }
    call_end(c, 200, err);
}

void messages_mark(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    const struct mark_body *b = call_body(c, &mark_schema);

    CHECK(!err);
    if (!b)
        return;
    if (!b->read && !b->delivered) {
        call_refuse(c, ERR_MISSING_FIELD, "body.read");
        return;
    }
    struct mark *m = arena_alloc(&c->arena, sizeof *m);
    m->chat = c->api->chat;
    m->user = call_user(c);
    m->conversation.n = c->arg[0];
    m->delivered = b->delivered;
    m->read = b->read;
    c->state = m;
    mark_start(m, op_then(op, messages_marked));
}

static void messages_marked(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct mark *m = c->state;

    if (err == ERR_OUT_OF_RANGE)
        snprintf(c->field, sizeof c->field, "body.%s",
                 m->read > m->view.conversation.last_seq.n ? "read" : "delivered");
    if (!err)
        api_tell(c->api, &m->notices);
    mark_fini(m);
    call_end(c, 200, err);
}
