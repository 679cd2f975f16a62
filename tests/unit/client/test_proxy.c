/* unit/client/test_proxy.c - proxies: which one is taken, what is asked of it, what its answers mean */
#include "lib/proxy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = { "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy",
                                     "NO_PROXY",    "no_proxy",    "HTTP_PROXY" };

static int no_environment(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
        unsetenv(names[n]);
    return 0;
}

/* "host:port" of the proxy to url, "none", or "wrong". */
static const char *choice(const char *url, const char *option, char into[300])
{
    struct url u;
    struct proxy p;
    char why[200] = "";
    assert_true(url_read(&u, url));
    if (!proxy_choose(&p, &u, option, why, sizeof why)) {
        assert_true(why[0] != 0);
        return "wrong";
    }
    assert_int_equal(why[0], 0);
    if (!p.is_used)
        return "none";
    snprintf(into, 300, "%s:%s", p.host, p.port);
    return into;
}

static void the_option_wins(void **state)
{
    char s[300];
    (void)state;
    setenv("HTTPS_PROXY", "http://env:1", 1);
    assert_string_equal(choice("https://chat.example", NULL, s), "env:1");
    assert_string_equal(choice("https://chat.example", "", s), "none");
    assert_string_equal(choice("https://chat.example", "http://mine:8080", s), "mine:8080");
    assert_string_equal(choice("http://chat.example", "mine:8080", s), "mine:8080");
    assert_string_equal(choice("http://chat.example", "http://[::1]:3128/", s), "::1:3128");
    setenv("NO_PROXY", "*", 1); /* it is about the environment's */
    assert_string_equal(choice("https://chat.example", "mine:8080", s), "mine:8080");
}

static void the_environment(void **state)
{
    char s[300];
    (void)state;
    assert_string_equal(choice("https://chat.example", NULL, s), "none");
    setenv("HTTP_PROXY", "http://cgi:9", 1); /* anybody may set it by a header of CGI: not read */
    assert_string_equal(choice("http://chat.example", NULL, s), "none");
    setenv("ALL_PROXY", "http://all:1", 1);
    assert_string_equal(choice("http://chat.example", NULL, s), "all:1");
    assert_string_equal(choice("https://chat.example", NULL, s), "all:1");
    setenv("HTTPS_PROXY", "http://secure:2", 1);
    assert_string_equal(choice("http://chat.example", NULL, s), "all:1");
    assert_string_equal(choice("https://chat.example", NULL, s), "secure:2");
    setenv("https_proxy", "http://small:3", 1);
    assert_string_equal(choice("https://chat.example", NULL, s), "small:3");
    setenv("no_proxy", "other.example, chat.example", 1);
    assert_string_equal(choice("https://chat.example", NULL, s), "none");
    assert_string_equal(choice("https://sub.chat.example", NULL, s), "none");
    assert_string_equal(choice("https://snatchat.example", NULL, s), "small:3");
    setenv("no_proxy", "", 1);
    setenv("https_proxy", "socks5://small:3", 1);
    assert_string_equal(choice("https://chat.example", NULL, s), "wrong");
}

/* Whether a host is reached without the proxy when NO_PROXY is the list. */
static bool is_left_out(const char *list, const char *host)
{
    char s[300], url[64];
    setenv("ALL_PROXY", "http://proxy:1", 1);
    setenv("NO_PROXY", list, 1);
    snprintf(url, sizeof url, "https://%s", host);
    return strcmp(choice(url, NULL, s), "none") == 0;
}

static void lists_of_hosts(void **state)
{
    (void)state;
    assert_true(is_left_out("*", "any"));
    assert_true(is_left_out("a,b", "b"));
    assert_true(is_left_out(" .example ", "chat.example"));
    assert_true(is_left_out("*.example", "chat.example"));
    assert_true(is_left_out("EXAMPLE", "chat.example"));
    assert_true(is_left_out("127.0.0.1", "127.0.0.1"));
    assert_false(is_left_out("", "a"));
    assert_false(is_left_out(",, ,", "a"));
    assert_false(is_left_out("xample", "example"));
    assert_false(is_left_out("long.chat.example", "chat.example"));
    assert_false(is_left_out("*ample", "example"));
    assert_false(is_left_out(".", "example"));
}

