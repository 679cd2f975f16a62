/* sim/edge.c - a process of the ring: the code under test, and the few lines between it and a client that api/ has
 *
 * A process that is killed is left behind as it is: what it had asked for may still be done by others, but nothing
 * happens to it any more.
 */
#include "sim/edge.h"
#include "base/check.h"
#include "chat/muster.h"
#include "chat/sessions.h"
#include "node/forwarder.h"
#include "sim/fakelinks.h"
#include "sim/fakeloop.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct edge_life { /* from a start to a death */
    uint32_t process;
    struct loop *loop;
    struct ops ops;
    struct snowflake ids;
    struct config config;
    struct chat chat;
    struct hub *hub;
    struct channel_place place;
    struct node *node;
    struct cluster_self self;
    char name[24], link[24];
    struct op leaving;
    bool is_draining, dies_in_turn;
    TAILQ_HEAD(, edge_stream) streams;
};

struct edge_stream {
    struct channel channel; /* first */
    struct edge_life *life;
    struct device *device;
    uint64_t connection, last_us;
    bool is_poll;
    struct loop_timer deadline;
    TAILQ_ENTRY(edge_stream) all;
};

static struct {
    struct edge_life *life[WORLD_NODES];
    uint64_t wake_us[WORLD_NODES];
    const struct edge_calls *calls;
    uint32_t processes;
    bool is_ring;
    struct node_stats gone;
} edge;

static void edge_nothing(void *ctx)
{
    (void)ctx;
}

bool edge_is_up(uint32_t process)
{
    return edge.life[process] && !edge.life[process]->is_draining;
}

static void edge_wake_later(struct edge_life *l)
{
    uint64_t at_us, now_us = world_it()->now_us;

    if (!ops_idle(&l->ops)) {
        world_at(20, l->process, edge_nothing, NULL);
        return;
    }
    if (!fakeloop_next(l->loop, &at_us))
        return;
    if (at_us <= now_us)
        at_us = now_us + WORLD_MS;
    if (edge.wake_us[l->process] > now_us && edge.wake_us[l->process] <= at_us)
        return;
    edge.wake_us[l->process] = at_us;
    world_at(at_us - now_us, l->process, edge_nothing, NULL);
}

static void edge_gone(struct edge_life *l)
{
    struct node_stats s;

    node_stats_read(l->node, &s);
    edge.gone.handed_on += s.handed_on;
    edge.gone.inherited += s.inherited;
    edge.gone.forwarded += s.forwarded;
    edge.gone.forward_lost += s.forward_lost;
    edge.gone.healed += s.healed;
    edge.gone.doubts += s.doubts;
    edge.gone.delivered_in += s.delivered_in;
    world_it()->era[l->process]++;
    edge.life[l->process] = NULL;
}

static void edge_turn(uint32_t process, world_fn *fn, void *ctx)
{
    struct edge_life *l = edge.life[process];

    CHECK(l);
    fakeloop_happens(l->loop, fn, ctx);
    loop_wait(l->loop, true);
    ops_run(&l->ops);
    if (l->dies_in_turn) { /* what was to be told is not */
        l->dies_in_turn = false;
        edge_kill(process, false);
        return;
    }
    store_commit_turn(l->chat.store);
    node_turn(l->node);
    edge_wake_later(l);
}

void edge_use(const struct edge_calls *calls, uint32_t processes, bool is_ring)
{
    memset(&edge, 0, sizeof edge);
    edge.calls = calls;
    edge.processes = processes;
    edge.is_ring = is_ring;
    world_it()->turn = edge_turn;
    fakelinks_reset();
}

static void edge_join(struct edge_life *l)
{
    snprintf(l->name, sizeof l->name, "host%u/0", l->process);
    snprintf(l->link, sizeof l->link, "host%u:1", l->process);
    l->self = (struct cluster_self){ .name = text_of(l->name),
                                     .url = TEXT("https://localhost"),
                                     .link = text_of(l->link),
                                     .host = text_of(l->name),
                                     .weight = RING_WEIGHT };
    node_join(l->node, &l->self);
}

void edge_start(uint32_t process)
{
    struct edge_life *l = calloc(1, sizeof *l);

    CHECK(l && !edge.life[process]);
    world_it()->era[process]++;
    l->process = process;
    l->config.node_id = process;
    l->config.node_forward = 1;
    l->loop = loop_new();
    ops_init(&l->ops);
    snowflake_init(&l->ids, process);
    l->chat = (struct chat){ .loop = l->loop, .ops = &l->ops, .config = &l->config, .ids = &l->ids };
    l->chat.store = store_new(l->loop, &l->ops, &l->config, &l->ids);
    l->chat.muster = muster_new(&l->chat);
    l->chat.roster = roster_new((uint32_t)world_between(2, 50));
    l->chat.sessions = sessions_new(16);
    l->hub = hub_new(l->loop);
    l->place = (struct channel_place){ &l->ops, l->loop, l->chat.store, l->hub };
    struct node_parts parts = { &l->chat, l->hub };
    l->node = node_new(&parts);
    TAILQ_INIT(&l->streams);
    edge.life[process] = l;
    edge.wake_us[process] = 0;
    if (edge.is_ring)
        edge_join(l);
    world_tell("process %u starts", process);
    world_at(1, process, edge_nothing, NULL);
}

