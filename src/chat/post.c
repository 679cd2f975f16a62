/* chat/post.c - something happens in a conversation
 *
 *   1 load      the members, from the roster or from Postgres; nobody overtakes
 *   2 decide    may they, and what is it; memory only
 *   3 append    the event, its inbox rows and its effects, one commit
 *   4 appended  the members had changed: again from 1; else the notices
 *
 * Who may not (any more) and has a key may have been acknowledged without hearing of it:
 *   3 recall    does the key stand? Then that is the answer, else what was decided
 */
#include "chat/post.h"
#include "chat/muster.h"
#include "chat/roster.h"

enum { POST_TRIES = 10 }; /* members may change that often while one message waits */

static op_step post_load, post_loaded, post_decide, post_appended, post_recalled;

static const struct op_kind post_kind = { .name = "post", .free = chat_free_nothing };

void post_start(struct post *p, struct op *asker)
{
    op_start(p->chat->ops, &p->op, &post_kind, post_load, chat_wake_asker, asker);
}

void post_fini(struct post *p)
{
    members_free(&p->members);
    members_free(&p->recipients);
    members_free(&p->notices.members);
    blob_free(&p->notices.encoded);
}

static void post_again(struct op *op)
{
    struct post *p = (struct post *)op;

    if (++p->tries < POST_TRIES)
        post_load(op, ERR_OK);
    else
        op_finish(op, ERR_BUSY);
}

static void post_load(struct op *op, enum err err)
{
    struct post *p = (struct post *)op;
    const struct members *known = NULL;

    CHECK(!err);
    members_free(&p->members);
    members_free(&p->recipients);
    if (!muster_is_busy(p->chat->muster, p->conversation))
        known = roster_find(p->chat->roster, p->conversation);
    if (known) {
        p->members = members_ref((struct members *)known);
        post_decide(op, ERR_OK);
    } else {
        muster_ask(p->chat->muster, p->conversation, op_then(op, post_loaded));
    }
}

static void post_loaded(struct op *op, enum err err)
{
    struct post *p = (struct post *)op;
    const struct members *known = roster_find(p->chat->roster, p->conversation);

    muster_leave(p->chat->muster, p->conversation);
    if (!err && known) {
        p->members = members_ref((struct members *)known);
        post_decide(op, ERR_OK);
    } else if (!err) { /* forgotten again meanwhile */
        post_again(op);
    } else {
        op_finish(op, err);
    }
}

static void post_decide(struct op *op, enum err err)
{
    struct post *p = (struct post *)op;
    struct append *a = &p->append;

    CHECK(!err);
    err = p->decide(p);
    a->conversation = p->conversation;
    a->from = p->user;
    if ((err == ERR_NOT_FOUND || err == ERR_FORBIDDEN) && (a->key.high || a->key.low)) {
        p->refusal = err;
        store_recall(p->chat->store, a, op_then(op, post_recalled));
        return;
    }
    if (err || p->is_needless) {
        op_finish(op, err);
        return;
    }
    a->members = p->recipients ? p->recipients : p->members;
    a->i = p->i;
    store_append(p->chat->store, a, op_then(op, post_appended));
}

static struct blob *post_encode(const struct append *a)
{
    struct event e = { .kind = a->kind,
                       .conversation = a->conversation,
                       .seq = a->seq,
                       .id = a->id,
                       .from = a->from,
                       .key = a->key,
                       .body = a->body };

    return event_encode(&e);
}

static void post_appended(struct op *op, enum err err)
{
    struct post *p = (struct post *)op;
    struct append *a = &p->append;

    if (err == ERR_MEMBERS_CHANGED) {
        roster_forget(p->chat->roster, p->conversation);
        post_again(op);
        return;
    }
    if (!err && a->effects_count > 0)
        roster_forget(p->chat->roster, p->conversation);
    if (!err) {
        CHECK(a->id.n > 0);
        p->notices.members = members_ref((struct members *)a->members);
        p->notices.i = p->i;
        p->notices.encoded = a->is_duplicate ? NULL : post_encode(a);
    }
    op_finish(op, err);
}

static void post_recalled(struct op *op, enum err err)
{
    struct post *p = (struct post *)op;

    if (!err) { /* whether the members heard of it nobody knows, as with each key that comes again */
        p->notices.members = members_ref(p->members);
        p->notices.i = p->i;
    }
    op_finish(op, err == ERR_NOT_FOUND ? p->refusal : err);
}
