/* unit/chat/test_conversing.c - sending, members and marks on a store in memory */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "chat/mark.h"
#include "chat/membership.h"
#include "chat/revoke.h"
#include "chat/send.h"
#include "fake/chat.h"
#include <cmocka.h>
#include <stdlib.h>

enum { A, B, C, D, PEOPLE };

struct world {
    struct fake_chat f;
    struct user_id who[PEOPLE];
    struct conversation_id group, direct;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    fake_chat_init(&w->f);
    for (int n = 0; n < PEOPLE; n++)
        w->who[n] = fake_store_account(w->f.store, (const char *[]){ "a", "b", "c", "d" }[n]);
    w->group = fake_store_conversation(w->f.store, CONVERSATION_GROUP, w->who, 3); /* A owns; B, C; not D */
    w->direct = fake_store_conversation(w->f.store, CONVERSATION_DIRECT, w->who, 2);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    fake_chat_fini(&w->f);
    free(w);
    return 0;
}

struct sending {
    struct send send;
    struct key key;
};

static void begin_send(void *operation, struct op *op)
{
    struct sending *s = operation;

    send_start(&s->send, s->key, op);
}

static struct key key_now(struct world *w, uint64_t random)
{
    return (struct key){ loop_unix_ms(w->f.chat.loop) << 16, random };
}

static void sending(struct sending *s, struct world *w, int who, const char *text, struct key key)
{
    *s = (struct sending){ .key = key };
    s->send.post.chat = &w->f.chat;
    s->send.post.user = w->who[who];
    s->send.post.conversation = w->group;
    s->send.text = text_of(text);
}

static enum err say(struct world *w, struct sending *s, int who, const char *text, uint64_t random)
{
    sending(s, w, who, text, key_now(w, random));
    return fake_chat_ask(&w->f, begin_send, s);
}

static void test_send(void **state)
{
    struct world *w = *state;
    struct sending s;

    assert_int_equal(say(w, &s, B, "hi", 1), ERR_OK);
    const struct notices *n = &s.send.post.notices;
    assert_int_equal(s.send.post.append.seq.n, 1);
    assert_int_equal(n->members->count, 3);
    for (int k = 0; k < 3; k++)
        assert_int_equal(n->i[k].n, 1);
    assert_non_null(strstr(n->encoded->at, "\"text\":\"hi\""));
    assert_non_null(strstr(n->encoded->at, "\"t\":\"message\""));
    send_fini(&s.send);
    assert_int_equal(fake_store_find(w->f.store, w->who[D])->inbox_count, 0);
    assert_int_equal(say(w, &s, B, "more", 2), ERR_OK);
    assert_int_equal(s.send.post.append.seq.n, 2);
    send_fini(&s.send);
    assert_int_equal(w->f.store->reads_of_members, 1); /* the second found them in the roster */
}

static void test_send_twice(void **state)
{
    struct world *w = *state;
    struct sending s;

    assert_int_equal(say(w, &s, B, "hi", 1), ERR_OK);
    uint64_t id = s.send.post.append.id.n;
    send_fini(&s.send);
    assert_int_equal(say(w, &s, B, "hi", 1), ERR_OK);
    assert_true(s.send.post.append.is_duplicate);
    assert_int_equal(s.send.post.append.id.n, id);
    assert_non_null(s.send.post.notices.members); /* whether they heard of it nobody knows: they look */
    assert_null(s.send.post.notices.encoded);
    send_fini(&s.send);
    assert_int_equal(say(w, &s, B, "ho", 1), ERR_KEY_REUSED);
    send_fini(&s.send);
    assert_int_equal(say(w, &s, A, "ho", 1), ERR_OK); /* another sender's key */
    send_fini(&s.send);
    assert_int_equal(w->f.store->events_count, 2);
}

