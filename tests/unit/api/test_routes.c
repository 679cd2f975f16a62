/* unit/api/test_routes.c - paths, methods, and what is allowed instead */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "api/routes.h"
#include "base/err.h"
#include <cmocka.h>

static enum err find(enum method method, const char *path, uint64_t args[2], const char **allow)
{
    const struct route *route = NULL;
    enum err err = routes_find(method, text_of(path), &route, args, allow);

    assert_true(err || (route && route->handler));
    return err;
}

static void test_found(void **state)
{
    static const struct {
        enum method method;
        const char *path;
        uint64_t first, second;
    } good[] = {
        { METHOD_POST, "/v1/accounts", 0, 0 },
        { METHOD_POST, "/v1/sessions", 0, 0 },
        { METHOD_GET, "/v1/sessions", 0, 0 },
        { METHOD_DELETE, "/v1/sessions/current", 0, 0 },
        { METHOD_DELETE, "/v1/sessions/12", 12, 0 },
        { METHOD_HEAD, "/v1/users/7", 7, 0 },
        { METHOD_PATCH, "/v1/users/me", 0, 0 },
        { METHOD_PUT, "/v1/conversations/9223372036854775807/members/2", INT64_MAX, 2 },
        { METHOD_DELETE, "/v1/conversations/3/members/4", 3, 4 },
        { METHOD_POST, "/v1/conversations/5/messages", 5, 0 },
        { METHOD_PUT, "/v1/conversations/5/marks", 5, 0 },
        { METHOD_POST, "/v1/conversations/5/typing", 5, 0 },
        { METHOD_GET, "/v1/discover", 0, 0 },
    };

    (void)state;
    for (size_t n = 0; n < sizeof good / sizeof *good; n++) {
        uint64_t args[2] = { 0, 0 };
        const char *allow = NULL;
        assert_int_equal(find(good[n].method, good[n].path, args, &allow), ERR_OK);
        assert_int_equal(args[0], good[n].first);
        assert_int_equal(args[1], good[n].second);
    }
}

static void test_not_found(void **state)
{
    static const char *const bad[] = { "",
                                       "/",
                                       "/v1",
                                       "/v1/",
                                       "/v2/accounts",
                                       "/v1/accounts/",
                                       "v1/accounts",
                                       "/v1/conversations/0",
                                       "/v1/conversations/x",
                                       "/v1/conversations/01",
                                       "/v1/conversations/-1",
                                       "/v1/conversations/9223372036854775808",
                                       "/v1/conversations/1/",
                                       "/v1/conversations//messages",
                                       "/v1/conversations/1/typed",
                                       "/v1/conversations/1/messages/2",
                                       "/V1/accounts",
                                       "/v1/%61ccounts",
                                       "/v1/conversations/*",
                                       "/metrics" };
    uint64_t args[2];
    const char *allow;

    (void)state;
    for (size_t n = 0; n < sizeof bad / sizeof *bad; n++)
        assert_int_equal(find(METHOD_GET, bad[n], args, &allow), ERR_NOT_FOUND);
}

static void test_not_allowed(void **state)
{
    static const struct {
        enum method method;
        const char *path, *allow;
    } wrong[] = {
        { METHOD_GET, "/v1/accounts", "POST" },
        { METHOD_OPTIONS, "/v1/sessions", "GET, HEAD, POST" },
        { METHOD_POST, "/v1/events", "GET, HEAD" },
        { METHOD_OTHER, "/v1/conversations/1/members/2", "PUT, DELETE" },
        { METHOD_DELETE, "/v1/conversations/1", "GET, HEAD, PATCH" },
        { METHOD_DELETE, "/v1/conversations/1/messages", "GET, HEAD, POST" },
        { METHOD_GET, "/v1/sessions/current", "DELETE" },
        { METHOD_GET, "/v1/conversations/1/marks", "PUT" },
        { METHOD_PUT, "/v1/users/me", "PATCH" },
    };
    uint64_t args[2];

    (void)state;
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        const char *allow = NULL;
        assert_int_equal(find(wrong[n].method, wrong[n].path, args, &allow), ERR_METHOD_NOT_ALLOWED);
        assert_string_equal(allow, wrong[n].allow);
    }
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(routes_method(TEXT("DELETE")), METHOD_DELETE);
    assert_int_equal(routes_method(TEXT("OPTIONS")), METHOD_OPTIONS);
    assert_int_equal(routes_method(TEXT("delete")), METHOD_OTHER);
    assert_int_equal(routes_method(TEXT("")), METHOD_OTHER);
    assert_int_equal(routes_method(TEXT("GETS")), METHOD_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_found), cmocka_unit_test(test_not_found),
                                        cmocka_unit_test(test_not_allowed), cmocka_unit_test(test_words) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
