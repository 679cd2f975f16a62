/* unit/store/test_faults.c - what was acknowledged stands, whatever dies: backends, the postmaster, whole lanes
 *
 * A crowd of senders keeps its keys and sends again until it is answered, as clients do. It never has two messages of
 * one sender in a conversation out at the same time, so their order is known.
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONVERSATIONS = 12, SENDERS = 36, USERS = 10 };

static struct rig rig;
static struct members *conversation[CONVERSATIONS];

struct crowd {
    struct rig_append *at[SENDERS];
    uint64_t sent, acknowledged, again, failed[ERR_COUNT];
    uint64_t next_key, until_ms;
    uint64_t last_seq[SENDERS];
};

static int open_rig(void **state)
{
    char line[512];

    (void)state;
    rig_pg("start", RIG_FAULTS_DIR, line);
    rig_open(&rig, RIG_FAULTS_DIR, "test_faults", "commit_lanes = 3\nbatch_messages_max = 8\n");
    rig_accounts(&rig, 0, USERS + CONVERSATIONS);
    rig_sql(&rig, "CREATE TABLE told (sender bigint, high bigint, low bigint, conversation bigint, seq "
                  "bigint, id bigint)");
    for (uint64_t c = 0; c < CONVERSATIONS; c++)
        conversation[c] = rig_conversation(&rig, CONVERSATION_GROUP, c, USERS);
    return 0;
}

static int close_rig(void **state)
{
    char line[512];

    (void)state;
    for (int c = 0; c < CONVERSATIONS; c++)
        members_free(&conversation[c]);
    rig_close(&rig);
    rig_pg("stop", RIG_FAULTS_DIR, line);
    return 0;
}

static void crowd_send(struct crowd *crowd, uint32_t sender)
{
    struct members *m = conversation[sender % CONVERSATIONS];
    struct rig_append *a = rig_message(&rig, m, sender / CONVERSATIONS, crowd->next_key++, "");
    a->append.body_hash = crowd->next_key;
    crowd->at[sender] = a;
    crowd->sent++;
    rig_append_start(a);
}

/* What was acknowledged is kept outside of Postgres: an array, checked against the tables at the end. */
struct told {
    uint64_t sender, high, low, conversation, seq, id;
};
static struct told told[200000];
static uint32_t told_count;

static void crowd_acknowledged(struct crowd *crowd, uint32_t sender)
{
    struct rig_append *a = crowd->at[sender];

    assert_true(told_count < sizeof told / sizeof told[0]);
    told[told_count++] = (struct told){ a->append.from.n,         a->append.key.high, a->append.key.low,
                                        a->append.conversation.n, a->append.seq.n,    a->append.id.n };
    assert_true(a->append.seq.n > crowd->last_seq[sender]);
    crowd->last_seq[sender] = a->append.seq.n;
    crowd->acknowledged++;
    crowd->again += a->append.is_duplicate;
    rig_append_free(a);
    crowd->at[sender] = NULL;
}

/* Looks at every sender: answered ones send the next message until time is over, refused ones the same again. */
static bool crowd_look(struct crowd *crowd)
{
    bool any = false;

    for (uint32_t n = 0; n < SENDERS; n++) {
        struct rig_append *a = crowd->at[n];
        if (a && a->is_done && a->err) {
            crowd->failed[a->err]++;
            assert_true(a->err == ERR_STORE_DOWN || a->err == ERR_TIMEOUT);
            rig_append_start(a);
        } else if (a && a->is_done) {
            crowd_acknowledged(crowd, n);
        }
        if (!crowd->at[n] && rig_now_ms() < crowd->until_ms)
            crowd_send(crowd, n);
        any = any || crowd->at[n];
    }
    return any;
}

/* Runs a crowd for ms; harm() is called every few hundred turns while it runs. Ends when everybody is answered. */
static struct crowd crowd_run(uint64_t ms, uint64_t first_key, void (*harm)(uint32_t round),
                              uint64_t harm_every_ms)
{
    struct crowd crowd = { .next_key = first_key, .until_ms = rig_now_ms() + ms };
    uint64_t harm_ms = rig_now_ms() + harm_every_ms, end_ms = crowd.until_ms + 30000;
    uint32_t round = 0;

    while (crowd_look(&crowd)) {
        assert_true(rig_now_ms() < end_ms);
        rig_turn(&rig, false);
        if (harm && rig_now_ms() >= harm_ms && rig_now_ms() < crowd.until_ms) {
            harm(round++);
            harm_ms = rig_now_ms() + harm_every_ms;
        }
    }
    print_message(
        "sent %llu, acknowledged %llu (%llu as duplicates), store_down %llu, timeout %llu, harmed %u times\n",
        (unsigned long long)crowd.sent, (unsigned long long)crowd.acknowledged,
        (unsigned long long)crowd.again, (unsigned long long)crowd.failed[ERR_STORE_DOWN],
        (unsigned long long)crowd.failed[ERR_TIMEOUT], round);
    assert_int_equal(crowd.sent, crowd.acknowledged);
    return crowd;
}