static void test_send_refused(void **state)
{
    struct world *w = *state;
    struct sending s;
    const uint64_t day = 24ull * 60 * 60 * 1000, now = loop_unix_ms(w->f.chat.loop);

    assert_int_equal(say(w, &s, D, "hi", 1), ERR_NOT_FOUND);
    send_fini(&s.send);
    sending(&s, w, A, "hi", (struct key){ (now - 8 * day) << 16, 1 });
    assert_int_equal(fake_chat_ask(&w->f, begin_send, &s), ERR_STALE_KEY);
    send_fini(&s.send);
    sending(&s, w, A, "hi", (struct key){ (now + 2 * day) << 16, 1 });
    assert_int_equal(fake_chat_ask(&w->f, begin_send, &s), ERR_STALE_KEY);
    send_fini(&s.send);
    sending(&s, w, A, "hi", key_now(w, 1));
    s.send.post.conversation.n = 999;
    assert_int_equal(fake_chat_ask(&w->f, begin_send, &s), ERR_NOT_FOUND);
    send_fini(&s.send);
    fake_store_fail(w->f.store, ERR_STORE_DOWN, 0, 1); /* the members are known, the commit fails */
    assert_int_equal(say(w, &s, A, "hi", 1), ERR_STORE_DOWN);
    assert_null(s.send.post.notices.members);
    send_fini(&s.send);
    assert_int_equal(w->f.store->events_count, 0);
}

static void test_members_changed_meanwhile(void **state)
{
    struct world *w = *state;
    struct sending s;

    assert_int_equal(say(w, &s, B, "one", 1), ERR_OK);
    send_fini(&s.send);
    fake_store_change(w->f.store, w->group, w->who[C], ROLE_ADMIN); /* another node did */
    assert_int_equal(say(w, &s, B, "two", 2), ERR_OK);
    send_fini(&s.send);
    assert_int_equal(w->f.store->reads_of_members, 2);
    struct fake_conversation *c = fake_store_find_conversation(w->f.store, w->group);
    c->member[1] = c->member[--c->count]; /* and took B out */
    c->epoch++;
    assert_int_equal(say(w, &s, B, "three", 3), ERR_NOT_FOUND);
    send_fini(&s.send);
    /* They change whenever it looks: at last it says so. */
    w->f.store->restless_appends = 10;
    assert_int_equal(say(w, &s, A, "four", 4), ERR_BUSY);
    send_fini(&s.send);
    w->f.store->restless_appends = 9;
    assert_int_equal(say(w, &s, A, "five", 5), ERR_OK);
    send_fini(&s.send);
    assert_int_equal(w->f.store->events_count, 3);
}

/* Nobody knows the members yet: who asked first speaks first, though all wait for one reading. */
static void test_order_while_the_members_are_read(void **state)
{
    struct world *w = *state;
    struct sending s[4];
    struct fake_asker asker[4];

    w->f.store->is_holding = true;
    for (int n = 0; n < 3; n++) {
        sending(&s[n], w, B, (const char *[]){ "0", "1", "2" }[n], key_now(w, (uint64_t)n));
        fake_chat_begin(&w->f, &asker[n], begin_send, &s[n]);
    }
    assert_int_equal(w->f.store->reads_of_members, 1);
    fake_store_release(w->f.store);
    sending(&s[3], w, B, "3", key_now(w, 3));
    fake_chat_begin(&w->f, &asker[3], begin_send, &s[3]);
    for (uint64_t n = 0; n < 4; n++) {
        assert_true(asker[n].is_done);
        assert_int_equal(asker[n].err, ERR_OK);
        assert_int_equal(s[n].send.post.append.seq.n, n + 1);
        send_fini(&s[n].send);
    }
}

/* All that wait for a reading hear that it failed. */
static void test_members_that_cannot_be_read(void **state)
{
    struct world *w = *state;
    struct sending s[2];
    struct fake_asker asker[2];

    w->f.store->is_holding = true;
    fake_store_fail(w->f.store, ERR_STORE_DOWN, 0, 1);
    for (int n = 0; n < 2; n++) {
        sending(&s[n], w, B, "x", key_now(w, (uint64_t)n));
        fake_chat_begin(&w->f, &asker[n], begin_send, &s[n]);
    }
    fake_store_release(w->f.store);
    fake_chat_run(&w->f);
    for (int n = 0; n < 2; n++) {
        assert_true(asker[n].is_done);
        assert_int_equal(asker[n].err, ERR_STORE_DOWN);
        send_fini(&s[n].send);
    }
    assert_int_equal(say(w, &s[0], B, "now", 9), ERR_OK);
    send_fini(&s[0].send);
}

