/* unit/client/test_nodes.c - the list of nodes: what is taken into it, where the next connection goes, what is kept */
#include "lib/nodes.h"
#include "lib/wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct nodes begun(const char *address)
{
    struct url u;
    struct nodes n;
    assert_true(url_read(&u, address));
    nodes_init(&n, &u);
    return n;
}

static bool told(struct nodes *n, const char *json)
{
    struct posthorn_answer *a = wire_parse(json, strlen(json));
    assert_non_null(a);
    bool is_new = nodes_take(n, a);
    wire_free(&a);
    return is_new;
}

static void assert_all(const struct nodes *n, const char *const *authorities, size_t count)
{
    assert_int_equal(n->count, count);
    for (size_t k = 0; k < count; k++)
        assert_string_equal(n->at[k].authority, authorities[k]);
}

#define ASSERT_ALL(n, ...)                                                                                   \
    assert_all(n, (const char *[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *))

static const char three[] =
    "{\"nodes\":[{\"url\":\"https://a.example\"},{\"url\":\"https://b.example:8443\"},"
    "{\"url\":\"https://c.example\"}]}";

static void the_given_address_stays_the_last_resort(void **state)
{
    (void)state;
    struct nodes n = begun("https://chat.example");
    assert_true(told(&n, three));
    ASSERT_ALL(&n, "a.example", "b.example:8443", "c.example", "chat.example");
    assert_string_equal(nodes_url(&n)->authority, "chat.example"); /* something stands before the nodes */
    assert_false(told(&n, three));
    assert_true(told(&n, "{\"nodes\":[]}"));
    ASSERT_ALL(&n, "chat.example");
}

static void a_node_that_was_given_is_not_there_twice(void **state)
{
    (void)state;
    struct nodes n = begun("https://b.example:8443");
    assert_true(told(&n, three));
    ASSERT_ALL(&n, "a.example", "b.example:8443", "c.example");
    assert_int_equal(n.now, 1);
}

static void the_best_one_is_taken_once_after_a_login(void **state)
{
    (void)state;
    struct nodes n = begun("https://chat.example");
    static const char own_ports[] = "{\"nodes\":[{\"url\":\"https://chat.example:9001\"},"
                                    "{\"url\":\"https://chat.example:9002\"}]}";
    assert_true(told(&n, own_ports));
    assert_string_equal(nodes_url(&n)->authority, "chat.example:9001");
    assert_int_equal(n.moves, 1);
    static const char turned[] = "{\"nodes\":[{\"url\":\"https://chat.example:9002\"},"
                                 "{\"url\":\"https://chat.example:9001\"}]}";
    assert_true(told(&n, turned)); /* loads change all the time: that is no reason to move */
    assert_string_equal(nodes_url(&n)->authority, "chat.example:9001");
    assert_int_equal(n.moves, 1);
}

static void what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    struct nodes n = begun("https://chat.example");
    assert_false(
        told(&n, "{\"nodes\":[{\"url\":\"http://a.example\"},{\"url\":\"https://u:p@b.example\"},{\"url\":7},"
                 "{},{\"url\":\"https://127.0.0.1:8443\"},{\"url\":\"https://0.0.0.0:8443\"},"
                 "{\"url\":\"https://localhost\"},{\"url\":\"https://x.example/path\"}]}"));
    ASSERT_ALL(&n, "chat.example");
    assert_false(told(&n, "{\"error\":1}"));
    struct nodes here = begun("https://localhost:8443");
    assert_true(told(&here, "{\"nodes\":[{\"url\":\"https://127.0.0.1:9443\"}]}"));
    ASSERT_ALL(&here, "127.0.0.1:9443", "localhost:8443");
}

static void a_list_has_a_bound(void **state)
{
    (void)state;
    struct nodes n = begun("https://chat.example");
    char json[8192] = "{\"nodes\":[";
    for (int k = 0; k < 100; k++)
        snprintf(json + strlen(json), sizeof json - strlen(json), "%s{\"url\":\"https://n%d.example\"}",
                 k ? "," : "", k);
    snprintf(json + strlen(json), sizeof json - strlen(json), "]}");
    assert_true(told(&n, json));
    assert_int_equal(n.count, NODES_MOST);
    assert_string_equal(n.at[NODES_MOST - 1].authority, "chat.example");
}

static void all_are_tried_before_it_is_a_failure(void **state)
{
    (void)state;
    struct nodes n = begun("https://a.example");
    assert_false(nodes_failed(&n, nodes_url(&n)));
    assert_true(told(&n, three));
    for (int round = 0; round < 3; round++) {
        const char *const order[] = { "a.example", "b.example:8443", "c.example" };
        for (size_t k = 0; k < 3; k++) {
            assert_string_equal(nodes_url(&n)->authority, order[k]);
            assert_int_equal(nodes_failed(&n, nodes_url(&n)), k < 2);
        }
    }
    struct url gone = *nodes_url(&n);
    assert_true(nodes_failed(&n, &gone));
    assert_true(nodes_failed(&n, &gone)); /* another connection to it fails, too: that says nothing new */
    assert_string_equal(nodes_url(&n)->authority, "b.example:8443");
    nodes_worked(&n);
    assert_true(nodes_failed(&n, nodes_url(&n)));
    assert_true(nodes_failed(&n, nodes_url(&n)));
    assert_false(nodes_failed(&n, nodes_url(&n)));
}

