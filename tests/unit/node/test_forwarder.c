/* unit/node/test_forwarder.c - a send is committed at its home, or here: once, whatever is lost on the way */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "fake/chat.h"
#include "limits.h"
#include "node/forwarder.h"
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOME = 4, SLACK_MS = 300 };

/* The links: what was said last, and to whom. */
static struct frame said;
static struct blob *said_bytes;
static uint32_t said_to;
static bool is_link_full;

bool links_send(struct links *l, uint32_t node, struct blob *frame)
{
    (void)l;
    if (is_link_full)
        return false;
    blob_free(&said_bytes);
    said_bytes = blob_ref(frame);
    assert_int_equal(frame_decode(blob_text(said_bytes), &said), ERR_OK);
    said_to = node;
    return true;
}

struct world {
    struct fake_chat f;
    struct links *links; /* none */
    struct forwarder *forwarder;
    struct user_id who[2];
    struct conversation_id group;
    unsigned told;
};

static void on_tell(void *ctx, const struct notices *n)
{
    ((struct world *)ctx)->told += n->encoded != NULL;
}

static const struct forwarder_calls calls = { on_tell };

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    fake_chat_init(&w->f);
    w->who[0] = fake_store_account(w->f.store, "a");
    w->who[1] = fake_store_account(w->f.store, "b");
    w->group = fake_store_conversation(w->f.store, CONVERSATION_GROUP, w->who, 2);
    w->forwarder = forwarder_new(&w->f.chat, &w->links, &calls, w);
    is_link_full = false;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    forwarder_stop(w->forwarder);
    forwarder_stop(w->forwarder);
    fake_chat_run(&w->f);
    forwarder_free(&w->forwarder);
    fake_chat_fini(&w->f);
    blob_free(&said_bytes);
    free(w);
    return 0;
}

struct going {
    struct fake_asker asker;
    struct forwarder *forwarder;
    struct forwarder_send send;
    uint32_t node;
};

static void begin(void *operation, struct op *op)
{
    struct going *g = operation;

    forwarder_start(g->forwarder, &g->send, g->node, op);
}

static struct key key_now(struct world *w, uint64_t random)
{
    return (struct key){ loop_unix_ms(w->f.chat.loop) << 16, random };
}

static void go(struct world *w, struct going *g, uint32_t node)
{
    *g = (struct going){ .forwarder = w->forwarder, .node = node };
    g->send = (struct forwarder_send){ .user = w->who[0],
                                       .conversation = w->group,
                                       .key = key_now(w, 1),
                                       .text = TEXT("hello"),
                                       .reply_to = 3 };
    fake_chat_begin(&w->f, &g->asker, begin, g);
}

static struct frame answer_to(uint64_t request)
{
    return (struct frame){ .type = FRAME_SENT,
                           .request = request,
                           .err = ERR_OK,
                           .id = { 77 },
                           .seq = { 8 },
                           .is_duplicate = true };
}

static void answer(struct world *w, uint32_t from, struct frame f)
{
    forwarder_answered(w->forwarder, from, &f);
    fake_chat_run(&w->f);
}

static void test_answered(void **state)
{
    struct world *w = *state;
    struct going g;

    go(w, &g, HOME);
    assert_false(g.asker.is_done);
    assert_int_equal(said_to, HOME);
    assert_int_equal(said.type, FRAME_SEND);
    assert_int_equal(said.wait_ms, LIMIT_FORWARD_MS);
    assert_int_equal(said.user.n, w->who[0].n);
    assert_int_equal(said.conversation.n, w->group.n);
    assert_true(said.key.high == g.send.key.high && said.key.low == 1);
    assert_int_equal(said.reply_to, 3);
    assert_true(text_equal(said.text, TEXT("hello")) && said.ciphertext.bytes == 0);

    answer(w, HOME + 1, answer_to(said.request)); /* whom it was not handed to */
    answer(w, HOME, answer_to(said.request + 1)); /* which was not asked */
    assert_false(g.asker.is_done);
    answer(w, HOME, answer_to(said.request));
    assert_true(g.asker.is_done);
    assert_int_equal(g.asker.err, ERR_OK);
    assert_int_equal(g.send.id.n, 77);
    assert_int_equal(g.send.seq.n, 8);
    assert_true(g.send.is_duplicate && g.send.was_said);
    answer(w, HOME, answer_to(said.request)); /* again: of a stream that broke */

    go(w, &g, HOME);
    struct frame no = answer_to(said.request);
    no.err = ERR_NOT_FOUND;
    answer(w, HOME, no);
    assert_int_equal(g.asker.err, ERR_NOT_FOUND);
}

/* What the node was asked that had this id before is no business of ours, nor what was asked of one. */
static void test_another_life(void **state)
{
    struct world *w = *state;
    struct going before, now;
    uint64_t request;

    go(w, &before, HOME);
    request = said.request;
    forwarder_stop(w->forwarder);
    fake_chat_run(&w->f);
    assert_int_equal(before.asker.err, ERR_CANCELLED);
    forwarder_free(&w->forwarder);
    w->forwarder = forwarder_new(&w->f.chat, &w->links, &calls, w);
    go(w, &now, HOME);
    assert_true(said.request > request + 1000 || said.request + 1000 < request);
    answer(w, HOME, answer_to(request));
    assert_false(now.asker.is_done);
    forwarder_link_down(w->forwarder, HOME);
    fake_chat_run(&w->f);
    assert_int_equal(now.asker.err, ERR_CANCELLED);
    answer(w, HOME, answer_to(said.request));
    assert_int_equal(now.send.seq.n, 0);
}