static void begin_put(void *operation, struct op *op)
{
    membership_put(operation, op);
}
static void begin_remove(void *operation, struct op *op)
{
    membership_remove(operation, op);
}
static void begin_retitle(void *operation, struct op *op)
{
    membership_retitle(operation, op);
}

static struct membership membership(struct world *w, int who, int whom, enum role role)
{
    struct membership m = { .whom = w->who[whom], .role = role, .title = TEXT("Tea") };

    m.post.chat = &w->f.chat;
    m.post.user = w->who[who];
    m.post.conversation = w->group;
    return m;
}

/* What happens when who does it to whom; *told is how many hear of it. */
static enum err change(struct world *w, fake_chat_begin_fn *begin, int who, int whom, enum role role,
                       uint32_t *told)
{
    struct membership m = membership(w, who, whom, role);
    enum err err = fake_chat_ask(&w->f, begin, &m);

    *told = m.post.notices.members ? m.post.notices.members->count : 0;
    membership_fini(&m);
    return err;
}

/* The answer to his first try is lost, he is removed, and his client tries again: it stands, so that is the answer.
 * What he never said before is refused. */
static void test_who_was_removed_hears_of_what_stands(void **state)
{
    struct world *w = *state;
    struct sending s;

    assert_int_equal(say(w, &s, B, "hi", 1), ERR_OK);
    uint64_t id = s.send.post.append.id.n, seq = s.send.post.append.seq.n;
    send_fini(&s.send);
    uint32_t told;
    assert_int_equal(change(w, begin_remove, A, B, ROLE_MEMBER, &told), ERR_OK);

    assert_int_equal(say(w, &s, B, "hi", 1), ERR_OK);
    assert_true(s.send.post.append.is_duplicate);
    assert_int_equal(s.send.post.append.id.n, id);
    assert_int_equal(s.send.post.append.seq.n, seq);
    assert_non_null(s.send.post.notices.members);
    assert_null(s.send.post.notices.encoded);
    send_fini(&s.send);
    assert_int_equal(say(w, &s, B, "ho", 1), ERR_KEY_REUSED);
    send_fini(&s.send);
    assert_int_equal(say(w, &s, B, "ho", 2), ERR_NOT_FOUND);
    assert_null(s.send.post.notices.members);
    send_fini(&s.send);
    fake_store_fail(w->f.store, ERR_STORE_DOWN, 0, 1); /* nobody knows: that is no refusal */
    sending(&s, w, B, "hi", key_now(w, 1));
    assert_int_equal(fake_chat_ask(&w->f, begin_send, &s), ERR_STORE_DOWN);
    send_fini(&s.send);
    assert_int_equal(w->f.store->events_count, 2);
}

static void test_put(void **state)
{
    struct world *w = *state;
    uint32_t told;

    assert_int_equal(change(w, begin_put, B, D, ROLE_MEMBER, &told), ERR_FORBIDDEN);
    assert_int_equal(change(w, begin_put, D, D, ROLE_MEMBER, &told), ERR_NOT_FOUND);
    assert_int_equal(change(w, begin_put, A, D, ROLE_MEMBER, &told), ERR_OK);
    assert_int_equal(told, 4); /* who joins hears of it */
    assert_int_equal(change(w, begin_put, A, D, ROLE_MEMBER, &told), ERR_OK);
    assert_int_equal(told, 0);
    assert_int_equal(change(w, begin_put, B, D, ROLE_MEMBER, &told), ERR_OK); /* it is so already */
    assert_int_equal(told, 0);
    assert_int_equal(change(w, begin_put, B, D, ROLE_ADMIN, &told), ERR_FORBIDDEN);
    assert_int_equal(change(w, begin_put, A, A, ROLE_MEMBER, &told), ERR_LAST_OWNER);
    assert_int_equal(change(w, begin_put, A, B, ROLE_OWNER, &told), ERR_OK);
    assert_int_equal(told, 4);
    assert_int_equal(change(w, begin_put, A, A, ROLE_MEMBER, &told), ERR_OK);
    assert_int_equal(change(w, begin_put, A, C, ROLE_ADMIN, &told), ERR_FORBIDDEN);
}

