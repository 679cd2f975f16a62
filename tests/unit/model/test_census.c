/* unit/model/test_census.c - who is in the next table: a case for each rule */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "model/census.h"
#include <cmocka.h>
#include <string.h>

enum { LEASE_MS = 3000, NODES = 16 };

static struct census_node node[NODES];
static struct ring_member member[NODES];

/* Members with a good lease, ids 0 to count - 1. */
static struct census all(uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        node[k] = (struct census_node){ .id = k,
                                        .weight = RING_WEIGHT,
                                        .is_member = true,
                                        .age_ms = 60000,
                                        .lease_ms = 2500,
                                        .death_ms = UINT64_MAX };
    return (struct census){
        .node = node, .count = count, .postmaster_ms = 1000000, .lease_ms = LEASE_MS, .member = member
    };
}

/* The weights of the table are those of all(). */
static void take(struct census *c)
{
    struct ring_member before[NODES] = { 0 };
    uint32_t count = 0;

    for (uint32_t k = 0; k < c->count; k++) {
        if (node[k].is_member)
            before[count++] = (struct ring_member){ node[k].id, RING_WEIGHT };
    }
    census_take(c, before, count);
}

static bool is_in(const struct census *c, uint64_t id)
{
    for (uint32_t k = 0; k < c->members; k++) {
        if (c->member[k].id == id)
            return true;
    }
    return false;
}

static void nothing_changes(void **state)
{
    struct census c = all(5);

    (void)state;
    take(&c);
    assert_false(c.changed);
    assert_int_equal(c.members, 5);
    assert_int_equal(c.again_ms, 0);
}

static void who_comes_waits_for_others(void **state)
{
    struct census c = all(3);

    (void)state;
    node[2].is_member = false;
    node[2].age_ms = CENSUS_JOIN_MS - 300;
    take(&c);
    assert_false(c.changed);
    assert_int_equal(c.again_ms, 300);
    node[2].age_ms = CENSUS_JOIN_MS;
    take(&c);
    assert_true(c.changed);
    assert_int_equal(c.members, 3);
    node[2].lease_ms = -1; /* gone again meanwhile */
    take(&c);
    assert_false(is_in(&c, 2));
}

static void the_first_does_not_wait(void **state)
{
    struct census c = all(2);

    (void)state;
    node[0].is_member = node[1].is_member = false;
    node[0].age_ms = node[1].age_ms = 1;
    take(&c);
    assert_true(c.changed);
    assert_int_equal(c.members, 2);
}

static void whose_lease_ended_goes(void **state)
{
    struct census c = all(5);

    (void)state;
    node[3].lease_ms = -1;
    take(&c);
    assert_true(c.changed && !is_in(&c, 3));
    assert_int_equal(c.evicts, 1);
    c.postmaster_ms = LEASE_MS - 1; /* nobody could renew while Postgres was away */
    take(&c);
    assert_true(!c.changed && is_in(&c, 3));
    assert_in_range(c.again_ms, 1, LEASE_MS);
}

static void few_are_evicted_at_a_time(void **state)
{
    struct census c = all(12);

    (void)state;
    for (uint32_t k = 0; k < 12; k++)
        node[k].lease_ms = -1;
    take(&c);
    assert_int_equal(c.members, 12 - 12 / CENSUS_EVICTIONS_PART);
    assert_int_equal(c.evicts, 12 / CENSUS_EVICTIONS_PART);
    assert_true(c.again_ms > 0);
    c.evicted = 12 / CENSUS_EVICTIONS_PART;
    take(&c);
    assert_false(c.changed);
    c = all(2); /* of few, one always */
    node[0].lease_ms = -1;
    take(&c);
    assert_int_equal(c.members, 1);
}

static void who_says_so_goes_at_once(void **state)
{
    struct census c = all(6);

    (void)state;
    c.evicted = 100;
    node[0].is_draining = node[1].is_dead = true;
    node[2].weight = 0;
    take(&c);
    assert_true(c.changed);
    assert_int_equal(c.members, 3);
    assert_int_equal(c.evicts, 0);
    assert_true(is_in(&c, 3) && is_in(&c, 4) && is_in(&c, 5));
}

static void who_dies_again_and_again_pauses(void **state)
{
    struct census c = all(3);

    (void)state;
    node[1].deaths = CENSUS_DEATHS;
    node[1].death_ms = 1000;
    take(&c);
    assert_true(!is_in(&c, 1) && c.changed);
    assert_int_equal(c.again_ms, CENSUS_DEATHS_PAUSE_MS - 1000);
    node[1].is_member = false;
    node[1].death_ms = CENSUS_DEATHS_PAUSE_MS;
    take(&c);
    assert_true(is_in(&c, 1));
    node[1].deaths = CENSUS_DEATHS - 1;
    node[1].death_ms = 1000;
    take(&c);
    assert_true(is_in(&c, 1));
}

static void weights_are_heard(void **state)
{
    struct census c = all(3);

    (void)state;
    node[1].weight = 2 * RING_WEIGHT;
    take(&c);
    assert_true(c.changed);
    assert_int_equal(c.member[1].weight, 2 * RING_WEIGHT);
}

static void the_last_table_is_not_emptied(void **state)
{
    struct census c = all(1);

    (void)state;
    node[0].is_draining = true;
    take(&c);
    assert_false(c.changed);
    assert_true(c.again_ms > 0);
}

static void who_never_was_a_member_is_forgotten(void **state)
{
    struct census c = all(3);

    (void)state;
    node[2].is_member = false;
    node[2].lease_ms = -LEASE_MS + 1;
    take(&c);
    assert_false(c.changed);
    node[2].lease_ms = -LEASE_MS - 1;
    take(&c);
    assert_true(c.changed);
    assert_int_equal(c.members, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes),
        cmocka_unit_test(who_comes_waits_for_others),
        cmocka_unit_test(the_first_does_not_wait),
        cmocka_unit_test(whose_lease_ended_goes),
        cmocka_unit_test(few_are_evicted_at_a_time),
        cmocka_unit_test(who_says_so_goes_at_once),
        cmocka_unit_test(who_dies_again_and_again_pauses),
        cmocka_unit_test(weights_are_heard),
        cmocka_unit_test(the_last_table_is_not_emptied),
        cmocka_unit_test(who_never_was_a_member_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
