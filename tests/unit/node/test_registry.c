/* unit/node/test_registry.c - where users are, and how that ends */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "node/registry.h"
#include <cmocka.h>

static struct registry *registry;
static struct inbox_seq head;

static int setup(void **state)
{
    (void)state;
    registry = registry_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    registry_free(&registry);
    assert_null(registry);
    return 0;
}

static struct user_id user(uint64_t n)
{
    return (struct user_id){ n };
}

static uint32_t edges(uint64_t n)
{
    uint32_t into[REGISTRY_EDGES_MAX];

    return registry_edges(registry, user(n), into);
}

static void users_are_where_they_registered(void **state)
{
    uint32_t into[REGISTRY_EDGES_MAX];

    (void)state;
    assert_int_equal(edges(7), 0);
    assert_true(registry_add(registry, user(7), 3, &head));
    assert_true(registry_add(registry, user(7), 3, &head));
    assert_true(registry_add(registry, user(7), 1023, &head));
    assert_int_equal(registry_edges(registry, user(7), into), 2);
    assert_int_equal(into[0], 3);
    assert_int_equal(into[1], 1023);
    registry_remove(registry, user(7), 3);
    registry_remove(registry, user(8), 3);
    assert_int_equal(registry_edges(registry, user(7), into), 1);
    assert_int_equal(into[0], 1023);
    registry_remove(registry, user(7), 1023);
    assert_int_equal(registry_count(registry), 0);
}

static void heads_are_known_while_the_user_is(void **state)
{
    (void)state;
    registry_notice(registry, user(1), (struct inbox_seq){ 9 });
    assert_true(registry_add(registry, user(1), 0, &head));
    assert_int_equal(head.n, 0); /* nobody was here then */
    registry_notice(registry, user(1), (struct inbox_seq){ 12 });
    registry_notice(registry, user(1), (struct inbox_seq){ 11 });
    assert_true(registry_add(registry, user(1), 2, &head));
    assert_int_equal(head.n, 12);
    registry_void(registry);
    assert_true(registry_add(registry, user(1), 2, &head));
    assert_int_equal(head.n, 0);
}

static void an_edge_takes_its_own_along(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 100; n++) {
        assert_true(registry_add(registry, user(n), 5, &head));
        if (n % 2)
            assert_true(registry_add(registry, user(n), 6, &head));
    }
    registry_forget(registry, 5);
    assert_int_equal(edges(1), 1);
    assert_int_equal(edges(2), 0);
    assert_true(registry_add(registry, user(2), 5, &head)); /* it is back, as another incarnation */
    assert_int_equal(edges(2), 1);
    registry_sweep(registry, 1000);
    assert_int_equal(registry_count(registry), 51);
}

static void places_are_bounded(void **state)
{
    (void)state;
    for (uint32_t edge = 0; edge < REGISTRY_EDGES_MAX; edge++)
        assert_true(registry_add(registry, user(1), edge, &head));
    assert_false(registry_add(registry, user(1), REGISTRY_EDGES_MAX, &head));
    registry_forget(registry, 0);
    assert_true(registry_add(registry, user(1), REGISTRY_EDGES_MAX, &head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(users_are_where_they_registered, setup, teardown),
        cmocka_unit_test_setup_teardown(heads_are_known_while_the_user_is, setup, teardown),
        cmocka_unit_test_setup_teardown(an_edge_takes_its_own_along, setup, teardown),
        cmocka_unit_test_setup_teardown(places_are_bounded, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