static void test_an_admin_adds_members_only(void **state)
{
    struct world *w = *state;
    uint32_t told;

    fake_store_change(w->f.store, w->group, w->who[B], ROLE_ADMIN);
    assert_int_equal(change(w, begin_put, B, D, ROLE_ADMIN, &told), ERR_FORBIDDEN);
    assert_int_equal(change(w, begin_put, B, D, ROLE_OWNER, &told), ERR_FORBIDDEN);
    assert_int_equal(change(w, begin_put, B, D, ROLE_MEMBER, &told), ERR_OK);
    assert_int_equal(change(w, begin_remove, B, A, ROLE_MEMBER, &told), ERR_FORBIDDEN);
    assert_int_equal(change(w, begin_remove, B, D, ROLE_MEMBER, &told), ERR_OK);
}

static void test_a_full_group(void **state)
{
    struct world *w = *state;
    struct fake_conversation *c = fake_store_find_conversation(w->f.store, w->group);
    uint32_t told;

    while (c->count < LIMIT_MEMBERS)
        c->member[c->count++].user = fake_store_account(w->f.store, "x");
    assert_int_equal(change(w, begin_put, A, D, ROLE_MEMBER, &told), ERR_GROUP_FULL);
    assert_int_equal(change(w, begin_put, A, B, ROLE_ADMIN, &told), ERR_OK); /* no new one */
    c->member[99] = c->member[--c->count];
    c->epoch++;
    assert_int_equal(change(w, begin_put, A, D, ROLE_MEMBER, &told), ERR_OK);
    assert_int_equal(told, LIMIT_MEMBERS);
}

static void test_remove_and_leave(void **state)
{
    struct world *w = *state;
    uint32_t told;

    assert_int_equal(change(w, begin_remove, B, C, 0, &told), ERR_FORBIDDEN);
    assert_int_equal(change(w, begin_remove, A, D, 0, &told), ERR_NOT_FOUND);
    assert_int_equal(change(w, begin_remove, A, A, 0, &told), ERR_LAST_OWNER);
    assert_int_equal(change(w, begin_remove, B, B, 0, &told), ERR_OK);
    assert_int_equal(told, 3); /* who goes hears of it, too */
    assert_int_equal(change(w, begin_remove, B, B, 0, &told), ERR_NOT_FOUND);
    assert_int_equal(change(w, begin_remove, A, C, 0, &told), ERR_OK);
    assert_int_equal(told, 2);
    assert_int_equal(change(w, begin_remove, A, A, 0, &told), ERR_OK); /* the last one may */
}

static void test_retitle_and_direct(void **state)
{
    struct world *w = *state;
    uint32_t told;

    assert_int_equal(change(w, begin_retitle, B, B, 0, &told), ERR_FORBIDDEN);
    assert_int_equal(change(w, begin_retitle, A, A, 0, &told), ERR_OK);
    assert_int_equal(told, 3);
    assert_string_equal(fake_store_find_conversation(w->f.store, w->group)->title, "Tea");
    w->group = w->direct;
    assert_int_equal(change(w, begin_retitle, A, A, 0, &told), ERR_DIRECT_FIXED);
    assert_int_equal(change(w, begin_put, A, C, ROLE_MEMBER, &told), ERR_DIRECT_FIXED);
    assert_int_equal(change(w, begin_put, A, B, ROLE_MEMBER, &told), ERR_DIRECT_FIXED);
    assert_int_equal(change(w, begin_remove, A, B, 0, &told), ERR_DIRECT_FIXED);
    assert_int_equal(change(w, begin_remove, A, A, 0, &told), ERR_DIRECT_FIXED);
}

static void begin_mark(void *operation, struct op *op)
{
    mark_start(operation, op);
}

