/* api/typing.c - POST /v1/conversations/{c}/typing: a signal to the other members, never stored
 *
 *   1 post    the members from the roster, or read into it                                   Postgres, the first time
 *   2 loaded  they are there
 *   3 tell    may they; not too often; to everybody in the conversation, but not to the device that typed  end
 *
 * The other devices of who typed hear of it like everybody else: they know whose it is.
 */
#include "api/handlers.h"
#include "api/limiter.h"
#include "chat/authz.h"
#include "chat/muster.h"
#include "chat/roster.h"

enum { TYPING_BYTES_MAX = 160 };

/* No fields yet: a body is empty, or {}. */
static const struct wire_schema typing_schema = { 1, (const struct wire_field[]){ { .name = NULL } } };

static op_step typing_loaded;

/* The whole message of a WebSocket; the other ways take what they need out of it (receiver_signal()). */
static struct blob *typing_encode(struct conversation_id conversation, struct user_id user)
{
    struct buf out;
    struct json j;

    buf_init(&out, TYPING_BYTES_MAX);
    json_init(&j, &out);
    json_object(&j, NULL);
    json_object(&j, "signal");
    json_string(&j, "t", TEXT("typing"));
    json_id(&j, "c", conversation.n);
    json_id(&j, "user", user.n);
    json_close(&j);
    json_close(&j);
    CHECK(!out.overflowed);
    struct blob *encoded = blob_copy(buf_text(&out));
    buf_fini(&out);
    return encoded;
}

/* Whoever types on is not told that it was too often: what they do is fine. */
static bool typing_is_too_often(const struct call *c)
{
    uint64_t who[] = { call_user(c).n, c->arg[0] };
    struct text name = { (const char *)who, sizeof who };
    uint32_t wait_ms;

    return limiter_take(c->api->limiter, LIMITER_TYPING, name, &wait_ms);
}

static void typing_tell(struct call *c, const struct members *m)
{
    enum err err = authz_check(m, call_user(c), ACTION_SEND);

    if (!err && !typing_is_too_often(c)) {
        struct blob *encoded = typing_encode(m->conversation, call_user(c));
        node_signal(c->api->node, m, c->who.session.device, encoded);
        blob_free(&encoded);
    }
    call_end(c, 202, err);
}

void typing_post(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct conversation_id conversation = { c->arg[0] };

    CHECK(!err);
    if (c->body.bytes > 0 && !call_body(c, &typing_schema))
        return;
    const struct members *known = roster_find(c->api->chat->roster, conversation);
    if (known)
        typing_tell(c, known);
    else
        muster_ask(c->api->chat->muster, conversation, op_then(op, typing_loaded));
}

static void typing_loaded(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct conversation_id conversation = { c->arg[0] };
    const struct members *known = roster_find(c->api->chat->roster, conversation);

    muster_leave(c->api->chat->muster, conversation);
    if (known && !err)
        typing_tell(c, known);
    else /* read, and forgotten again meanwhile? */
        call_end(c, 0, err ? err : ERR_BUSY);
}
