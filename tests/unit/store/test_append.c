/* unit/store/test_append.c - the group commit: order, density, duplicates, changes of members, odd ones in a batch */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

static struct rig rig;

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig, RIG_PG_DIR, "test_append", "commit_lanes = 3\nbatch_messages_max = 64\n");
    rig_accounts(&rig, 0, 2000);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_check_invariants(&rig);
    rig_close(&rig);
    return 0;
}

static int64_t count_messages(struct conversation_id c)
{
    return rig_sql(&rig, "SELECT count(*) FROM message WHERE conversation_id = %llu",
                   (unsigned long long)c.n);
}

static void numbers_are_dense_and_every_member_has_one(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 100, 3);

    for (uint32_t n = 0; n < 5; n++) {
        struct rig_append *a = rig_message(&rig, m, n % 3, 0, "\"text\":\"hello\"");
        assert_int_equal(rig_append_do(a), ERR_OK);
        assert_int_equal(a->append.seq.n, n + 2);
        for (uint32_t k = 0; k < 3; k++)
            assert_int_equal(a->i[k].n, n + 2);
        rig_append_free(a);
    }
    assert_int_equal(rig_sql(&rig, "SELECT last_seq FROM conversation WHERE conversation_id = %llu",
                             (unsigned long long)m->conversation.n),
                     6);
    assert_int_equal(rig_sql(&rig,
                             "SELECT count(*) FROM member WHERE conversation_id = %llu AND joined_seq = 1",
                             (unsigned long long)m->conversation.n),
                     3);
    members_free(&m);
}

static void many_at_once_keep_their_order(void **state)
{
    (void)state;
    enum { CONVERSATIONS = 20, EACH = 50 };
    struct members *m[CONVERSATIONS];
    struct rig_append *a[CONVERSATIONS * EACH];
    struct store_stats before, after;

    for (uint32_t c = 0; c < CONVERSATIONS; c++)
        m[c] = rig_conversation(&rig, CONVERSATION_GROUP, 200 + c % 7, 5);
    store_stats_read(rig.store, &before);
    for (uint32_t n = 0; n < CONVERSATIONS * EACH; n++) {
        a[n] = rig_message(&rig, m[n % CONVERSATIONS], n % 5, n + 1, "\"text\":\"x\"");
        rig_append_start(a[n]);
        if (n % 100 == 0)
            rig_turn(&rig, false);
    }
    for (uint32_t n = 0; n < CONVERSATIONS * EACH; n++) {
        assert_int_equal(rig_append_wait(a[n]), ERR_OK);
        assert_int_equal(a[n]->append.seq.n, 2 + n / CONVERSATIONS);
    }
    store_stats_read(rig.store, &after);
    assert_true(after.commits - before.commits < CONVERSATIONS * EACH / 4);
    assert_int_equal(after.appended - before.appended, CONVERSATIONS * EACH);
    for (uint32_t n = 0; n < CONVERSATIONS * EACH; n++)
        rig_append_free(a[n]);
    for (uint32_t c = 0; c < CONVERSATIONS; c++)
        members_free(&m[c]);
    rig_check_invariants(&rig);
}

static void a_repeated_key_is_answered_as_before(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_DIRECT, 300, 2);
    struct rig_append *first = rig_message(&rig, m, 0, 5001, "\"text\":\"once\"");
    struct rig_append *again = rig_message(&rig, m, 0, 5001, "\"text\":\"once\"");
    struct rig_append *other = rig_message(&rig, m, 0, 5001, "\"text\":\"twice\"");
    struct rig_append *peer = rig_message(&rig, m, 1, 5001, "\"text\":\"mine\"");

    assert_int_equal(rig_append_do(first), ERR_OK);
    assert_false(first->append.is_duplicate);
    rig_restart(&rig);
    assert_int_equal(rig_append_do(again), ERR_OK);
    assert_true(again->append.is_duplicate);
    assert_int_equal(again->append.seq.n, first->append.seq.n);
    assert_int_equal(again->append.id.n, first->append.id.n);
    assert_int_equal(rig_append_do(other), ERR_KEY_REUSED);
    assert_int_equal(rig_append_do(peer), ERR_OK); /* keys are the sender's own */
    assert_false(peer->append.is_duplicate);
    assert_int_equal(count_messages(m->conversation), 3);
    assert_int_equal(rig_sql(&rig, "SELECT tries FROM send_key WHERE sender_id = 301"), 1);
    rig_append_free(first);
    rig_append_free(again);
    rig_append_free(other);
    rig_append_free(peer);
    members_free(&m);
}