static void turn(struct world *w)
{
    loop_wait(w->f.chat.loop, false);
    fake_chat_run(&w->f);
    usleep(1000);
}

static void test_deadline(void **state)
{
    struct world *w = *state;
    struct going first, second, other;
    struct forwarder_stats stats;
    uint64_t since_ms = loop_now_ms(w->f.chat.loop);

    go(w, &first, HOME);
    go(w, &other, HOME + 1);
    forwarder_link_down(w->forwarder, HOME + 1);
    fake_chat_run(&w->f);
    assert_int_equal(other.asker.err, ERR_CANCELLED);
    assert_false(first.asker.is_done);
    while (loop_now_ms(w->f.chat.loop) < since_ms + LIMIT_FORWARD_MS / 2)
        turn(w);
    go(w, &second, HOME);
    while (!first.asker.is_done)
        turn(w);
    assert_in_range(loop_now_ms(w->f.chat.loop) - since_ms, LIMIT_FORWARD_MS, LIMIT_FORWARD_MS + SLACK_MS);
    assert_int_equal(first.asker.err, ERR_CANCELLED);
    assert_true(first.send.was_said);
    assert_false(second.asker.is_done); /* its own two seconds */
    answer(w, HOME, answer_to(said.request));
    assert_int_equal(second.asker.err, ERR_OK);
    assert_int_equal(first.send.seq.n, 0);
    forwarder_stats_read(w->forwarder, &stats);
    assert_int_equal(stats.out, 3);
    assert_int_equal(stats.lost, 2);
}

static void test_no_room(void **state)
{
    struct world *w = *state;
    struct going one, *many = calloc(LIMIT_FORWARDED, sizeof *many);

    is_link_full = true;
    go(w, &one, HOME);
    assert_true(one.asker.is_done);
    assert_int_equal(one.asker.err, ERR_CANCELLED);
    assert_false(one.send.was_said);
    is_link_full = false;
    for (uint32_t k = 0; k < LIMIT_FORWARDED; k++)
        go(w, &many[k], HOME);
    assert_false(many[LIMIT_FORWARDED - 1].asker.is_done);
    go(w, &one, HOME);
    assert_int_equal(one.asker.err, ERR_CANCELLED);
    assert_false(one.send.was_said);
    forwarder_stop(w->forwarder);
    fake_chat_run(&w->f);
    for (uint32_t k = 0; k < LIMIT_FORWARDED; k++)
        assert_true(many[k].asker.is_done && many[k].asker.err == ERR_CANCELLED);
    free(many);
}

/* As whoever had handed it on, and heard nothing. */
struct local {
    struct send send;
    struct key key;
};

static void begin_send(void *operation, struct op *op)
{
    struct local *l = operation;

    send_start(&l->send, l->key, op);
}

static struct frame send_of(struct world *w, uint64_t request, int who)
{
    return (struct frame){ .type = FRAME_SEND,
                           .request = request,
                           .hops = 1,
                           .wait_ms = LIMIT_FORWARD_MS,
                           .user = w->who[who],
                           .conversation = w->group,
                           .key = key_now(w, 9),
                           .text = TEXT("from elsewhere") };
}

/* Carried out here for another node; and again by it, because it did not hear the answer: the same message. */
static void test_asked(void **state)
{
    struct world *w = *state;
    struct frame f = send_of(w, 500, 1);
    struct local local = { .send.text = f.text, .key = f.key };

    forwarder_asked(w->forwarder, HOME, &f);
    fake_chat_run(&w->f);
    assert_int_equal(said_to, HOME);
    assert_int_equal(said.type, FRAME_SENT);
    assert_int_equal(said.request, 500);
    assert_int_equal(said.err, ERR_OK);
    assert_int_equal(said.seq.n, 1);
    assert_true(said.id.n > 0 && !said.is_duplicate);
    assert_int_equal(w->told, 1);

    local.send.post.chat = &w->f.chat;
    local.send.post.user = w->who[1];
    local.send.post.conversation = w->group;
    assert_int_equal(fake_chat_ask(&w->f, begin_send, &local), ERR_OK);
    assert_true(local.send.post.append.is_duplicate);
    assert_int_equal(local.send.post.append.seq.n, 1);
    assert_int_equal(local.send.post.append.id.n, said.id.n);
    send_fini(&local.send);

    f.request = 502;
    f.user.n = 12345; /* no member */
    forwarder_asked(w->forwarder, HOME, &f);
    fake_chat_run(&w->f);
    assert_int_equal(said.request, 502);
    assert_int_equal(said.err, ERR_NOT_FOUND);

    forwarder_stop(w->forwarder);
    f.request = 503;
    forwarder_asked(w->forwarder, HOME, &f);
    fake_chat_run(&w->f);
    assert_int_equal(said.request, 503);
    assert_int_equal(said.err, ERR_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
