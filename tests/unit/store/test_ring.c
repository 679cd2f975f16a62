/* unit/store/test_ring.c - the table of slots by Postgres: made once, by the rules, and few lose their place at a time */
#include "nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 20 };

static struct rig rig;

static int open_rig(void **state)
{
    (void)state;
    nodes_open(&rig, RIG_PG_DIR, "test_ring");
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

static void call_table(struct rig *r, struct op *op, void *ctx)
{
    store_ring_read(r->store, ctx, op);
}

static void the_table_is_what_was_made(void **state)
{
    (void)state;
    struct node_ring none = { 0 }, read = { 0 };
    struct node_change c;
    struct node_join d;

    assert_int_equal(rig_do(&rig, call_table, &none), ERR_OK);
    assert_int_equal(none.epoch, 0);
    assert_null(none.ring);
    assert_int_equal(nodes_nothing_made(&rig), 0);
    nodes_join(&rig, "a"), nodes_join(&rig, "b"), nodes_join(&rig, "c");
    assert_int_equal(nodes_change(&rig, &c), ERR_OK);
    assert_int_equal(c.made.epoch, 1);
    assert_int_equal(rig_do(&rig, call_table, &read), ERR_OK);
    assert_int_equal(read.epoch, 1);
    assert_int_equal(read.ring->count, 3);
    assert_int_equal(read.ring->slots, RING_SLOTS);
    assert_memory_equal(read.ring->member, c.made.ring->member, 3 * sizeof *read.ring->member);
    assert_memory_equal(read.ring->owner, c.made.ring->owner, RING_SLOTS * sizeof *read.ring->owner);
    ring_free(&read.ring);
    ring_free(&c.made.ring);
    assert_int_equal(nodes_nothing_made(&rig), 0);

    d = nodes_join(&rig, "d"); /* waits for others to come */
    assert_in_range(nodes_nothing_made(&rig), 1, 2000);
    nodes_grow_old(&rig, d.id, 2500);
    nodes_made(&rig, 2, 4, 0);
    rig_sql(&rig, "UPDATE node SET weight = 250 WHERE node_id = 1");
    nodes_made(&rig, 3, 4, 0);
    assert_int_equal(rig_sql(&rig, "SELECT member_weight[2] FROM ring"), 250);
    rig_sql(&rig, "UPDATE node SET weight = 0 WHERE node_id = 1");
    nodes_made(&rig, 4, 3, 0);
    assert_int_equal(nodes_drain(&rig, &d), ERR_OK);
    nodes_made(&rig, 5, 2, 0);
    assert_int_equal(nodes_nothing_made(&rig), 0);
}

static int64_t lock_count(void)
{
    return rig_sql(&rig, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                         " AND (classid::bigint << 32 | objid::bigint) = 7809632219779023476"
                         " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
}

struct decider {
    struct op op; /* first */
    struct store *store;
    struct node_change change;
    enum err err;
    bool is_done;
};

static void decider_end(struct op *op, enum err err)
{
    ((struct decider *)op)->err = err;
    ((struct decider *)op)->is_done = true;
    op_finish(op, ERR_OK);
}

static void decider_begin(struct op *op, enum err err)
{
    struct decider *d = (struct decider *)op;

    (void)err;
    d->change.lease_ms = NODES_LEASE_MS;
    store_ring_change(d->store, &d->change, op_then(op, decider_end));
}

static void decider_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static void decider_free(struct op *op)
{
    (void)op;
}

static const struct op_kind decider_kind = { .name = "decider", .free = decider_free };

/* Another process of the same database. */
static void other_open(struct rig *other)
{
    *other = (struct rig){ .config = rig.config, .conn = rig.conn };
    other->loop = loop_new();
    ops_init(&other->ops);
    snowflake_init(&other->ids, 9);
    other->store = store_new(other->loop, &other->ops, &other->config, &other->ids);
    rig_wait_up(other);
}

static void other_close(struct rig *other)
{
    store_free(&other->store);
    while (!ops_idle(&other->ops))
        ops_run(&other->ops);
    loop_free(&other->loop);
}

/* Both ask at the same time, again and again. */
static void two_deciders_make_one_table(void **state)
{
    (void)state;
    struct rig other;

    other_open(&other);
    for (int round = 0; round < ROUNDS; round++) {
        struct decider d[2] = { { .store = rig.store }, { .store = other.store } };

        nodes_nobody(&rig);
        nodes_join(&rig, "a"), nodes_join(&rig, "b"), nodes_join(&rig, "c");
        op_start(&rig.ops, &d[0].op, &decider_kind, decider_begin, decider_done, NULL);
        op_start(&other.ops, &d[1].op, &decider_kind, decider_begin, decider_done, NULL);
        for (uint64_t end_ms = rig_now_ms() + 5000; !d[0].is_done || !d[1].is_done;) {
            assert_true(rig_now_ms() < end_ms);
            rig_turn(&rig, false);
            rig_turn(&other, false);
        }
        assert_int_equal((d[0].err == ERR_OK) + (d[1].err == ERR_OK), 1);
        enum err lost = d[0].err ? d[0].err : d[1].err;
        assert_true(lost == ERR_EXISTS || lost == ERR_BUSY);
        assert_int_equal(rig_sql(&rig, "SELECT epoch FROM ring"), 1);
        ring_free(&d[0].change.made.ring);
        ring_free(&d[1].change.made.ring);
    }
    other_close(&other);
}

/* Stopped while it makes a table, under the lock: the others go on without one, and lose no lease over it. */
static void who_stands_still_stops_nobody(void **state)
{
    (void)state;
    struct decider d = { .store = rig.store };
    struct rig other;
    struct node_join a;
    struct node_renew n;
    struct node_change c;
    uint64_t since_ms;

    other_open(&other);
    a = nodes_join(&rig, "a");
    op_start(&rig.ops, &d.op, &decider_kind, decider_begin, decider_done, NULL);
    for (int k = 0; k < 100 && lock_count() == 0; k++) { /* answered, but not read */
        rig_turn(&rig, false);
        usleep(100 * 1000);
    }
    assert_int_equal(lock_count(), 1);
    since_ms = rig_now_ms();
    assert_int_equal(nodes_change(&other, &c), ERR_BUSY);
    assert_in_range(c.again_ms, 1, 1000);
    assert_int_equal(nodes_renew(&other, &a, &n), ERR_OK);
    assert_in_range(rig_now_ms() - since_ms, 0, 500);
    for (uint64_t end_ms = rig_now_ms() + 10000; !d.is_done;) {
        assert_true(rig_now_ms() < end_ms);
        rig_turn(&rig, true);
    }
    assert_int_equal(d.err, ERR_OK);
    ring_free(&d.change.made.ring);
    assert_int_equal(nodes_change(&other, &c), ERR_EXISTS);
    other_close(&other);
}

/* However many leases are over at once: a quarter of the members in ten seconds, or one. */
static void few_are_evicted_at_a_time(void **state)
{
    (void)state;
    char name[8];
    struct node_change c;

    for (int k = 0; k < 9; k++) {
        snprintf(name, sizeof name, "n/%d", k);
        nodes_join(&rig, name);
    }
    nodes_made(&rig, 1, 9, 0);
    for (uint32_t k = 1; k < 9; k++)
        nodes_expire(&rig, k, 500);
    assert_int_equal(nodes_change(&rig, &c), ERR_OK);
    assert_int_equal(c.evicted_count, 2);
    assert_int_equal(c.made.ring->count, 7);
    for (uint32_t k = 0; k < 2; k++) {
        assert_int_equal(nodes_column(&rig, c.evicted[k].id, "state"), NODE_DEAD);
        assert_int_equal(nodes_column(&rig, c.evicted[k].id, "incarnation"),
                         (int64_t)c.evicted[k].incarnation);
        assert_int_equal(nodes_column(&rig, c.evicted[k].id, "cardinality(deaths)"), 1);
    }
    ring_free(&c.made.ring);
    assert_in_range(nodes_nothing_made(&rig), 1, 10 * 1000);
    rig_sql(&rig, "UPDATE ring SET evicted_at = ARRAY(SELECT e - interval '11 s' FROM unnest(evicted_at) e)");
    nodes_made(&rig, 3, 6, 1);
}

/* Who never had a place takes nobody's turn to be evicted when it is forgotten. */
static void who_never_came_is_no_eviction(void **state)
{
    (void)state;
    struct node_join a = nodes_join(&rig, "a"), late;

    nodes_join(&rig, "b"), nodes_join(&rig, "c");
    nodes_made(&rig, 1, 3, 0);
    late = nodes_join(&rig, "late");
    nodes_expire(&rig, late.id, 2 * NODES_LEASE_MS);
    nodes_made(&rig, 2, 3, 1); /* told of, because it may have written */
    assert_int_equal(nodes_column(&rig, late.id, "state"), NODE_DEAD);
    nodes_expire(&rig, a.id, 100);
    nodes_made(&rig, 3, 2, 1);
    assert_int_equal(nodes_column(&rig, a.id, "state"), NODE_DEAD);
}

static void who_dies_often_owns_nothing(void **state)
{
    (void)state;
    struct node_join a = nodes_join(&rig, "a"), b = nodes_join(&rig, "b");

    nodes_made(&rig, 1, 2, 0);
    for (int k = 0; k < 3; k++) {
        nodes_die(&rig, &b);
        b = nodes_join(&rig, "b"); /* has its place until somebody looks */
    }
    assert_int_equal(nodes_column(&rig, b.id, "cardinality(deaths)"), 3);
    nodes_made(&rig, 2, 1, 0);
    assert_in_range(nodes_nothing_made(&rig), 20 * 1000, 30 * 1000);
    rig_sql(&rig, "UPDATE node SET deaths = ARRAY(SELECT d - interval '31 s' FROM unnest(deaths) d)");
    nodes_grow_old(&rig, b.id, 2500);
    nodes_made(&rig, 3, 2, 0);
    (void)a;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_table_is_what_was_made, nobody),
        cmocka_unit_test_setup(two_deciders_make_one_table, nobody),
        cmocka_unit_test_setup(who_stands_still_stops_nobody, nobody),
        cmocka_unit_test_setup(few_are_evicted_at_a_time, nobody),
        cmocka_unit_test_setup(who_never_came_is_no_eviction, nobody),
        cmocka_unit_test_setup(who_dies_often_owns_nothing, nobody),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