/* Every acknowledgement stands exactly once, with the seq and id that were told, in every member's inbox. */
static void check_told(void)
{
    rig_sql(&rig, "TRUNCATE told");
    rig_sql(&rig, "BEGIN");
    for (uint32_t n = 0; n < told_count; n++)
        rig_sql(&rig, "INSERT INTO told VALUES (%lld, %lld, %lld, %lld, %lld, %lld)",
                (long long)told[n].sender, (long long)told[n].high, (long long)told[n].low,
                (long long)told[n].conversation, (long long)told[n].seq, (long long)told[n].id);
    rig_sql(&rig, "COMMIT");
    assert_int_equal(rig_sql(&rig,
                             "SELECT count(*) FROM told t WHERE NOT EXISTS (SELECT FROM message m"
                             " WHERE m.conversation_id = t.conversation AND m.id = t.id AND m.seq = t.seq"
                             " AND m.sender_id = t.sender AND m.key_high = t.high AND m.key_low = t.low)"),
                     0);
    assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM message WHERE key_high <> 0"), told_count);
    assert_int_equal(
        rig_sql(&rig,
                "SELECT count(*) FROM told t LEFT JOIN (SELECT conversation_id, id, count(*) AS n"
                " FROM inbox GROUP BY conversation_id, id) x"
                " ON x.conversation_id = t.conversation AND x.id = t.id WHERE x.n IS DISTINCT FROM %d",
                USERS),
        0);
    rig_check_invariants(&rig);
}

