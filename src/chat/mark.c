/* chat/mark.c - how far an account has read
 *
 *   1 view      what the account sees of the conversation: its mark, the last seq
 *   2 append    if the mark rises: the event into the own inbox and the new mark, one commit
 *   3 appended  the notice
 *
 * "delivered" is known better from the cursors; it is checked and not stored.
 */
#include "chat/mark.h"
#include <inttypes.h>

static op_step mark_view, mark_viewed, mark_appended;

static const struct op_kind mark_kind = { .name = "mark", .free = chat_free_nothing };

void mark_start(struct mark *m, struct op *asker)
{
    op_start(m->chat->ops, &m->op, &mark_kind, mark_view, chat_wake_asker, asker);
}

void mark_fini(struct mark *m)
{
    members_free(&m->self);
    members_free(&m->notices.members);
    blob_free(&m->notices.encoded);
    arena_fini(&m->arena);
}

static void mark_view(struct op *op, enum err err)
{
    struct mark *m = (struct mark *)op;

    CHECK(!err);
    m->view.arena = &m->arena;
    store_conversation(m->chat->store, m->user, m->conversation, &m->view, op_then(op, mark_viewed));
}

static void mark_viewed(struct op *op, enum err err)
{
    struct mark *m = (struct mark *)op;
    const struct conversation *c = &m->view.conversation;
    struct append *a = &m->append;

    if (!err && (m->read > c->last_seq.n || m->delivered > c->last_seq.n))
        err = ERR_OUT_OF_RANGE;
    if (err || m->read <= c->read_seq.n) {
        op_finish(op, err);
        return;
    }
    m->self = members_new(1);
    m->self->conversation = m->conversation;
    m->self->member[0].user = m->user;
    snprintf(m->body, sizeof m->body, "\"read\":%" PRIu64, m->read);
    m->effect = (struct append_effect){ .kind = EFFECT_READ, .user = m->user, .number = m->read };
    *a = (struct append){ .kind = EVENT_MARK,
                          .conversation = m->conversation,
                          .from = m->user,
                          .body = text_of(m->body),
                          .members = m->self,
                          .effects = &m->effect,
                          .effects_count = 1,
                          .i = m->i };
    store_append(m->chat->store, a, op_then(op, mark_appended));
}

static void mark_appended(struct op *op, enum err err)
{
    struct mark *m = (struct mark *)op;
    struct append *a = &m->append;

    if (!err) {
        struct event e = {
            .kind = a->kind, .conversation = a->conversation, .id = a->id, .from = a->from, .body = a->body
        };
        m->notices = (struct notices){ members_ref(m->self), m->i, event_encode(&e) };
    }
    op_finish(op, err);
}
