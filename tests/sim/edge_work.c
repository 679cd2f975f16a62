/* sim/edge_work.c - verbs as api/ has them: a message is sent, a group gets or loses a member
 *
 * A send, as in api/messages.c:
 *   1 begin      to the conversation's home, or committed here
 *   2 forwarded  the home's answer; or it could not be asked: committed here
 *   3 sent       told to the recipients, answered
 */
#include "base/check.h"
#include "chat/roster.h"
#include "node/forwarder.h"
#include "sim/edge_inside.h"
#include <stdlib.h>

struct edge_sending {
    struct op op; /* first */
    struct edge_life *life;
    struct edge_request request;
    struct forwarder_send forward;
    struct send send;
};

static op_step edge_send_begin, edge_send_forwarded, edge_send_sent;

static void edge_sending_free(struct op *op)
{
    struct edge_sending *s = (struct edge_sending *)op;

    send_fini(&s->send);
    free(s);
}

static const struct op_kind edge_sending_kind = { .name = "sending", .free = edge_sending_free };

static void edge_answer_with(const struct edge_request *r, enum err err, uint64_t seq, uint64_t id,
                             bool is_duplicate)
{
    struct edge_answer *a = calloc(1, sizeof *a);

    CHECK(a);
    *a = (struct edge_answer){ r->device, r->connection, r->key, err, seq, id, is_duplicate };
    world_at(world_between(200, 2000), WORLD_OUTSIDE, edge_calls_of()->answered, a);
}

void edge_send(void *request)
{
    struct edge_request *r = request;
    struct edge_life *l = edge_life_of(r->process);
    struct edge_sending *s = calloc(1, sizeof *s);

    CHECK(s);
    s->life = l;
    s->request = *r;
    free(r);
    op_start(&l->ops, &s->op, &edge_sending_kind, edge_send_begin, edge_done, s);
}

static void edge_commit(struct edge_sending *s)
{
    struct edge_request *r = &s->request;

    s->send.post.chat = &s->life->chat;
    s->send.post.user.n = r->user;
    s->send.post.conversation.n = r->conversation;
    s->send.text = text_of(r->text);
    if (world_it()->mutant == MUTANT_ACK_BEFORE_COMMIT)
        edge_answer_with(r, ERR_OK, 1, 1, true);
    send_start(&s->send, r->key, op_then(&s->op, edge_send_sent));
}

static void edge_send_begin(struct op *op, enum err err)
{
    struct edge_sending *s = (struct edge_sending *)op;
    struct edge_request *r = &s->request;
    struct conversation_id conversation = { r->conversation };
    uint32_t home;

    CHECK(!err);
    if (s->life->is_closed || !node_may_send(s->life->node)) {
        edge_answer_with(r, s->life->is_closed ? ERR_DRAINING : ERR_STORE_DOWN, 0, 0, false);
        op_finish(op, ERR_OK);
        return;
    }
    const struct members *known = roster_find(s->life->chat.roster, conversation);
    if (known && known->kind == CONVERSATION_GROUP && node_is_elsewhere(s->life->node, conversation, &home)) {
        s->forward = (struct forwarder_send){
            .user = { r->user }, .conversation = conversation, .key = r->key, .text = text_of(r->text)
        };
        node_forward(s->life->node, &s->forward, home, op_then(op, edge_send_forwarded));
        return;
    }
    edge_commit(s);
}

static void edge_send_forwarded(struct op *op, enum err err)
{
    struct edge_sending *s = (struct edge_sending *)op;

    if (err == ERR_CANCELLED || err_may_retry(err)) {
        edge_commit(s);
        return;
    }
    edge_answer_with(&s->request, err, s->forward.seq.n, s->forward.id.n, s->forward.is_duplicate);
    op_finish(op, ERR_OK);
}

static void edge_send_sent(struct op *op, enum err err)
{
    struct edge_sending *s = (struct edge_sending *)op;
    const struct append *a = &s->send.post.append;

    if (!err)
        node_tell(s->life->node, &s->send.post.notices);
    edge_answer_with(&s->request, err, a->seq.n, a->id.n, a->is_duplicate);
    op_finish(op, ERR_OK);
}

/* Somebody joins a group, or leaves it. */
struct edge_changing {
    struct op op; /* first */
    struct edge_life *life;
    struct edge_request request;
    struct membership membership;
};

static op_step edge_change_begin, edge_changed;

static void edge_changing_free(struct op *op)
{
    struct edge_changing *c = (struct edge_changing *)op;

    membership_fini(&c->membership);
    free(c);
}

static const struct op_kind edge_changing_kind = { .name = "changing", .free = edge_changing_free };

void edge_change(void *request)
{
    struct edge_request *r = request;
    struct edge_life *l = edge_life_of(r->process);
    struct edge_changing *c = calloc(1, sizeof *c);

    CHECK(c);
    c->life = l;
    c->request = *r;
    free(r);
    op_start(&l->ops, &c->op, &edge_changing_kind, edge_change_begin, edge_done, c);
}

static void edge_change_begin(struct op *op, enum err err)
{
    struct edge_changing *c = (struct edge_changing *)op;
    struct membership *m = &c->membership;

    CHECK(!err);
    if (c->life->is_closed || !node_may_send(c->life->node)) {
        op_finish(op, ERR_OK);
        return;
    }
    m->post.chat = &c->life->chat;
    m->post.user.n = c->request.user;
    m->post.conversation.n = c->request.conversation;
    m->whom.n = c->request.whom;
    m->role = ROLE_MEMBER;
    if (c->request.is_put)
        membership_put(m, op_then(op, edge_changed));
    else
        membership_remove(m, op_then(op, edge_changed));
}

static void edge_changed(struct op *op, enum err err)
{
    struct edge_changing *c = (struct edge_changing *)op;
    struct conversation_id conversation = { c->request.conversation };

    if (!err) {
        node_tell(c->life->node, &c->membership.post.notices);
        node_changed(c->life->node, conversation);
    }
    op_finish(op, ERR_OK);
}