static void recall(struct rig *r, struct op *op, void *ctx)
{
    store_recall(r->store, &((struct rig_append *)ctx)->append, op);
}

/* For who may not send any more: the answer of the first time, and a commit of its own. */
static void a_key_is_recalled_without_a_try(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_DIRECT, 330, 2);
    struct rig_append *a[5];

    for (int n = 0; n < 5; n++) {
        a[n] = rig_message(&rig, m, n == 4, 5301, n == 1 ? "\"text\":\"other\"" : "\"text\":\"once\"");
        a[n]->append.key.low |= UINT64_C(1) << 63;
    }
    a[3]->append.conversation.n++;
    assert_int_equal(rig_do(&rig, recall, a[2]), ERR_NOT_FOUND);
    assert_int_equal(rig_append_do(a[0]), ERR_OK);
    assert_int_equal(rig_do(&rig, recall, a[2]), ERR_OK);
    assert_true(a[2]->append.is_duplicate);
    assert_int_equal(a[2]->append.id.n, a[0]->append.id.n);
    assert_int_equal(a[2]->append.seq.n, a[0]->append.seq.n);
    assert_int_equal(rig_do(&rig, recall, a[1]), ERR_KEY_REUSED); /* another text, */
    assert_int_equal(rig_do(&rig, recall, a[3]), ERR_KEY_REUSED); /* another conversation, */
    assert_int_equal(rig_do(&rig, recall, a[4]), ERR_NOT_FOUND); /* another sender */
    assert_int_equal(rig_sql(&rig, "SELECT tries FROM send_key WHERE sender_id = 331"), 3);
    assert_int_equal(count_messages(m->conversation), 2);
    for (int n = 0; n < 5; n++)
        rig_append_free(a[n]);
    members_free(&m);
}

static void a_key_twice_in_one_batch_counts_once(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_DIRECT, 310, 2);
    struct rig_append *a[4];

    a[0] = rig_message(&rig, m, 0, 5101, "\"text\":\"once\"");
    a[1] = rig_message(&rig, m, 0, 5101, "\"text\":\"once\"");
    a[2] = rig_message(&rig, m, 0, 5101, "\"text\":\"other\"");
    a[3] = rig_message(&rig, m, 0, 5102, "\"text\":\"last\"");
    for (int n = 0; n < 4; n++)
        rig_append_start(a[n]);
    assert_int_equal(rig_append_wait(a[0]), ERR_OK);
    assert_int_equal(rig_append_wait(a[1]), ERR_OK);
    assert_int_equal(rig_append_wait(a[2]), ERR_KEY_REUSED);
    assert_int_equal(rig_append_wait(a[3]), ERR_OK);
    assert_false(a[0]->append.is_duplicate);
    assert_true(a[1]->append.is_duplicate);
    assert_int_equal(a[1]->append.seq.n, a[0]->append.seq.n);
    assert_int_equal(a[3]->append.seq.n, a[0]->append.seq.n + 1);
    for (int n = 0; n < 4; n++)
        rig_append_free(a[n]);
    members_free(&m);
}

/* Another node commits the key between our look and our insert: the unique index has the last word. */
static void a_key_that_another_node_used_meanwhile(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_DIRECT, 320, 2);
    struct rig_append *a = rig_message(&rig, m, 0, 5201, "\"text\":\"here\"");
    struct store_stats stats;

    rig_sql(&rig, "BEGIN");
    rig_sql(&rig, "INSERT INTO send_key VALUES (321, %llu, %lld, 999, 42, 17, 1, 5, 0)",
            (unsigned long long)a->append.key.high, (long long)a->append.key.low);
    rig_append_start(a);
    for (uint64_t end_ms = rig_now_ms() + 300; rig_now_ms() < end_ms;)
        rig_turn(&rig, false);
    assert_false(a->is_done);
    rig_sql(&rig, "COMMIT");
    assert_int_equal(rig_append_wait(a), ERR_KEY_REUSED);
    store_stats_read(rig.store, &stats);
    assert_true(stats.rollbacks > 0);
    assert_int_equal(count_messages(m->conversation), 1);
    rig_append_free(a);
    members_free(&m);
}

