/* unit/net/test_guard.c - token buckets, and connections counted by address */
#include "net/guard.h"
#include "net/peers.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_bucket(void **state)
{
    const struct guard_rate rate = { 3, 2 };
    struct guard g = { 0 };

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(guard_take(&g, rate, 1, 1000));
    assert_false(guard_take(&g, rate, 1, 1000));
    assert_false(guard_take(&g, rate, 1, 1499)); /* what was taken too much is owed */
    assert_true(guard_take(&g, rate, 1, 3000));
    assert_true(guard_take(&g, rate, 3, 100 * 1000)); /* full again, and not fuller */
    assert_false(guard_take(&g, rate, 1, 100 * 1000));
    guard_give(&g, 2);
    assert_true(guard_take(&g, rate, 1, 100 * 1000));
    assert_false(guard_take(&g, rate, 1, 100 * 1000));
}

static void test_debt_is_bounded(void **state)
{
    const struct guard_rate rate = { 10, 10 };
    struct guard g = { 0 };

    (void)state;
    for (int i = 0; i < 10000; i++)
        guard_take(&g, rate, 100, 5000);
    assert_true(guard_take(&g, rate, 1, 5000 + 1100));
}

static struct peer *enter(struct peers *p, const char *address, uint32_t each_max)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return peers_enter(p, (struct sockaddr *)&v4, each_max);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return peers_enter(p, (struct sockaddr *)&v6, each_max);
}

static void test_peers(void **state)
{
    struct peers *p = peers_new();
    struct peer *a = enter(p, "192.0.2.1", 2), *mapped = enter(p, "::ffff:192.0.2.1", 2);
    struct peer *other = enter(p, "192.0.2.2", 2), *six = enter(p, "2001:db8::1", 1);

    (void)state;
    assert_non_null(a);
    assert_ptr_equal(a, mapped);
    assert_null(enter(p, "192.0.2.1", 2));
    assert_non_null(other);
    assert_null(enter(p, "2001:db8::ffff:2", 1)); /* the same /64 */
    peers_leave(p, a);
    assert_ptr_equal(enter(p, "192.0.2.1", 2), a);
    peers_leave(p, a);
    peers_leave(p, a);
    peers_leave(p, other);
    peers_leave(p, six);
    peers_free(&p);
    assert_null(p);
}

static const char *text_of_peer(const void *address, char into[static PEERS_TEXT_BYTES])
{
    uint8_t kept[PEERS_ADDRESS_BYTES];

    peers_address(address, kept);
    return peers_text(kept, into);
}

static void test_peers_text(void **state)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    char text[PEERS_TEXT_BYTES];

    (void)state;
    inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);
    assert_string_equal(text_of_peer(&v6, text), "192.0.2.1");
    inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr);
    assert_string_equal(text_of_peer(&v6, text), "2001:db8::7");
    inet_pton(AF_INET, "192.0.2.9", &v4.sin_addr);
    assert_string_equal(text_of_peer(&v4, text), "192.0.2.9");
}

/* The clock is kept in 32 bits of milliseconds. */
static void test_clock_begins_anew(void **state)
{
    struct guard_rate rate = { 10, 1 };
    struct guard g = { 0 };
    uint64_t now_ms = UINT32_MAX - 500ull;

    (void)state;
    assert_true(guard_take(&g, rate, 10, now_ms));
    assert_false(guard_take(&g, rate, 1, now_ms)); /* eleven are taken */
    assert_false(guard_take(&g, rate, 1, now_ms + 1000)); /* one came back, one is taken */
    assert_true(guard_take(&g, rate, 1, now_ms + 3000)); /* two more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_begins_anew), cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_debt_is_bounded),   cmocka_unit_test(test_peers),
        cmocka_unit_test(test_peers_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
