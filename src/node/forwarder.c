/* node/forwarder.c - sends under way to others, and sends of others under way here
 *
 * Of others:
 *   1 begin   as a member's own send: decided, committed                                     chat/send.h
 *   2 sent    its notices are told from here, the answer goes back
 */
#include "node/forwarder.h"
#include "base/check.h"
#include "base/die.h"
#include "base/secret.h"
#include "limits.h"
#include <stdlib.h>
#include <uthash.h>

struct forwarder_wait {
    uint64_t request;
    struct forwarder_send *send;
    UT_hash_handle hh;
};

struct forwarder_work {
    struct op op; /* first */
    struct forwarder *forwarder;
    struct send send;
    struct arena arena;
    struct key key;
    uint64_t request;
    uint32_t from;
};

struct forwarder {
    struct chat *chat;
    struct links *const *links;
    const struct forwarder_calls *calls;
    void *ctx;
    struct forwarder_wait *waits; /* in the order they were begun, and so of their deadlines */
    uint64_t requests;
    uint32_t works;
    bool is_stopped;
    struct loop_timer deadline;
    struct forwarder_stats stats;
};

static op_step forwarder_begin, forwarder_sent;

static void forwarder_deadline(void *ctx);

struct forwarder *forwarder_new(struct chat *chat, struct links *const *links,
                                const struct forwarder_calls *calls, void *ctx)
{
    struct forwarder *f = calloc(1, sizeof *f);

    CHECK(f);
    f->requests = secret_random_u64() >> 1; /* an answer to a node that had this id before is none of ours */
    f->chat = chat;
    f->links = links;
    f->calls = calls;
    f->ctx = ctx;
    loop_timer_init(&f->deadline, chat->loop, forwarder_deadline, f);
    return f;
}

static void forwarder_end(struct forwarder *f, struct forwarder_wait *w, enum err err)
{
    struct forwarder_send *s = w->send;

    HASH_DEL(f->waits, w);
    free(w);
    s->is_waiting = false;
    op_wake(s->op, err);
}

void forwarder_stop(struct forwarder *f)
{
    f->is_stopped = true;
    loop_timer_clear(&f->deadline);
    while (f->waits)
        forwarder_end(f, f->waits, ERR_CANCELLED);
}

void forwarder_free(struct forwarder **f)
{
    if (!*f)
        return;
    CHECK(!(*f)->waits && (*f)->works == 0);
    loop_timer_clear(&(*f)->deadline);
    free(*f);
    *f = NULL;
}

static void forwarder_deadline(void *ctx)
{
    struct forwarder *f = ctx;
    uint64_t now_ms = loop_now_ms(f->chat->loop);

    while (f->waits && f->waits->send->deadline_ms <= now_ms) {
        f->stats.lost++;
        forwarder_end(f, f->waits, ERR_CANCELLED);
    }
    if (f->waits)
        loop_timer_set(&f->deadline, f->waits->send->deadline_ms - now_ms);
}

static bool forwarder_say(struct forwarder *f, uint32_t node, const struct frame *frame)
{
    struct blob *encoded = frame_encode(frame);
    bool is_queued = links_send(*f->links, node, encoded);

    blob_free(&encoded);
    return is_queued;
}

void forwarder_start(struct forwarder *f, struct forwarder_send *s, uint32_t node, struct op *op)
{
    struct frame frame = { .type = FRAME_SEND,
                           .request = ++f->requests,
                           .hops = 1,
                           .wait_ms = LIMIT_FORWARD_MS,
                           .user = s->user,
                           .conversation = s->conversation,
                           .key = s->key,
                           .reply_to = s->reply_to,
                           .kind = s->kind,
                           .text = s->text,
                           .ciphertext = s->ciphertext };

    if (f->is_stopped || HASH_COUNT(f->waits) >= LIMIT_FORWARDED || !forwarder_say(f, node, &frame)) {
        op_wake(op, ERR_CANCELLED);
        return;
    }
    struct forwarder_wait *w = calloc(1, sizeof *w);
    CHECK(w);
    w->request = frame.request;
    w->send = s;
    s->op = op;
    s->node = node;
    s->is_waiting = true;
    s->was_said = true;
    s->deadline_ms = loop_now_ms(f->chat->loop) + LIMIT_FORWARD_MS;
    HASH_ADD(hh, f->waits, request, sizeof w->request, w);
    f->stats.out++;
    if (!f->deadline.is_set)
        loop_timer_set(&f->deadline, LIMIT_FORWARD_MS);
    die_at("forwarding");
}