static void members_who_changed_are_noticed(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 400, 3);
    struct append_effect join = { .kind = EFFECT_MEMBER_PUT, .user = { 404 }, .role = ROLE_ADMIN };
    struct append_effect gone = { .kind = EFFECT_MEMBER_GONE, .user = { 402 } };
    struct members *wide = members_new(4);

    wide->conversation = m->conversation;
    wide->kind = m->kind;
    wide->epoch = m->epoch;
    memcpy(wide->member, m->member, 3 * sizeof m->member[0]);
    wide->member[3] = (struct member){ .user = { 404 } };
    struct rig_append *before = rig_message(&rig, m, 1, 0, "\"text\":\"before\"");
    struct rig_append *change = rig_message(&rig, wide, 0, 0, "");
    struct rig_append *after = rig_message(&rig, m, 1, 6001, "\"text\":\"after\"");
    change->append.kind = EVENT_MEMBER;
    change->append.effects = &join;
    change->append.effects_count = 1;
    rig_append_start(before);
    rig_append_start(change);
    rig_append_start(after);
    assert_int_equal(rig_append_wait(before), ERR_OK);
    assert_int_equal(rig_append_wait(change), ERR_OK);
    assert_int_equal(rig_append_wait(after), ERR_MEMBERS_CHANGED);
    assert_int_equal(change->i[3].n, 1);
    assert_int_equal(rig_sql(&rig, "SELECT member_epoch FROM conversation WHERE conversation_id = %llu",
                             (unsigned long long)m->conversation.n),
                     2);
    assert_int_equal(rig_sql(&rig, "SELECT joined_seq FROM member WHERE user_id = 404 AND role = 1"),
                     (int64_t)change->append.seq.n);
    assert_int_equal(rig_sql(&rig, "SELECT read_seq FROM user_conversation WHERE user_id = 404"),
                     (int64_t)change->append.seq.n - 1);

    wide->epoch = 2;
    after->append.members = wide;
    assert_int_equal(rig_append_do(after), ERR_OK);
    change->append.effects = &gone;
    assert_int_equal(rig_append_do(change), ERR_OK);
    assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM member WHERE user_id = 402"), 0);
    assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM user_conversation WHERE user_id = 402"), 0);
    /* the key was acknowledged: whatever the members are now, it is again, although nobody repeated one lately */
    rig_restart(&rig);
    assert_int_equal(rig_append_do(after), ERR_OK);
    assert_true(after->append.is_duplicate);
    rig_append_free(before);
    rig_append_free(change);
    rig_append_free(after);
    members_free(&m);
    members_free(&wide);
}

/* One of each kind of trouble among many that are fine: only the odd ones hear of it. */
static void odd_ones_do_not_harm_their_neighbours(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 500, 4);
    struct members *nowhere = members_new(1), *nobody = members_new(2), *stale = members_new(1);
    struct rig_append *a[COUNT];

    nowhere->conversation.n = 12345;
    nowhere->member[0].user.n = 501;
    nobody->conversation = m->conversation;
    nobody->epoch = 1;
    nobody->member[0].user.n = 501;
    nobody->member[1].user.n = 999999;
    stale->conversation = m->conversation;
    stale->epoch = 77;
    stale->member[0].user.n = 501;
    for (uint32_t n = 0; n < COUNT; n++) {
        struct members *which = n == 7 ? nowhere : n == 19 ? nobody : n == 30 ? stale : m;
        a[n] = rig_message(&rig, which, 0, 7000 + n, "\"text\":\"x\"");
        rig_append_start(a[n]);
    }
    uint32_t seq = 2;
    for (uint32_t n = 0; n < COUNT; n++) {
        enum err want = n == 7 || n == 19 ? ERR_NOT_FOUND : n == 30 ? ERR_MEMBERS_CHANGED : ERR_OK;
        assert_int_equal(rig_append_wait(a[n]), want);
        if (!want)
            assert_int_equal(a[n]->append.seq.n, seq++);
    }
    assert_int_equal(count_messages(m->conversation), seq - 1);
    for (uint32_t n = 0; n < COUNT; n++)
        rig_append_free(a[n]);
    members_free(&m);
    members_free(&nowhere);
    members_free(&nobody);
    members_free(&stale);
}

