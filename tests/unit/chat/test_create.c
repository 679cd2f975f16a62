/* unit/chat/test_create.c - a conversation begins: a direct one once for each pair, or a group */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "chat/create.h"
#include "fake/chat.h"
#include <cmocka.h>
#include <stdlib.h>

enum { A, B, C, D, PEOPLE };

struct world {
    struct fake_chat f;
    struct user_id who[PEOPLE];
    struct conversation_id direct;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    fake_chat_init(&w->f);
    for (int n = 0; n < PEOPLE; n++)
        w->who[n] = fake_store_account(w->f.store, (const char *[]){ "a", "b", "c", "d" }[n]);
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

static void begin_create(void *operation, struct op *op)
{
    create_start(operation, op);
}

static enum err create(struct world *w, struct create *c, enum conversation_kind kind, const uint64_t *with,
                       uint32_t count)
{
    *c = (struct create){ .chat = &w->f.chat,
                          .user = w->who[A],
                          .kind = kind,
                          .title = TEXT("Tea"),
                          .with = with,
                          .with_count = count };
    return fake_chat_ask(&w->f, begin_create, c);
}

static void test_create_group(void **state)
{
    struct world *w = *state;
    const uint64_t with[] = { w->who[C].n, w->who[B].n, w->who[C].n, w->who[A].n }, nobody[] = { 12345 };
    struct create *c = calloc(1, sizeof *c);

    assert_int_equal(create(w, c, CONVERSATION_GROUP, with, 4), ERR_OK);
    assert_int_equal(c->members->count, 3);
    assert_int_equal(members_find(c->members, w->who[A])->role, ROLE_OWNER);
    assert_int_equal(members_find(c->members, w->who[B])->role, ROLE_MEMBER);
    assert_int_equal(c->notices.members->count, 3);
    assert_false(c->is_old);
    create_fini(c);
    assert_int_equal(create(w, c, CONVERSATION_GROUP, NULL, 0), ERR_OK); /* alone is fine */
    create_fini(c);
    assert_int_equal(create(w, c, CONVERSATION_GROUP, nobody, 1), ERR_NOT_FOUND);
    create_fini(c);
    w->f.store->groups_count = LIMIT_GROUPS;
    assert_int_equal(create(w, c, CONVERSATION_GROUP, with, 4), ERR_TOO_MANY_GROUPS);
    create_fini(c);
    free(c);
}

static void test_create_too_large(void **state)
{
    struct world *w = *state;
    struct create *c = calloc(1, sizeof *c);
    uint64_t with[LIMIT_MEMBERS];

    for (int n = 0; n < LIMIT_MEMBERS; n++)
        with[n] = fake_store_account(w->f.store, "x").n;
    assert_int_equal(create(w, c, CONVERSATION_GROUP, with, LIMIT_MEMBERS), ERR_GROUP_FULL);
    create_fini(c);
    assert_int_equal(create(w, c, CONVERSATION_GROUP, with, LIMIT_MEMBERS - 1), ERR_OK);
    assert_int_equal(c->members->count, LIMIT_MEMBERS);
    create_fini(c);
    free(c);
}

static void test_create_direct(void **state)
{
    struct world *w = *state;
    struct create *c = calloc(1, sizeof *c);

    assert_int_equal(create(w, c, CONVERSATION_DIRECT, &w->who[B].n, 1), ERR_OK);
    assert_true(c->is_old);
    assert_int_equal(c->conversation.n, w->direct.n);
    assert_null(c->notices.members);
    create_fini(c);
    assert_int_equal(create(w, c, CONVERSATION_DIRECT, &w->who[C].n, 1), ERR_OK);
    assert_false(c->is_old);
    assert_int_equal(c->notices.members->count, 2);
    assert_int_equal(members_find(c->members, w->who[A])->role, ROLE_MEMBER);
    create_fini(c);
    assert_int_equal(create(w, c, CONVERSATION_DIRECT, &w->who[A].n, 1), ERR_OUT_OF_RANGE);
    create_fini(c);
    /* Another node made it between the look and the commit. */
    fake_store_fail(w->f.store, ERR_EXISTS, 2, 1);
    assert_int_equal(create(w, c, CONVERSATION_DIRECT, &w->who[D].n, 1), ERR_OK);
    assert_false(c->is_old); /* the fake's other node has made none, so the second try does */
    create_fini(c);
    free(c);
}

/* The other one of the two was faster, between our look and our commit: it is theirs that both get. */
static void test_a_lost_race_finds_the_others(void **state)
{
    struct world *w = *state;
    struct create *c = calloc(1, sizeof *c);
    struct fake_asker asker = { .is_done = false };

    c->chat = &w->f.chat;
    c->user = w->who[A];
    c->kind = CONVERSATION_DIRECT;
    c->with = &w->who[C].n;
    c->with_count = 1;
    w->f.store->is_holding = true;
    fake_chat_begin(&w->f, &asker, begin_create, c);
    struct user_id both[] = { w->who[A], w->who[C] };
    struct conversation_id theirs = fake_store_conversation(w->f.store, CONVERSATION_DIRECT, both, 2);
    fake_store_release(w->f.store); /* "not found" */
    fake_chat_run(&w->f);
    assert_true(asker.is_done);
    assert_int_equal(asker.err, ERR_OK);
    assert_true(c->is_old);
    assert_int_equal(c->conversation.n, theirs.n);
    assert_null(c->notices.members);
    create_fini(c);
    free(c);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { SCENE(test_create_group), SCENE(test_create_too_large),
                                        SCENE(test_create_direct), SCENE(test_a_lost_race_finds_the_others) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
