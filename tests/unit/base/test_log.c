/* unit/base/test_log.c - one line an event, and no more than a bound of them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/log.h"
#include <cmocka.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CAUGHT_MAX = 1 << 20 };

struct catch
{
    char *at;
    FILE *file;
    int was;
};

static struct catch catch_begin(void)
{
    struct catch c = { .at = calloc(1, CAUGHT_MAX), .file = tmpfile(), .was = dup(STDERR_FILENO) };

    assert_non_null(c.at);
    assert_non_null(c.file);
    dup2(fileno(c.file), STDERR_FILENO);
    return c;
}

/* What stderr got; the caller frees it. */
static char *catch_end(struct catch *c)
{
    dup2(c->was, STDERR_FILENO);
    close(c->was);
    assert_true(pread(fileno(c->file), c->at, CAUGHT_MAX - 1, 0) >= 0);
    fclose(c->file);
    return c->at;
}

static size_t lines_of(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += *s == '\n';
    return n;
}

static void a_line_has_its_form(void **state)
{
    struct catch c = catch_begin();
    regex_t form;

    (void)state;
    log_line(LOG_INFO, "started", "port=%d", 8443);
    log_line(LOG_DEBUG, "unseen", "x=1");
    log_line(LOG_ERROR, "bare", "%s", "");
    char *got = catch_end(&c);
    assert_int_equal(regcomp(&form,
                             "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z info started port=8443\n"
                             "[^ ]+ error bare ?\n$",
                             REG_EXTENDED),
                     0);
    assert_int_equal(regexec(&form, got, 0, NULL, 0), 0);
    regfree(&form);
    free(got);
}

static void a_value_forges_no_line_and_no_length(void **state)
{
    struct catch c = catch_begin();
    char wide[5000];

    (void)state;
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = 0;
    log_line(LOG_WARN, "raw", "v=%s", "a\nb\x1b[2J");
    log_line(LOG_WARN, "wide", "v=%s", wide);
    char *got = catch_end(&c);
    assert_int_equal(lines_of(got), 2);
    assert_null(strchr(got, 0x1b));
    assert_int_equal(strlen(strchr(got, '\n') + 1), 2048);
    free(got);
}

static void floods_are_counted(void **state)
{
    struct timespec now, nap = { 0, 1000000 };
    struct catch c;

    (void)state;
    do { /* early in a second: the flood takes part of one only */
        nanosleep(&nap, NULL);
        clock_gettime(CLOCK_REALTIME, &now);
    } while (now.tv_nsec > 100 * 1000000);
    time_t second = now.tv_sec;
    c = catch_begin();
    for (int k = 0; k < 1500; k++)
        log_line(LOG_INFO, "flood", "k=%d", k);
    do {
        nanosleep(&nap, NULL);
        clock_gettime(CLOCK_REALTIME, &now);
    } while (now.tv_sec == second);
    log_line(LOG_INFO, "after", "x=1");
    char *got = catch_end(&c);
    assert_int_equal(lines_of(got), 1002);
    assert_non_null(strstr(got, " warn log_flood dropped=500\n"));
    assert_non_null(strstr(got, " info after x=1\n"));
    free(got);
}

static void quoted_is_one_word(void **state)
{
    char into[64], tight[12];

    (void)state;
    assert_string_equal(log_quoted(into, sizeof into, "a \"b\" \\ \n\x7f"),
                        "\"a \\\"b\\\" \\\\ \\x0a\\x7f\"");
    log_quoted(tight, sizeof tight, "\x01\x01\x01\x01\x01\x01");
    assert_true(strlen(tight) < sizeof tight);
    assert_int_equal(tight[strlen(tight) - 1], '"');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floods_are_counted),
        cmocka_unit_test(a_line_has_its_form),
        cmocka_unit_test(a_value_forges_no_line_and_no_length),
        cmocka_unit_test(quoted_is_one_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