/* Three lanes, conversations that share their members in every order: without sorted locks this deadlocks. */
static void lanes_share_members_without_a_deadlock(void **state)
{
    (void)state;
    int64_t before =
        rig_sql(&rig, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    struct store_stats stats;

    crowd_run(2500, 1000000, NULL, 0);
    check_told();
    rig_sql(&rig, "SELECT pg_stat_clear_snapshot()");
    assert_int_equal(
        rig_sql(&rig, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), before);
    store_stats_read(rig.store, &stats);
    assert_int_equal(stats.rollbacks, 0);
    assert_int_equal(stats.unknown_outcomes, 0);
}

static void kill_a_backend(uint32_t round)
{
    rig_sql(&rig,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() ORDER BY (pid * 7919 + %u) %% 13 LIMIT 1",
            round);
}

static void backends_die(void **state)
{
    (void)state;
    struct store_stats stats;

    crowd_run(4000, 2000000, kill_a_backend, 40);
    check_told();
    rig_wait_up(&rig); /* the last kill was a moment ago */
    store_stats_read(rig.store, &stats);
    assert_true(stats.reconnects > 10);
}

static void kill_postgres(uint32_t round)
{
    char line[512];

    (void)round;
    rig_pg("kill9", RIG_FAULTS_DIR, line);
    for (uint64_t end_ms = rig_now_ms() + 20; rig_now_ms() < end_ms;)
        rig_turn(&rig, false);
    rig_pg("start", RIG_FAULTS_DIR, line);
    PQreset(rig.conn);
}

static void postgres_is_killed_and_comes_back(void **state)
{
    (void)state;
    struct store_stats stats;

    crowd_run(6000, 3000000, kill_postgres, 500);
    check_told();
    store_stats_read(rig.store, &stats);
    assert_true(stats.unknown_outcomes > 0);
}

/* A lock that nobody gives back: appends end in time, and the store is well again afterwards. */
static void a_lock_that_stays_ends_in_a_timeout(void **state)
{
    (void)state;
    struct rig_append *a = rig_message(&rig, conversation[0], 0, 4000001, "");
    uint64_t begin_ms = rig_now_ms();

    rig_sql(&rig, "BEGIN");
    rig_sql(&rig, "SELECT 1 FROM mailbox WHERE user_id = 5 FOR UPDATE");
    rig_append_start(a);
    assert_int_equal(rig_append_wait(a), ERR_TIMEOUT);
    assert_true(rig_now_ms() - begin_ms <= LIMIT_STORE_MS + 200);
    rig_sql(&rig, "ROLLBACK");
    assert_int_equal(rig_append_do(a), ERR_OK);
    assert_false(a->append.is_duplicate);
    rig_append_free(a);
    rig_check_invariants(&rig);
}

static void stopped(uint32_t round)
{
    (void)round;
}

/* While Postgres is away, answers come at once after a while, and everything continues when it is back. */
static void nothing_waits_for_ever_while_postgres_is_away(void **state)
{
    (void)state;
    char line[512];
    struct rig_append *a = rig_message(&rig, conversation[1], 0, 5000001, "");

    rig_pg("stop", RIG_FAULTS_DIR, line);
    uint64_t begin_ms = rig_now_ms();
    rig_append_start(a);
    assert_int_equal(rig_append_wait(a), ERR_STORE_DOWN);
    assert_true(rig_now_ms() - begin_ms <= LIMIT_STORE_MS);
    assert_false(store_is_up(rig.store));
    begin_ms = rig_now_ms();
    assert_int_equal(rig_append_do(a), ERR_STORE_DOWN);
    assert_true(rig_now_ms() - begin_ms < 500);
    rig_pg("start", RIG_FAULTS_DIR, line);
    PQreset(rig.conn);
    rig_wait_up(&rig);
    assert_int_equal(rig_append_do(a), ERR_OK);
    rig_append_free(a);
    crowd_run(300, 6000000, stopped, 100);
}

/* Stands, but only here: COMMIT says so in a warning. Nobody is told that it is safe, and the same key finds out. */
static void a_commit_that_stands_here_alone_is_unknown(void **state)
{
    (void)state;
    struct rig_append *a = rig_message(&rig, conversation[2], 0, 5500001, "");
    int64_t waiting = 0;

    rig_sql(&rig, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    rig_sql(&rig, "SELECT pg_reload_conf()");
    rig_sql(&rig, "SELECT pg_sleep(0.2)");
    rig_append_start(a);
    for (uint64_t end_ms = rig_now_ms() + 3000; !waiting && rig_now_ms() < end_ms;) {
        for (int n = 0; n < 100; n++)
            rig_turn(&rig, false);
        waiting = rig_sql(&rig, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    }
    assert_int_equal(waiting, 1);
    rig_sql(&rig, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    assert_int_equal(rig_append_wait(a), ERR_STORE_DOWN);
    rig_sql(&rig, "ALTER SYSTEM RESET synchronous_standby_names");
    rig_sql(&rig, "SELECT pg_reload_conf()");
    rig_sql(&rig, "SELECT pg_sleep(0.2)");
    assert_int_equal(rig_append_do(a), ERR_OK);
    assert_true(a->append.is_duplicate);
    assert_true(a->append.seq.n > 1);
    rig_append_free(a);
    rig_check_invariants(&rig);
}

static void a_full_queue_is_an_answer(void **state)
{
    (void)state;
    static struct rig_append *a[LIMIT_APPENDS_QUEUED + 100];
    uint32_t count = sizeof a / sizeof a[0], busy = 0;

    for (uint32_t n = 0; n < count; n++) {
        a[n] = rig_message(&rig, conversation[n % CONVERSATIONS], 0, 7000000 + n, "");
        rig_append_start(a[n]);
    }
    while (!ops_idle(&rig.ops))
        ops_run(&rig.ops); /* all of them, before the first commit */
    for (uint32_t n = 0; n < count; n++) {
        enum err err = rig_append_wait(a[n]);
        assert_true(err == ERR_OK || err == ERR_BUSY || err == ERR_TIMEOUT);
        assert_true(err != ERR_BUSY || n >= LIMIT_APPENDS_QUEUED);
        busy += err == ERR_BUSY;
        rig_append_free(a[n]);
    }
    assert_int_equal(busy, 100);
    rig_check_invariants(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_share_members_without_a_deadlock),
        cmocka_unit_test(backends_die),
        cmocka_unit_test(postgres_is_killed_and_comes_back),
        cmocka_unit_test(a_lock_that_stays_ends_in_a_timeout),
        cmocka_unit_test(nothing_waits_for_ever_while_postgres_is_away),
        cmocka_unit_test(a_commit_that_stands_here_alone_is_unknown),
        cmocka_unit_test(a_full_queue_is_an_answer),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