/* A trigger refuses one row, as Postgres would refuse a row that it can't store. */
static void a_poison_row_stands_alone(void **state)
{
    (void)state;
    enum { COUNT = 50, POISON = 33 };
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 600, 2);
    struct rig_append *a[COUNT];

    rig_sql(&rig, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " IF NEW.body = 'poison'::bytea THEN RAISE EXCEPTION 'no' USING ERRCODE = '22000'; END IF;"
                  " RETURN NEW; END $$");
    rig_sql(&rig, "CREATE TRIGGER refuse BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION refuse()");
    for (uint32_t n = 0; n < COUNT; n++) {
        a[n] = rig_message(&rig, m, 0, 8000 + n, n == POISON ? "poison" : "\"text\":\"x\"");
        rig_append_start(a[n]);
    }
    for (uint32_t n = 0; n < COUNT; n++) {
        assert_int_equal(rig_append_wait(a[n]), n == POISON ? ERR_INTERNAL : ERR_OK);
        if (n != POISON)
            assert_int_equal(a[n]->append.seq.n, 2 + n - (n > POISON));
        rig_append_free(a[n]);
    }
    rig_sql(&rig, "DROP TRIGGER refuse ON message");
    assert_int_equal(count_messages(m->conversation), COUNT);
    members_free(&m);
}

/* Postgres refuses the COMMIT itself, after every statement was fine. */
static void a_commit_that_fails_is_not_acknowledged(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 650, 2);
    struct members *other = rig_conversation(&rig, CONVERSATION_GROUP, 660, 2);
    struct rig_append *a = rig_message(&rig, m, 0, 8500, "\"text\":\"x\"");
    struct rig_append *fine = rig_message(&rig, other, 0, 8501, "\"text\":\"x\"");
    uint64_t begin_ms = rig_now_ms();

    rig_sql(&rig, "CREATE FUNCTION refuse_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " RAISE EXCEPTION 'late' USING ERRCODE = '23000'; END $$");
    rig_sql(&rig,
            "CREATE CONSTRAINT TRIGGER refuse_late AFTER UPDATE ON mailbox DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW WHEN (NEW.user_id = 652) EXECUTE FUNCTION refuse_late()");
    rig_append_start(fine);
    assert_int_equal(rig_append_do(a), ERR_INTERNAL);
    assert_int_equal(rig_append_wait(fine), ERR_OK);
    assert_true(rig_now_ms() - begin_ms < 1000);
    rig_sql(&rig, "DROP TRIGGER refuse_late ON mailbox");
    assert_int_equal(count_messages(m->conversation), 1);
    assert_int_equal(rig_append_do(a), ERR_OK);
    assert_false(a->append.is_duplicate);
    rig_append_free(a);
    rig_append_free(fine);
    members_free(&m);
    members_free(&other);
}

static void marks_go_into_one_inbox_and_keep_the_maximum(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 700, 2);
    struct members *me = members_new(1);
    struct append_effect read[2] = { { .kind = EFFECT_READ, .user = { 701 }, .number = 5 },
                                     { .kind = EFFECT_READ, .user = { 701 }, .number = 3 } };
    struct rig_append *a[2];

    me->conversation = m->conversation;
    me->member[0].user.n = 701;
    for (int n = 0; n < 2; n++) {
        a[n] = rig_message(&rig, me, 0, 0, n ? "\"read\":3" : "\"read\":5");
        a[n]->append.kind = EVENT_MARK;
        a[n]->append.effects = &read[n];
        a[n]->append.effects_count = 1;
        rig_append_start(a[n]);
    }
    for (int n = 0; n < 2; n++) {
        assert_int_equal(rig_append_wait(a[n]), ERR_OK);
        assert_int_equal(a[n]->append.seq.n, 0);
        assert_int_equal(a[n]->i[0].n, 2 + n);
        rig_append_free(a[n]);
    }
    assert_int_equal(rig_sql(&rig, "SELECT read_seq FROM user_conversation WHERE user_id = 701"), 5);
    assert_int_equal(count_messages(m->conversation), 1);
    members_free(&m);
    members_free(&me);
}

