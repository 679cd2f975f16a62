/* unit/base/test_config.c - settings: defaults, file, environment, and what is refused */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/config.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum err parse(struct config *c, const char *text, struct config_error *why)
{
    *why = (struct config_error){ "" };
    return config_parse(c, text, strlen(text), why);
}

static void defaults_stand_where_nothing_is_said(void **state)
{
    struct config_error why;
    struct config c;

    (void)state;
    assert_int_equal(parse(&c, "", &why), ERR_OK);
    assert_int_equal(config_parse(&c, NULL, 0, &why), ERR_OK);
    assert_string_equal(c.server_listen, "127.0.0.1:8443");
    assert_int_equal(c.store_commit_lanes, 3);
    assert_int_equal(
        parse(&c, "; why\n[server]\nlisten = [::1]:9 ; here\ncleartext=\n[node]\n id = 7\n", &why), ERR_OK);
    assert_string_equal(c.server_listen, "[::1]:9");
    assert_int_equal(c.node_id, 7);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "[server]\nlissen = x\n", "configuration:2: unknown setting server.lissen" },
        { "listen = x\n", ":1: unknown setting .listen" },
        { "[nowhere]\nid = 1\n", ":2: unknown setting nowhere.id" },
        { "[node]\n\nid = 1024\n", ":3: node.id must be a whole number from 0 to 1023" },
        { "[node]\nid = -1\n", ":2: node.id must be" },
        { "[node]\nid =\n", ":2: node.id must be" },
        { "[node]\nid = 1x\n", ":2: node.id must be" },
        { "[node]\nid = +1\n", ":2: node.id must be" },
        { "[node]\nid = 99999999999999999999\n", ":2: node.id must be" },
        { "[node]\nid = 1\nid = 2\n", ":3: node.id is set twice" },
        { "[node]\nid = 1\n  2\n", ":3: node.id is set twice" },
        { "[server]\nurl\n", ":2: neither" },
        { "[node]\n[server\n", ":2: neither" },
    };
    struct config_error why;
    struct config c;

    (void)state;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        assert_int_equal(parse(&c, bad[k].text, &why), ERR_BAD_REQUEST);
        if (!strstr(why.text, bad[k].says))
            fail_msg("\"%s\" instead of \"%s\"", why.text, bad[k].says);
    }
    assert_int_equal(config_parse(&c, "a\0b", 3, &why), ERR_BAD_REQUEST);
}

/* Nothing is cut in silence: 150 bytes fit a line of the file, 300 don't, and nothing fits 512. */
static void long_values_fit_or_are_refused(void **state)
{
    struct config_error why;
    char text[700];
    struct config c;

    (void)state;
    snprintf(text, sizeof text, "[tls]\nkey = %0150d\n", 1);
    assert_int_equal(parse(&c, text, &why), ERR_OK);
    assert_int_equal(strlen(c.tls_key), 150);
    snprintf(text, sizeof text, "[tls]\nkey = %0300d\n", 1);
    assert_int_equal(parse(&c, text, &why), ERR_BAD_REQUEST);
    assert_non_null(strstr(why.text, ":2: a line is longer than"));
    snprintf(text, sizeof text, "%0511d", 1);
    setenv("POSTHORN_TLS_KEY", text, 1);
    assert_int_equal(config_read(&c, NULL, &why), ERR_OK);
    assert_string_equal(c.tls_key, text);
    snprintf(text, sizeof text, "%0512d", 1);
    setenv("POSTHORN_TLS_KEY", text, 1);
    assert_int_equal(config_read(&c, NULL, &why), ERR_BAD_REQUEST);
    assert_non_null(strstr(why.text, "tls.key is longer than 511 bytes"));
    unsetenv("POSTHORN_TLS_KEY");
}

static void the_environment_has_the_last_word(void **state)
{
    char path[] = "/tmp/posthorn_test_config_XXXXXX";
    struct config_error why;
    struct config c;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "[node]\nid = 3\n[log]\nlevel = warn\n", 33), 33);
    close(fd);
    setenv("POSTHORN_NODE_ID", "4", 1);
    setenv("POSTHORN_CLIENT_ANYTHING", "x", 1);
    assert_int_equal(config_read(&c, path, &why), ERR_OK);
    assert_int_equal(c.node_id, 4);
    assert_string_equal(c.log_level, "warn");
    setenv("POSTHORN_NODE_ID", "x", 1);
    assert_int_equal(config_read(&c, path, &why), ERR_BAD_REQUEST);
    assert_non_null(strstr(why.text, "environment: node.id"));
    unsetenv("POSTHORN_NODE_ID");
    const char *const unknown[] = { "POSTHORN_NODE_IDS", "POSTHORN_node_id", "POSTHORN_", "POSTHORN_TOKEN" };
    for (size_t k = 0; k < sizeof unknown / sizeof *unknown; k++) {
        setenv(unknown[k], "1", 1);
        assert_int_equal(config_read(&c, path, &why), ERR_BAD_REQUEST);
        assert_non_null(strstr(why.text, unknown[k]));
        unsetenv(unknown[k]);
    }
    unlink(path);
    assert_int_equal(config_read(&c, path, &why), ERR_BAD_REQUEST);
    assert_non_null(strstr(why.text, path));
    assert_int_equal(config_read(&c, "/", &why), ERR_BAD_REQUEST);
    unsetenv("POSTHORN_CLIENT_ANYTHING");
}

static void a_comment_may_be_long(void **state)
{
    struct config_error why;
    struct config c;
    char text[2048];

    (void)state;
    snprintf(text, sizeof text, "[node]\n# %01000d\nid = 9\n; %0197d\n[tls]\nid = 3\n", 1, 1);
    assert_int_equal(parse(&c, text, &why), ERR_BAD_REQUEST);
    assert_non_null(strstr(why.text, ":6")); /* lines are counted on */
    snprintf(text, sizeof text, "[node]\n# %01000d\nid = 9\n; %0500d", 1, 1);
    assert_int_equal(parse(&c, text, &why), ERR_OK);
    assert_int_equal(c.node_id, 9);
}

static void what_is_printed_can_be_read_again(void **state)
{
    struct config_error why;
    struct config c, again;
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);

    (void)state;
    assert_non_null(f);
    assert_int_equal(parse(&c, "[node]\nid = 9\n[server]\nregion = north\n", &why), ERR_OK);
    config_print(&c, f);
    fclose(f);
    assert_int_equal(config_parse(&again, text, bytes, &why), ERR_OK);
    assert_memory_equal(&c, &again, sizeof c);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_stand_where_nothing_is_said),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(long_values_fit_or_are_refused),
        cmocka_unit_test(the_environment_has_the_last_word),
        cmocka_unit_test(a_comment_may_be_long),
        cmocka_unit_test(what_is_printed_can_be_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