static enum err mark(struct world *w, int who, uint64_t delivered, uint64_t read, uint32_t *told)
{
    struct mark m = { .chat = &w->f.chat,
                      .conversation = w->group,
                      .user = w->who[who],
                      .delivered = delivered,
                      .read = read };
    enum err err = fake_chat_ask(&w->f, begin_mark, &m);

    *told = m.notices.members ? m.notices.members->count : 0;
    mark_fini(&m);
    return err;
}

static void test_mark(void **state)
{
    struct world *w = *state;
    struct sending s;
    uint32_t told;

    for (uint64_t n = 1; n <= 3; n++) {
        assert_int_equal(say(w, &s, A, "x", n), ERR_OK);
        send_fini(&s.send);
    }
    assert_int_equal(mark(w, B, 0, 2, &told), ERR_OK);
    assert_int_equal(told, 1); /* the own devices, nobody else */
    assert_int_equal(fake_store_find(w->f.store, w->who[B])->inbox_count, 4);
    assert_int_equal(mark(w, B, 0, 2, &told), ERR_OK);
    assert_int_equal(told, 0);
    assert_int_equal(mark(w, B, 3, 1, &told), ERR_OK);
    assert_int_equal(told, 0);
    assert_int_equal(mark(w, B, 0, 4, &told), ERR_OUT_OF_RANGE);
    assert_int_equal(mark(w, B, 4, 0, &told), ERR_OUT_OF_RANGE);
    assert_int_equal(mark(w, D, 0, 1, &told), ERR_NOT_FOUND);
    assert_int_equal(mark(w, B, 3, 3, &told), ERR_OK);
    assert_int_equal(told, 1);
}

static void begin_revoke(void *operation, struct op *op)
{
    revoke_start(operation, op);
}

static void test_revoke(void **state)
{
    struct world *w = *state;
    struct revoke r = { .chat = &w->f.chat, .user = w->who[A], .device = { 77 } };
    const uint8_t hash[SECRET_HASH_BYTES] = { 1 };
    struct session out;

    w->f.store->device[0] = (struct fake_device){ .device = { .user = w->who[A], .id = { 77 } } };
    w->f.store->devices_count = 1;
    sessions_put(w->f.chat.sessions, &(struct session){ w->who[A], { 77 }, 1000 }, hash, 0);
    assert_int_equal(fake_chat_ask(&w->f, begin_revoke, &r), ERR_OK);
    assert_int_equal(r.notices.members->count, 1);
    assert_non_null(strstr(r.notices.encoded->at, "\"device\":\"77\""));
    assert_false(sessions_find(w->f.chat.sessions, r.device, hash, 0, 0, &out));
    revoke_fini(&r);
    r = (struct revoke){ .chat = &w->f.chat, .user = w->who[A], .device = { 77 } };
    assert_int_equal(fake_chat_ask(&w->f, begin_revoke, &r), ERR_NOT_FOUND);
    assert_null(r.notices.members);
    revoke_fini(&r);
    /* The event can't be written: the revocation stands. */
    w->f.store->devices_count = 1;
    r = (struct revoke){ .chat = &w->f.chat, .user = w->who[A], .device = { 77 } };
    fake_store_fail(w->f.store, ERR_STORE_DOWN, 1, 1);
    assert_int_equal(fake_chat_ask(&w->f, begin_revoke, &r), ERR_OK);
    assert_null(r.notices.members);
    assert_int_equal(w->f.store->devices_count, 0);
    revoke_fini(&r);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_send),
        SCENE(test_send_twice),
        SCENE(test_send_refused),
        SCENE(test_members_changed_meanwhile),
        SCENE(test_order_while_the_members_are_read),
        SCENE(test_members_that_cannot_be_read),
        SCENE(test_who_was_removed_hears_of_what_stands),
        SCENE(test_put),
        SCENE(test_an_admin_adds_members_only),
        SCENE(test_a_full_group),
        SCENE(test_remove_and_leave),
        SCENE(test_retitle_and_direct),
        SCENE(test_mark),
        SCENE(test_revoke),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