static void a_direct_conversation_is_made_once(void **state)
{
    (void)state;
    enum { COUNT = 3 };
    struct rig_append *a[COUNT];
    uint32_t made = 0;

    for (uint32_t n = 0; n < COUNT; n++) {
        struct members *m = members_new(2);
        m->conversation.n = snowflake_next(&rig.ids, loop_unix_ms(rig.loop));
        m->kind = CONVERSATION_DIRECT;
        m->epoch = 1;
        m->member[0].user.n = 801;
        m->member[1].user.n = 802;
        a[n] = rig_message(&rig, m, 0, 0, "");
        a[n]->append.kind = EVENT_CONVERSATION;
        a[n]->append.create = (struct append_create){ .is_wanted = true, .kind = CONVERSATION_DIRECT };
        rig_append_start(a[n]);
        members_free(&m);
    }
    for (uint32_t n = 0; n < COUNT; n++) {
        enum err err = rig_append_wait(a[n]);
        assert_true(err == ERR_OK || err == ERR_EXISTS);
        made += err == ERR_OK;
        rig_append_free(a[n]);
    }
    assert_int_equal(made, 1);
    assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM member WHERE user_id = 801"), 1);
    assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM direct WHERE user_low = 801"), 1);
}

/* A head whose last id lies in the future, as from a node whose clock is ahead: ids rise all the same. */
static void ids_rise_above_a_clock_that_is_ahead(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 900, 2);
    struct rig_append *a[3];
    uint64_t ahead = (uint64_t)rig_sql(&rig,
                                       "UPDATE conversation SET last_id = last_id + (3600000::bigint << 22)"
                                       " WHERE conversation_id = %llu RETURNING last_id",
                                       (unsigned long long)m->conversation.n);

    for (int n = 0; n < 3; n++) {
        a[n] = rig_message(&rig, m, 0, 0, "\"text\":\"x\"");
        rig_append_start(a[n]);
    }
    for (int n = 0; n < 3; n++) {
        assert_int_equal(rig_append_wait(a[n]), ERR_OK);
        assert_true(a[n]->append.id.n > ahead);
        assert_int_equal(a[n]->append.id.n >> 12 & 1023, 7);
        ahead = a[n]->append.id.n;
        assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM inbox WHERE user_id = 901 AND id = %llu",
                                 (unsigned long long)ahead),
                         1);
        rig_append_free(a[n]);
    }
    assert_int_equal(rig_sql(&rig, "SELECT last_id FROM conversation WHERE conversation_id = %llu",
                             (unsigned long long)m->conversation.n),
                     (int64_t)ahead);
    members_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_dense_and_every_member_has_one),
        cmocka_unit_test(many_at_once_keep_their_order),
        cmocka_unit_test(a_repeated_key_is_answered_as_before),
        cmocka_unit_test(a_key_is_recalled_without_a_try),
        cmocka_unit_test(a_key_twice_in_one_batch_counts_once),
        cmocka_unit_test(a_key_that_another_node_used_meanwhile),
        cmocka_unit_test(members_who_changed_are_noticed),
        cmocka_unit_test(odd_ones_do_not_harm_their_neighbours),
        cmocka_unit_test(a_poison_row_stands_alone),
        cmocka_unit_test(a_commit_that_fails_is_not_acknowledged),
        cmocka_unit_test(marks_go_into_one_inbox_and_keep_the_maximum),
        cmocka_unit_test(a_direct_conversation_is_made_once),
        cmocka_unit_test(ids_rise_above_a_clock_that_is_ahead),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
