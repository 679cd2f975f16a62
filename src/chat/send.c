/* chat/send.c - a member says something: the key is checked, the body written once, the rest is a post
 *
 * A client that did not hear back sends again with the same key; the store then answers with the place of the
 * first. So sending twice says a thing once.
 */
#include "chat/send.h"
#include "base/secret.h"
#include "chat/authz.h"
#include "model/json.h"

static enum err send_decide(struct post *p)
{
    p->append.kind = EVENT_MESSAGE;
    return authz_check(p->members, p->user, ACTION_SEND);
}

/* The event's own members, without braces. */
static void send_write_body(struct send *s)
{
    struct json j;

    buf_init(&s->body, LIMIT_JSON_BYTES * 2);
    json_init(&j, &s->body);
    json_object(&j, NULL);
    if (s->type.bytes)
        json_string(&j, "type", s->type);
    if (s->text.bytes)
        json_string(&j, "text", s->text);
    if (s->ciphertext.bytes)
        json_string(&j, "ciphertext", s->ciphertext);
    if (s->reply_to)
        json_number(&j, "reply_to", s->reply_to);
    CHECK(!s->body.overflowed);
}

void send_start(struct send *s, struct key key, struct op *asker)
{
    struct post *p = &s->post;
    enum err err = key_check(key, loop_unix_ms(p->chat->loop));

    if (err) {
        op_wake(asker, err);
        return;
    }
    send_write_body(s);
    p->append.key = key;
    p->append.body = (struct text){ s->body.at + 1, s->body.bytes - 1 };
    p->append.body_hash = secret_hash_u64(p->append.body);
    p->decide = send_decide;
    post_start(p, asker);
}

void send_fini(struct send *s)
{
    post_fini(&s->post);
    buf_fini(&s->body);
}