static void addresses_that_are_none(void **state)
{
    static const char *const bad[] = {
        "https://secure:1",   "socks5h://s:1",      "http://",
        "http://host:0",      "http://host:99999",  "http://a b:1",
        "http://host:1/path", "http://u%zz@host:1", "http://u%00@host:1",
        "http://u%4@host:1",
    };
    struct proxy p;
    char why[200], longest[1200];
    (void)state;
    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++) {
        assert_false(proxy_read(&p, bad[n], why, sizeof why));
        assert_true(strlen(why) > 10);
    }
    memset(longest, 'u', sizeof longest);
    memcpy(longest + sizeof longest - 10, "@host:1", 8);
    assert_false(proxy_read(&p, longest, why, sizeof why));
    memset(longest, 'h', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_false(proxy_read(&p, longest, why, sizeof why));
}

static void what_is_asked(void **state)
{
    struct proxy p;
    struct url u;
    struct buf to = { 0 };
    char why[200];
    (void)state;
    assert_true(url_read(&u, "https://chat.example"));
    assert_true(proxy_read(&p, "http://proxy:8080", why, sizeof why));
    proxy_write(&p, &u, &to);
    assert_string_equal(to.at, "CONNECT chat.example:443 HTTP/1.1\r\nHost: chat.example:443\r\n\r\n");
    buf_drop(&to, to.bytes);
    assert_true(url_read(&u, "http://[::1]:8080"));
    assert_true(proxy_read(&p, "http://al%40ice:se%3Acret@proxy:8080", why, sizeof why));
    proxy_write(&p, &u, &to);
    assert_string_equal(to.at, "CONNECT [::1]:8080 HTTP/1.1\r\nHost: [::1]:8080\r\n"
                               "Proxy-Authorization: Basic YWxAaWNlOnNlOmNyZXQ=\r\n\r\n");
    buf_drop(&to, to.bytes);
    assert_true(proxy_read(&p, "http://alice@proxy:8080", why, sizeof why));
    assert_string_equal(p.authorization, "Basic YWxpY2U6");
    buf_fini(&to);
}

static void what_answers_mean(void **state)
{
    static const struct {
        const char *head, *why; /* a part of it; NULL: the tunnel is there */
    } all[] = {
        { "HTTP/1.1 200 Connection established\r\n\r\n", NULL },
        { "HTTP/1.0 200\r\n\r\n", NULL },
        { "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants a password" },
        { "HTTP/1.1 403 Forbidden\r\n\r\n", "forbids" },
        { "HTTP/1.1 502 Bad Gateway\r\n\r\n", "can't reach" },
        { "HTTP/1.1 301 Moved\r\n\r\n", "301" },
        { "HTTP/1.1 2000 OK\r\n\r\n", "not an HTTP proxy" },
        { "HTTP/2 200\r\n\r\n", "not an HTTP proxy" },
        { "SSH-2.0-OpenSSH\r\n\r\n", "not an HTTP proxy" },
        { "\r\n\r\n", "not an HTTP proxy" },
        { "", "not an HTTP proxy" },
    };
    struct proxy p;
    char why[200];
    (void)state;
    assert_true(proxy_read(&p, "http://proxy:8080", why, sizeof why));
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++) {
        why[0] = 0;
        assert_int_equal(proxy_answer(&p, all[n].head, why, sizeof why), all[n].why == NULL);
        assert_true(all[n].why ? strstr(why, all[n].why) != NULL : why[0] == 0);
    }
    assert_true(proxy_read(&p, "http://u:p@proxy:8080", why, sizeof why));
    assert_false(proxy_answer(&p, "HTTP/1.1 407 No\r\n\r\n", why, sizeof why));
    assert_non_null(strstr(why, "does not accept the password"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_option_wins, no_environment),
        cmocka_unit_test_setup(the_environment, no_environment),
        cmocka_unit_test_setup(lists_of_hosts, no_environment),
        cmocka_unit_test(addresses_that_are_none),
        cmocka_unit_test(what_is_asked),
        cmocka_unit_test(what_answers_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