/* What a client that is connected sees of it. */
static void edge_say_ended(struct edge_stream *s, enum err why, uint64_t delay_us)
{
    struct edge_answer *a = calloc(1, sizeof *a);

    CHECK(a);
    *a = (struct edge_answer){ .device = s->device, .connection = s->connection, .err = why };
    world_at(delay_us, WORLD_OUTSIDE, edge.calls->ended, a);
}

void edge_kill(uint32_t process, bool in_turn)
{
    struct edge_life *l = edge.life[process];
    struct edge_stream *s;
    bool is_seen = world_chance(700);

    if (!l)
        return;
    if (in_turn) {
        l->dies_in_turn = true;
        return;
    }
    world_tell("process %u dies%s", process, is_seen ? "" : ", and nobody is told");
    TAILQ_FOREACH(s, &l->streams, all)
    edge_say_ended(s, ERR_CANCELLED, (is_seen ? world_between(1, 100) : world_between(5000, 15000)) * WORLD_MS);
    edge_gone(l);
    fakelinks_died(process, is_seen);
}

static void edge_push(struct edge_stream *s, struct edge_delivery *d)
{
    uint64_t now_us = world_it()->now_us, at_us = now_us + world_between(200, 3000);

    if (at_us <= s->last_us)
        at_us = s->last_us + 1;
    s->last_us = at_us;
    d->device = s->device;
    d->connection = s->connection;
    world_at(at_us - now_us, WORLD_OUTSIDE, edge.calls->delivered, d);
}

static uint64_t edge_number(struct text encoded, const char *field)
{
    const char *at = memmem(encoded.at, encoded.bytes, field, strlen(field));

    return at ? strtoull(at + strlen(field), NULL, 10) : 0;
}

static void edge_take_event(struct edge_delivery *d, struct text encoded)
{
    d->event[d->count].id = edge_number(encoded, "\"id\":\"");
    d->event[d->count].conversation = edge_number(encoded, "\"c\":\"");
    d->event[d->count++].seq = edge_number(encoded, "\"seq\":");
}

static bool edge_batch(struct channel *ch, const struct channel_batch *b)
{
    struct edge_stream *s = (struct edge_stream *)ch;
    struct edge_delivery *d;

    if (s->is_poll && b->count == 0 && b->signals_count == 0)
        return true;
    d = calloc(1, sizeof *d);
    CHECK(d && b->count <= EDGE_EVENTS_MAX);
    d->cursor = b->cursor;
    for (uint32_t k = 0; k < b->count; k++) {
        struct blob *encoded = b->rows ? event_encode(&b->rows[k].event) : NULL;
        edge_take_event(d, blob_text(encoded ? encoded : b->encoded[k]));
        blob_free(&encoded);
    }
    edge_push(s, d);
    if (s->is_poll) {
        channel_end(ch, ERR_CANCELLED);
        return false;
    }
    if (world_chance(950))
        return true;
    struct edge_request *r = calloc(1, sizeof *r);
    CHECK(r);
    *r = (struct edge_request){ .process = s->life->process, .device = s->device, .connection = s->connection };
    world_at(world_between(1, world_it()->is_calm ? 20 : 800) * WORLD_MS, s->life->process, edge_room, r);
    return false;
}

static void edge_ended(struct channel *ch, enum err why)
{
    struct edge_stream *s = (struct edge_stream *)ch;

    world_tell("process %u: connection %" PRIu64 " of user %" PRIu64 " ends: %s", s->life->process, s->connection,
               ch->watcher.user.n, err_code(why));
    if (s->is_poll && (why == ERR_WAIT_OVER || why == ERR_DRAINING) && !ch->at.is_now) {
        struct edge_delivery *d = calloc(1, sizeof *d);
        CHECK(d);
        d->cursor = ch->at;
        edge_push(s, d);
    }
    loop_timer_clear(&s->deadline);
    TAILQ_REMOVE(&s->life->streams, s, all);
    edge_say_ended(s, why, s->last_us > world_it()->now_us ? s->last_us - world_it()->now_us + 1 : 300);
    free(s);
}

static const struct channel_kind edge_stream_kind = { "stream", HUB_STREAM, edge_batch, edge_ended };
static const struct channel_kind edge_poll_kind = { "poll", HUB_POLL, edge_batch, edge_ended };

static void edge_deadline(void *ctx)
{
    struct edge_stream *s = ctx;

    channel_end(&s->channel, ERR_WAIT_OVER);
}

