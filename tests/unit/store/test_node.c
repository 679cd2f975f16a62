/* unit/store/test_node.c - nodes by Postgres: ids, leases, the list, and what the dead had written */
#include "nodes.h"

#include "store/pg.h"
#include "store/sql.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROWS = 100 * 1000, MAILBOXES = 1000 };

static struct rig rig;

static int open_rig(void **state)
{
    (void)state;
    nodes_open(&rig, RIG_PG_DIR, "test_node");
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static int nobody(void **state)
{
    (void)state;
    nodes_nobody(&rig);
    return 0;
}

static void call_renew(struct rig *r, struct op *op, void *ctx)
{
    store_node_renew(r->store, ctx, op);
}

static void call_nodes(struct rig *r, struct op *op, void *ctx)
{
    store_ring_nodes(r->store, ctx, op);
}

static void call_inherit(struct rig *r, struct op *op, void *ctx)
{
    store_node_inherit(r->store, ctx, op);
}

static void call_heads(struct rig *r, struct op *op, void *ctx)
{
    store_heads(r->store, ctx, op);
}

static void an_id_stays_with_its_name(void **state)
{
    (void)state;
    struct node_join a = nodes_join(&rig, "alpha/0"), b = nodes_join(&rig, "alpha/1"), again;
    struct node_renew n;

    assert_int_equal(a.id, 0);
    assert_int_equal(b.id, 1);
    assert_true(b.incarnation > a.incarnation);
    assert_int_equal(a.replaced + b.replaced + a.id_above, 0);
    assert_in_range(nodes_column(&rig, 0, NODES_LEASE_LEFT), NODES_LEASE_MS - 1000, NODES_LEASE_MS);

    rig_sql(&rig, "UPDATE node SET weight = 40, id_reserved = 12345 WHERE node_id = 0");
    again = nodes_join(&rig, "alpha/0");
    assert_int_equal(again.id, 0);
    assert_true(again.incarnation > b.incarnation);
    assert_int_equal(again.replaced, a.incarnation);
    assert_int_equal(again.id_above, 12345);
    assert_int_equal(nodes_column(&rig, 0, "weight"), 40); /* what an operator said outlives a restart */
    assert_int_equal(nodes_column(&rig, 0, "cardinality(deaths)"), 1);
    assert_int_equal(nodes_renew(&rig, &a, &n), ERR_NOT_FOUND);
    assert_int_equal(nodes_leave(&rig, &a, 0), ERR_NOT_FOUND);
    assert_int_equal(nodes_drain(&rig, &a), ERR_NOT_FOUND);
    assert_int_equal(nodes_renew(&rig, &again, &n), ERR_OK);

    assert_int_equal(nodes_leave(&rig, &again, 99), ERR_OK);
    assert_int_equal(nodes_leave(&rig, &again, 99), ERR_NOT_FOUND);
    again = nodes_join(&rig, "alpha/0");
    assert_int_equal(again.replaced, 0);
    assert_int_equal(again.id_above, 99); /* what was reserved and not used is free */
    assert_int_equal(again.id_reserved, 99 + (SNOWFLAKE_AHEAD_MS << 22));
    assert_int_equal(nodes_column(&rig, 0, "cardinality(deaths)"), 1);
}

static void ids_run_out_and_are_used_again(void **state)
{
    (void)state;
    struct node_join j;

    rig_sql(
        &rig,
        "INSERT INTO node SELECT n, nextval('node_incarnation'), 0, 'old/' || n, '', '', '', '', '', 100, 0,"
        " 1, 1, n * 10, now(), clock_timestamp() - interval '9 min' FROM generate_series(0, 1023) n");
    assert_int_equal(nodes_try_join(&rig, &j, "new"), ERR_BUSY);
    nodes_expire(&rig, 700, NODE_REUSE_MS + 1000);
    nodes_expire(&rig, 300, NODE_REUSE_MS + 2000);
    rig_sql(&rig, "UPDATE node SET weight = 5 WHERE node_id = 300");
    j = nodes_join(&rig, "new");
    assert_int_equal(j.id, 300);
    assert_int_equal(j.id_above, 3000);
    assert_int_equal(nodes_column(&rig, 300, "weight"), RING_WEIGHT);
    assert_int_equal(nodes_join(&rig, "old/300").id, 700); /* its own is somebody else's now */
    assert_int_equal(nodes_try_join(&rig, &j, "newer"), ERR_BUSY);
    assert_int_equal(nodes_join(&rig, "old/5").id, 5);
}

static void a_lease_is_judged_by_postgres(void **state)
{
    (void)state;
    struct node_join a = nodes_join(&rig, "a"), b = nodes_join(&rig, "b");
    struct node_renew n, first;

    nodes_made(&rig, 1, 2, 0);
    assert_int_equal(nodes_renew(&rig, &a, &first), ERR_OK);
    assert_int_equal(first.epoch, 1);
    assert_int_equal(first.timeline, store_timeline(rig.store));
    assert_false(first.is_expired);
    assert_int_equal(nodes_column(&rig, a.id, "load"), 7);

    nodes_expire(&rig, b.id, 1);
    assert_int_equal(nodes_renew(&rig, &a, &n), ERR_OK);
    assert_true(n.is_expired);
    assert_int_equal(n.nodes_version, first.nodes_version); /* a beat changes nothing that others read */
    assert_int_equal(nodes_renew(&rig, &b, &n), ERR_OK); /* nobody had judged yet */
    assert_in_range(nodes_column(&rig, b.id, NODES_LEASE_LEFT), NODES_LEASE_MS - 1000, NODES_LEASE_MS);
    assert_int_equal(nodes_renew(&rig, &a, &n), ERR_OK);
    assert_false(n.is_expired);

    nodes_expire(&rig, b.id, 1);
    nodes_made(&rig, 2, 1, 1);
    assert_int_equal(nodes_renew(&rig, &b, &n), ERR_NOT_FOUND);
    assert_int_equal(nodes_column(&rig, b.id, "state"), NODE_DEAD);
    assert_int_equal(nodes_renew(&rig, &a, &n), ERR_OK);
    assert_int_equal(n.epoch, 2);
    assert_true(n.nodes_version > first.nodes_version);
}

/* The highest id that may have been given out never falls. */
static void reserved_ids_only_rise(void **state)
{
    (void)state;
    struct node_join a = nodes_join(&rig, "a");
    struct node_renew n = {
        .id = a.id, .incarnation = a.incarnation, .lease_ms = NODES_LEASE_MS, .id_reserved = 500
    };

    assert_int_equal(rig_do(&rig, call_renew, &n), ERR_OK);
    n.id_reserved = 400;
    assert_int_equal(rig_do(&rig, call_renew, &n), ERR_OK);
    assert_int_equal(nodes_join(&rig, "a").id_above, 500);
}

static const struct node_row *row_of(const struct node_list *l, uint32_t id)
{
    for (uint32_t k = 0; k < l->count; k++) {
        assert_true(k == 0 || l->at[k - 1].id < l->at[k].id);
        if (l->at[k].id == id)
            return &l->at[k];
    }
    return NULL;
}

static void list(struct node_list *l, struct arena *arena)
{
    *l = (struct node_list){ .arena = arena };
    assert_int_equal(rig_do(&rig, call_nodes, l), ERR_OK);
}

static void the_list_says_who_is_here(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    struct node_list l;
    struct node_join a = nodes_join(&rig, "alpha/0"), b = nodes_join(&rig, "alpha/1"), c;

    nodes_made(&rig, 1, 2, 0);
    c = nodes_join(&rig, "alpha/2");
    list(&l, &arena);
    assert_int_equal(l.count, 3);
    assert_int_equal(l.epoch, 1);
    assert_true(l.postmaster_ms >= NODES_LEASE_MS);
    const struct node_row *r = row_of(&l, a.id);
    assert_int_equal(r->incarnation, a.incarnation);
    assert_int_equal(r->state, NODE_MEMBER);
    assert_true(r->is_member);
    assert_true(text_equal(r->name, TEXT("alpha/0")) && text_equal(r->url, TEXT("https://chat.example")));
    assert_true(text_equal(r->link, TEXT("10.0.0.1:8600")) && text_equal(r->link_local, TEXT("unix:/run/a")));
    assert_true(text_equal(r->host, TEXT("alpha")) && text_equal(r->region, TEXT("eu")));
    assert_int_equal(r->weight, RING_WEIGHT);
    assert_int_equal(r->version_least, 1);
    assert_int_equal(r->version, 2);
    assert_in_range(r->lease_ms, 1, NODES_LEASE_MS);
    assert_in_range(r->age_ms, 0, NODES_LEASE_MS);
    assert_int_equal(r->deaths, 0);
    assert_true(r->death_ms == UINT64_MAX);
    assert_int_equal(row_of(&l, c.id)->state, NODE_JOINING);
    assert_false(row_of(&l, c.id)->is_member);

    uint64_t version = l.nodes_version;
    assert_int_equal(nodes_drain(&rig, &b), ERR_OK);
    nodes_die(&rig, &c);
    list(&l, &arena);
    assert_true(l.nodes_version >= version + 2);
    assert_int_equal(row_of(&l, b.id)->state, NODE_DRAINING);
    r = row_of(&l, c.id);
    assert_int_equal(r->state, NODE_DEAD);
    assert_true(r->lease_ms <= 0);
    assert_int_equal(r->deaths, 1);
    assert_in_range(r->death_ms, 0, 10 * 1000);
    nodes_expire(&rig, c.id, 61 * 1000);
    list(&l, &arena);
    assert_null(row_of(&l, c.id));
    nodes_expire(&rig, a.id, 61 * 1000); /* has a place yet */
    list(&l, &arena);
    assert_in_range(-row_of(&l, a.id)->lease_ms, 61 * 1000, 70 * 1000);
    arena_fini(&arena);
}

/* Nobody waits for it, and it happens. */
static void draining_needs_no_op(void **state)
{
    (void)state;
    struct node_join a = nodes_join(&rig, "a");
    uint64_t end_ms = rig_now_ms() + 5000;

    store_node_drain(rig.store, a.id, a.incarnation, NULL);
    while (nodes_column(&rig, a.id, "state") != NODE_DRAINING) {
        assert_true(rig_now_ms() < end_ms);
        rig_turn(&rig, false);
    }
}

static void heads_of_many_mailboxes(void **state)
{
    (void)state;
    uint64_t user[MAILBOXES], i[MAILBOXES];
    struct heads_read h = { .user = user, .count = MAILBOXES, .i = i };

    rig_accounts(&rig, 0, MAILBOXES - 1);
    rig_sql(&rig, "UPDATE mailbox SET last_i = user_id * 3");
    for (uint64_t k = 0; k < MAILBOXES; k++) { /* no order, and one whom nobody knows */
        user[k] = (k * 619 + 1) % MAILBOXES + 1;
        i[k] = 99;
    }
    assert_int_equal(rig_do(&rig, call_heads, &h), ERR_OK);
    assert_int_equal(h.timeline, store_timeline(rig.store));
    for (uint32_t k = 0; k < MAILBOXES; k++)
        assert_int_equal(i[k], user[k] == MAILBOXES ? 0 : 3 * user[k]);
    h.count = 0;
    assert_int_equal(rig_do(&rig, call_heads, &h), ERR_OK);
}

/* Rows of two days by four nodes, and of the last seconds: as many of each; none from 20 s to 5 s ago. */
static void fill_inboxes(void)
{
    rig_sql(&rig, "CREATE TEMP VIEW now_id AS SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
                  " - 1704067200000 AS ms");
    rig_sql(
        &rig,
        "INSERT INTO inbox SELECT k %% 1000, k, 1, ((SELECT ms FROM now_id) - 20000 - (%d - k) * 1700 << 22)"
        " | (k %% 4 << 12), 1, repeat('x', 60)::bytea FROM generate_series(1, %d::bigint) k",
        ROWS, ROWS);
    rig_sql(&rig, "INSERT INTO inbox SELECT 5000 + k, k, 1, ((SELECT ms FROM now_id) - 3000 + k << 22)"
                  " | (k %% 4 << 12), 1 FROM generate_series(1, 40::bigint) k");
    rig_sql(&rig, "VACUUM ANALYZE inbox"); /* sums up new blocks, as autovacuum does */
}

static uint32_t inherited(struct node_inherit *n, uint32_t id, uint32_t room)
{
    n->id = id;
    n->back_ms = 15 * 1000;
    n->room = room;
    assert_int_equal(rig_do(&rig, call_inherit, n), ERR_OK);
    return n->count;
}

static void the_dead_are_inherited_from(void **state)
{
    (void)state;
    struct node_inherit n = { .at = calloc(50, sizeof *n.at) };

    fill_inboxes();
    assert_int_equal(inherited(&n, 2, 50), 10);
    assert_false(n.more);
    for (uint32_t k = 0; k < 10; k++) { /* the newest first */
        assert_int_equal(n.at[k].i, 38 - 4 * k);
        assert_int_equal(n.at[k].user, 5000 + n.at[k].i);
    }
    assert_int_equal(inherited(&n, 2, 10), 10);
    assert_false(n.more);
    assert_int_equal(inherited(&n, 2, 9), 9);
    assert_true(n.more);
    assert_int_equal(inherited(&n, 9, 50), 0);
    free(n.at);
}

/* The number behind word, in any line of the plan; summed. */
static uint64_t plan_sum(const PGresult *r, const char *word)
{
    uint64_t sum = 0;

    for (int row = 0; row < PQntuples(r); row++) {
        const char *at = strstr(PQgetvalue(r, row, 0), word);
        sum += at ? strtoull(at + strlen(word), NULL, 10) : 0;
    }
    return sum;
}

/* Blocks from the index's ranges, of hundreds of kilobytes of rows that are older: they are not looked at. */
static void old_blocks_are_skipped(void **state)
{
    (void)state;
    char text[2048];
    int64_t blocks = rig_sql(&rig, "SELECT sum(pg_relation_size(inhrelid)) / 8192 FROM pg_inherits"
                                   " WHERE inhparent = 'inbox'::regclass");
    int64_t since = rig_sql(&rig, "SELECT max(id) - (10000::bigint << 22) FROM inbox");

    assert_true(blocks > 1000);
    rig_sql(&rig, "%s", pg_session(PG_READS));
    snprintf(text, sizeof text, "PREPARE written (int8, int8, int8) AS %s", sql_text(SQL_INBOX_WRITTEN));
    rig_sql(&rig, "%s", text);
    snprintf(text, sizeof text, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE written (%lld, 2, 50001)",
             (long long)since);
    rig_sql(&rig, "BEGIN");
    rig_sql(&rig, "%s", sql_text(SQL_PLAN_BLOCKS));
    PGresult *r = PQexec(rig.conn, text);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(rig.conn));
    assert_true(plan_sum(r, "lossy=") > 0);
    assert_in_range(plan_sum(r, "lossy="), 1, 64); /* two ranges of 32 */
    for (int row = 0; row < PQntuples(r); row++)
        assert_null(strstr(PQgetvalue(r, row, 0), "Seq Scan"));
    PQclear(r);
    rig_sql(&rig, "ROLLBACK");
    rig_sql(&rig, "RESET ALL");
    rig_sql(&rig, "TRUNCATE inbox");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_id_stays_with_its_name, nobody),
        cmocka_unit_test_setup(ids_run_out_and_are_used_again, nobody),
        cmocka_unit_test_setup(a_lease_is_judged_by_postgres, nobody),
        cmocka_unit_test_setup(reserved_ids_only_rise, nobody),
        cmocka_unit_test_setup(the_list_says_who_is_here, nobody),
        cmocka_unit_test_setup(draining_needs_no_op, nobody),
        cmocka_unit_test_setup(heads_of_many_mailboxes, nobody),
        cmocka_unit_test_setup(the_dead_are_inherited_from, nobody),
        cmocka_unit_test_setup(old_blocks_are_skipped, nobody),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