static void a_good_bye_moves_once(void **state)
{
    (void)state;
    struct nodes n = begun("https://a.example");
    assert_false(nodes_left(&n, nodes_url(&n)));
    assert_true(told(&n, three));
    struct url gone = *nodes_url(&n);
    assert_true(nodes_left(&n, &gone));
    assert_true(nodes_left(&n, &gone));
    assert_string_equal(nodes_url(&n)->authority, "b.example:8443");
    assert_int_equal(n.ask_ms, 0); /* who is where is asked for anew */
}

static void an_old_failure_says_nothing_of_the_new_node(void **state)
{
    (void)state;
    struct nodes n = begun("https://a.example");
    nodes_silent(&n, 0);
    assert_int_equal(n.moves, 0); /* there is no other */
    assert_true(told(&n, three));
    nodes_silent(&n, 0);
    assert_string_equal(nodes_url(&n)->authority, "b.example:8443");
    nodes_silent(&n, 0);
    for (int k = 0; k < 10; k++)
        nodes_refused(&n, 0);
    assert_string_equal(nodes_url(&n)->authority, "b.example:8443");
    assert_true(n.is_unkept);
}

static unsigned refusals_until_it_moves(struct nodes *n)
{
    unsigned count = 0, moves = n->moves;
    for (; n->moves == moves && count < 1000; count++)
        nodes_refused(n, moves);
    return count;
}

static void who_is_refused_everywhere_goes_round_ever_more_slowly(void **state)
{
    (void)state;
    struct nodes n = begun("https://a.example");
    assert_true(told(&n, three));
    static const unsigned counts[] = { 3, 6, 12, 24, 48, 96, 96 };
    for (size_t k = 0; k < 7; k++)
        assert_int_equal(refusals_until_it_moves(&n), counts[k]);
    nodes_refused(&n, n.moves);
    nodes_served(&n);
    assert_int_equal(refusals_until_it_moves(&n), 3);
}

static void what_stands_before_the_nodes_leads_to_another_by_itself(void **state)
{
    (void)state;
    struct nodes n = begun("https://chat.example");
    assert_true(told(&n, three));
    assert_false(nodes_bade(&n, &n.given)); /* the nodes may not be reachable from here */
    assert_int_equal(n.moves, 0);
    assert_true(nodes_left(&n, &n.given)); /* but it is silent */
    assert_string_equal(nodes_url(&n)->authority, "a.example");
    assert_true(nodes_bade(&n, nodes_url(&n)));
    assert_string_equal(nodes_url(&n)->authority, "b.example:8443");
    struct nodes plain = begun("https://a.example");
    assert_true(told(&plain, three));
    assert_true(nodes_bade(&plain, &plain.given));
    assert_string_equal(nodes_url(&plain)->authority, "b.example:8443");
}

static void a_fixed_address_takes_no_list(void **state)
{
    (void)state;
    struct nodes n = begun("https://a.example");
    n.is_fixed = true;
    assert_false(told(&n, three));
    ASSERT_ALL(&n, "a.example");
}

static void the_next_run_begins_where_this_one_was(void **state)
{
    (void)state;
    char dir[] = "/tmp/posthorn-nodes-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    struct nodes n = begun("https://a.example"), next = begun("https://a.example");
    assert_true(told(&n, three));
    assert_true(nodes_left(&n, nodes_url(&n)));
    assert_true(n.is_unkept);
    assert_true(nodes_save(&n, dir));
    assert_false(n.is_unkept);
    nodes_load(&next, dir);
    ASSERT_ALL(&next, "b.example:8443", "c.example", "a.example");
    assert_int_equal(next.now, 0);
    struct nodes other = begun("https://z.example");
    nodes_load(&other, dir); /* another server's nodes are none of its own */
    ASSERT_ALL(&other, "z.example");
    snprintf(path, sizeof path, "%s/nodes", dir);
    FILE *file = fopen(path, "w");
    fputs("https://a.example\nhttp://evil.example\n\377\nhttps://b.example", file);
    fclose(file);
    struct nodes damaged = begun("https://a.example");
    nodes_load(&damaged, dir);
    ASSERT_ALL(&damaged, "b.example", "a.example");
    unlink(path);
    nodes_load(&other, dir);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_given_address_stays_the_last_resort),
        cmocka_unit_test(a_node_that_was_given_is_not_there_twice),
        cmocka_unit_test(the_best_one_is_taken_once_after_a_login),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(a_list_has_a_bound),
        cmocka_unit_test(all_are_tried_before_it_is_a_failure),
        cmocka_unit_test(a_good_bye_moves_once),
        cmocka_unit_test(an_old_failure_says_nothing_of_the_new_node),
        cmocka_unit_test(who_is_refused_everywhere_goes_round_ever_more_slowly),
        cmocka_unit_test(what_stands_before_the_nodes_leads_to_another_by_itself),
        cmocka_unit_test(a_fixed_address_takes_no_list),
        cmocka_unit_test(the_next_run_begins_where_this_one_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