void edge_open(void *request)
{
    struct edge_request *r = request;
    struct edge_life *l = edge.life[r->process];
    struct edge_stream *s = calloc(1, sizeof *s);
    struct user_id user = { r->user };
    struct device_id device = { r->device_id };

    CHECK(s);
    s->life = l;
    s->device = r->device;
    s->connection = r->connection;
    s->is_poll = r->is_poll;
    s->channel.events_max = (uint32_t)world_between(1, EDGE_EVENTS_MAX);
    s->channel.bytes_max = LIMIT_STREAM_BYTES;
    TAILQ_INSERT_TAIL(&l->streams, s, all);
    loop_timer_init(&s->deadline, l->loop, edge_deadline, s);
    if (s->is_poll)
        loop_timer_set(&s->deadline, world_between(500, 20000));
    channel_start(&s->channel, &l->place, s->is_poll ? &edge_poll_kind : &edge_stream_kind, user, device, r->after);
    free(r);
}

static struct edge_stream *edge_find(const struct edge_request *r)
{
    struct edge_stream *s;

    TAILQ_FOREACH(s, &edge.life[r->process]->streams, all)
    {
        if (s->device == r->device && s->connection == r->connection)
            return s;
    }
    return NULL;
}

void edge_close(void *request)
{
    struct edge_stream *s = edge_find(request);

    if (s)
        channel_end(&s->channel, ERR_CANCELLED);
    free(request);
}

void edge_room(void *request)
{
    struct edge_stream *s = edge_find(request);

    if (s)
        channel_room(&s->channel);
    free(request);
}

/* A send, as api/messages.c has it:
 *   1 begin      to the conversation's home, or committed here
 *   2 forwarded  the home's answer; or it could not be asked: committed here
 *   3 sent       told to the recipients, answered */
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

static void edge_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static const struct op_kind edge_sending_kind = { .name = "sending", .free = edge_sending_free };

static void edge_answer_with(const struct edge_request *r, enum err err, uint64_t seq, uint64_t id, bool is_duplicate)
{
    struct edge_answer *a = calloc(1, sizeof *a);

    CHECK(a);
    *a = (struct edge_answer){ r->device, r->connection, r->key, err, seq, id, is_duplicate };
    world_at(world_between(200, 2000), WORLD_OUTSIDE, edge.calls->answered, a);
}

void edge_send(void *request)
{
    struct edge_request *r = request;
    struct edge_life *l = edge.life[r->process];
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
    if (!node_may_send(s->life->node)) {
        edge_answer_with(r, ERR_STORE_DOWN, 0, 0, false);
        op_finish(op, ERR_OK);
        return;
    }
    const struct members *known = roster_find(s->life->chat.roster, conversation);
    if (known && known->kind == CONVERSATION_GROUP && node_is_elsewhere(s->life->node, conversation, &home)) {
        s->forward = (struct forwarder_send){ .user = { r->user },
                                              .conversation = conversation,
                                              .key = r->key,
                                              .text = text_of(r->text) };
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

    if (!err && !a->is_duplicate)
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
    struct edge_life *l = edge.life[r->process];
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
    if (!node_may_send(c->life->node)) {
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

void edge_stats(struct node_stats *into)
{
    for (uint32_t k = 0; k < edge.processes; k++) {
        if (edge.life[k]) {
            struct edge_life *l = edge.life[k];
            edge_gone(l);
        }
    }
    *into = edge.gone;
}

/* Leaving, as main.c has it: others take over, streams end, the last word. */
static op_step edge_leave_drain, edge_leave_end, edge_leave_over;

static void edge_keeps(struct op *op)
{
    (void)op;
}

static const struct op_kind edge_leaving_kind = { .name = "leaving", .free = edge_keeps };

static struct edge_life *edge_of(struct op *op)
{
    return (struct edge_life *)((char *)op - offsetof(struct edge_life, leaving));
}

static void edge_leave_drain(struct op *op, enum err err)
{
    CHECK(!err);
    node_drain(edge_of(op)->node, op_then(op, edge_leave_end));
}

static void edge_leave_end(struct op *op, enum err err)
{
    (void)err;
    hub_end(edge_of(op)->hub);
    node_leave(edge_of(op)->node, op_then(op, edge_leave_over));
}

static void edge_gone_now(void *ctx)
{
    uint32_t process = *(uint32_t *)ctx;

    free(ctx);
    if (edge.life[process] && edge.life[process]->is_draining)
        edge_kill(process, false);
}

static void edge_leave_over(struct op *op, enum err err)
{
    uint32_t *process = malloc(sizeof *process);

    (void)err;
    CHECK(process);
    *process = edge_of(op)->process;
    world_at(200 * WORLD_MS, WORLD_OUTSIDE, edge_gone_now, process);
    op_finish(op, ERR_OK);
}

void edge_drain(uint32_t process)
{
    struct edge_life *l = edge.life[process];

    if (!l || l->is_draining)
        return;
    world_tell("process %u drains", process);
    l->is_draining = true;
    op_start(&l->ops, &l->leaving, &edge_leaving_kind, edge_leave_drain, edge_done, l);
    world_at(1, process, edge_nothing, NULL);
}