void forwarder_answered(struct forwarder *f, uint32_t from, const struct frame *frame)
{
    struct forwarder_wait *w;

    HASH_FIND(hh, f->waits, &frame->request, sizeof frame->request, w);
    if (!w || w->send->node != from) /* it took too long, and was committed here meanwhile */
        return;
    w->send->id = frame->id;
    w->send->seq = frame->seq;
    w->send->is_duplicate = frame->is_duplicate;
    forwarder_end(f, w, frame->err);
}

void forwarder_link_down(struct forwarder *f, uint32_t node)
{
    struct forwarder_wait *w, *next;

    HASH_ITER(hh, f->waits, w, next)
    {
        if (w->send->node != node)
            continue;
        f->stats.lost++;
        forwarder_end(f, w, ERR_CANCELLED);
    }
}

static void forwarder_work_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static void forwarder_work_free(struct op *op)
{
    struct forwarder_work *w = (struct forwarder_work *)op;

    w->forwarder->works--;
    send_fini(&w->send);
    arena_fini(&w->arena);
    free(w);
}

static const struct op_kind forwarder_work_kind = { .name = "forwarded", .free = forwarder_work_free };

void forwarder_asked(struct forwarder *f, uint32_t from, const struct frame *frame)
{
    struct frame busy = { .type = FRAME_SENT, .request = frame->request, .err = ERR_CANCELLED };

    if (f->is_stopped || f->works >= LIMIT_FORWARDED) {
        (void)forwarder_say(f, from, &busy);
        return;
    }
    die_at("forwarded");
    struct forwarder_work *w = calloc(1, sizeof *w);
    CHECK(w);
    w->forwarder = f;
    w->from = from;
    w->request = frame->request;
    w->key = frame->key;
    w->send.post.chat = f->chat;
    w->send.post.user = frame->user;
    w->send.post.conversation = frame->conversation;
    w->send.type = arena_copy(&w->arena, frame->kind);
    w->send.text = arena_copy(&w->arena, frame->text);
    w->send.ciphertext = arena_copy(&w->arena, frame->ciphertext);
    w->send.reply_to = frame->reply_to;
    f->works++;
    f->stats.in++;
    op_start(f->chat->ops, &w->op, &forwarder_work_kind, forwarder_begin, forwarder_work_done, w);
}

static void forwarder_begin(struct op *op, enum err err)
{
    struct forwarder_work *w = (struct forwarder_work *)op;

    CHECK(!err);
    send_start(&w->send, w->key, op_then(op, forwarder_sent));
}

static void forwarder_sent(struct op *op, enum err err)
{
    struct forwarder_work *w = (struct forwarder_work *)op;
    const struct append *a = &w->send.post.append;
    struct frame answer = { .type = FRAME_SENT, .request = w->request, .err = err };

    if (!err) {
        answer.id = a->id;
        answer.seq = a->seq;
        answer.is_duplicate = a->is_duplicate;
    }
    if (!err)
        w->forwarder->calls->tell(w->forwarder->ctx, &w->send.post.notices);
    (void)forwarder_say(w->forwarder, w->from, &answer);
    op_finish(op, ERR_OK);
}

void forwarder_stats_read(const struct forwarder *f, struct forwarder_stats *into)
{
    *into = f->stats;
}
