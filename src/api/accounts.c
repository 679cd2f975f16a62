/* api/accounts.c - POST /v1/accounts, POST /v1/sessions */
#include "api/handlers.h"
#include "api/limiter.h"
#include "api/present.h"
#include "base/secret.h"
#include "chat/enroll.h"

enum { ACCOUNTS_PLATFORM_MAX = 32, ACCOUNTS_INVITE_MAX = 256 };

struct register_body {
    struct text handle, password, name, invite;
};
static const struct wire_schema register_schema = {
    sizeof(struct register_body),
    (const struct wire_field[]){
        { "handle", WIRE_STRING, true, 1, 4 * LIMIT_HANDLE_BYTES, offsetof(struct register_body, handle), 0,
          NULL },
        { "password", WIRE_STRING, true, 1, 4 * LIMIT_PASSWORD_BYTES,
          offsetof(struct register_body, password), 0, NULL },
        { "name", WIRE_STRING, false, 0, LIMIT_NAME_BYTES, offsetof(struct register_body, name), 0, NULL },
        { "invite", WIRE_STRING, false, 0, ACCOUNTS_INVITE_MAX, offsetof(struct register_body, invite), 0,
          NULL },
        { 0 } },
};

struct login_device {
    struct text name, platform;
};
struct login_body {
    struct text handle, password;
    struct login_device device;
    bool cookie;
};
static const struct wire_schema device_schema = {
    sizeof(struct login_device),
    (const struct wire_field[]){
        { "name", WIRE_STRING, true, 1, LIMIT_NAME_BYTES, offsetof(struct login_device, name), 0, NULL },
        { "platform", WIRE_STRING, true, 1, ACCOUNTS_PLATFORM_MAX, offsetof(struct login_device, platform), 0,
          NULL },
        { 0 } },
};
static const struct wire_schema login_schema = {
    sizeof(struct login_body),
    (const struct wire_field[]){
        { "handle", WIRE_STRING, true, 1, 4 * LIMIT_HANDLE_BYTES, offsetof(struct login_body, handle), 0,
          NULL },
        { "password", WIRE_STRING, true, 1, 4 * LIMIT_PASSWORD_BYTES, offsetof(struct login_body, password),
          0, NULL },
        { "device", WIRE_OBJECT, true, 0, 0, offsetof(struct login_body, device), 0, &device_schema },
        { "cookie", WIRE_BOOL, false, 0, 0, offsetof(struct login_body, cookie), 0, NULL },
        { 0 } },
};

struct accounts_state {
    struct enroll enroll; /* first */
    bool wants_cookie;
};

static op_step accounts_registered, accounts_logged_in;

static struct accounts_state *accounts_state(struct call *c)
{
    struct accounts_state *s = arena_alloc(&c->arena, sizeof *s);

    s->enroll.chat = c->api->chat;
    s->enroll.arena = &c->arena;
    c->state = s;
    return s;
}

/* Open to all, to none, or to who brings the code. */
static enum err accounts_may_register(const struct call *c, const struct register_body *b)
{
    const char *rule = c->api->chat->config->accounts_registration;
    const char *invite = c->api->invite;

    if (strcmp(rule, "open") == 0)
        return ERR_OK;
    bool is_invited = strcmp(rule, "invite") == 0 && invite && strlen(invite) == b->invite.bytes &&
                      secret_equal(invite, b->invite.at, b->invite.bytes);
    return is_invited ? ERR_OK : ERR_REGISTRATION_CLOSED;
}

void accounts_register(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    const struct register_body *b = call_body(c, &register_schema);

    CHECK(!err);
    if (!b)
        return;
    err = accounts_may_register(c, b);
    if (!err)
        err = limiter_take(c->api->limiter, LIMITER_REGISTER, c->peer, &c->retry_ms);
    if (err) {
        call_end(c, 0, err);
        return;
    }
    struct accounts_state *s = accounts_state(c);
    s->enroll.handle = b->handle;
    s->enroll.password = b->password;
    s->enroll.name = b->name;
    enroll_register(&s->enroll, op_then(op, accounts_registered));
}

static void accounts_registered(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct accounts_state *s = c->state;

    if (err) {
        if (err == ERR_OUT_OF_RANGE)
            snprintf(c->field, sizeof c->field, "body.%s", s->enroll.bad_field);
        call_end(c, 0, err);
        return;
    }
    present_account(&c->json, &s->enroll.read.account);
    call_end(c, 201, ERR_OK);
}

void accounts_login(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    const struct login_body *b = call_body(c, &login_schema);

    CHECK(!err);
    if (!b)
        return;
    /* By the handle that is meant: another spelling is not another try. */
    if (b->cookie && c->is_framed) { /* nothing goes with the answer that could set one */
        call_refuse(c, ERR_BAD_REQUEST, "body.cookie");
        return;
    }
    char handle[LIMIT_HANDLE_BYTES + 1];
    if (handle_canonical(b->handle, handle))
        handle[0] = 0;
    char *who = arena_printf(&c->arena, "%.*s %s", (int)c->peer.bytes, c->peer.at, handle);
    err = limiter_take(c->api->limiter, LIMITER_LOGIN, text_of(who), &c->retry_ms);
    if (err) {
        call_end(c, 0, err);
        return;
    }
    struct accounts_state *s = accounts_state(c);
    s->enroll.handle = b->handle;
    s->enroll.password = b->password;
    s->enroll.device_name = b->device.name;
    s->enroll.platform = b->device.platform;
    s->wants_cookie = b->cookie;
    enroll_login(&s->enroll, op_then(op, accounts_logged_in));
}

static void accounts_logged_in(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct accounts_state *s = c->state;
    struct enroll *e = &s->enroll;
    struct json *j = &c->json;

    if (err) {
        call_end(c, 0, err);
        return;
    }
    json_string(j, "token", text_of(e->token));
    json_object(j, "account");
    present_account(j, &e->read.account);
    json_close(j);
    json_object(j, "device");
    present_device(j, &e->device, e->device.id);
    json_close(j);
    present_cursor(j, "cursor", store_timeline(c->api->chat->store), e->head);
    if (s->wants_cookie)
        c->set_cookie = arena_printf(
            &c->arena, "__Host-posthorn=%s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%d", e->token,
            LIMIT_TOKEN_DAYS * 24 * 60 * 60);
    call_end(c, 201, ERR_OK);
}
