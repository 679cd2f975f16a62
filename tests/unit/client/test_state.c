/* unit/client/test_state.c - cursor and session on disk, keys, pauses, addresses */
#include "lib/backoff.h"
#include "lib/clock.h"
#include "lib/cursor.h"
#include "lib/files.h"
#include "lib/session.h"
#include "lib/ulid.h"
#include "lib/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *make_dir(void)
{
    char name[] = "/tmp/posthorn-state-XXXXXX";
    assert_non_null(mkdtemp(name));
    return buf_copy(name);
}

static void remove_dir(char *dir)
{
    static const char *const names[] = { "cursor", "session" };
    for (size_t n = 0; n < 2; n++) {
        char *path = files_join(dir, names[n]);
        unlink(path);
        free(path);
    }
    assert_int_equal(rmdir(dir), 0); /* nothing temporary is left */
    free(dir);
}

static void a_cursor_comes_back(void **state)
{
    char *dir = make_dir();
    struct cursor c = { .i = 1045, .knows_i = true }, read;
    (void)state;
    cursor_load(&read, dir);
    assert_string_equal(read.text, "");
    assert_true(cursor_set(&c, "3.1045"));
    assert_true(cursor_save(&c, dir));
    cursor_load(&read, dir);
    assert_string_equal(read.text, "3.1045");
    assert_int_equal(read.i, 1045);
    assert_true(read.knows_i);
    remove_dir(dir);
}

static void a_damaged_cursor_is_none(void **state)
{
    char *dir = make_dir();
    struct cursor c = { .i = 1045, .knows_i = true }, read;
    struct buf whole = { 0 };
    (void)state;
    assert_true(cursor_set(&c, "3.1045"));
    assert_true(cursor_save(&c, dir));
    char *path = files_join(dir, "cursor");
    assert_true(files_read(path, 1000, &whole));
    for (size_t cut = 0; cut + 1 < whole.bytes; cut++) { /* without the last newline it is whole */
        assert_true(files_replace(dir, "cursor", whole.at, cut));
        cursor_load(&read, dir);
        assert_string_equal(read.text, "");
    }
    buf_fini(&whole);
    free(path);
    remove_dir(dir);
}

static void a_failed_write_leaves_the_old_one(void **state)
{
    char *dir = make_dir();
    struct cursor c = { 0 }, read;
    (void)state;
    assert_true(cursor_set(&c, "3.1"));
    assert_true(cursor_save(&c, dir));
    char *gone = files_join(dir, "no-such-place");
    assert_true(cursor_set(&c, "3.2"));
    assert_false(cursor_save(&c, gone));
    cursor_load(&read, dir);
    assert_string_equal(read.text, "3.1");
    free(gone);
    remove_dir(dir);
}

static void cursors_have_bounds(void **state)
{
    struct cursor c = { 0 };
    char large[80];
    (void)state;
    memset(large, '1', sizeof large);
    large[64] = 0;
    assert_false(cursor_set(&c, large));
    large[63] = 0;
    assert_true(cursor_set(&c, large));
    assert_false(cursor_set(&c, ""));
    assert_false(cursor_set(&c, NULL));
    assert_false(cursor_set(&c, "3 4"));
    assert_false(cursor_set(&c, "3\n4"));
}

static void a_token_goes_to_its_own_server_only(void **state)
{
    char *dir = make_dir();
    struct session s, read;
    struct stat st;
    (void)state;
    assert_true(session_set(&s, "https://a.example", "alice", "5", "6", "t0ken"));
    assert_true(session_save(&s, dir));
    char *path = files_join(dir, "session");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(path);
    session_load(&read, dir, "https://a.example");
    assert_string_equal(read.token, "t0ken");
    assert_string_equal(read.handle, "alice");
    session_load(&read, dir, "https://b.example");
    assert_string_equal(read.token, "");
    session_load(&read, dir, "http://a.example");
    assert_string_equal(read.token, "");
    session_forget(&s, dir);
    session_load(&read, dir, "https://a.example");
    assert_string_equal(read.token, "");
    assert_false(session_set(&s, "https://a.example", "alice", "5", "6", "to\r\nken"));
    assert_false(session_set(&s, "https://a.example", "alice", "5", "6", NULL));
    remove_dir(dir);
}

static void pauses_stay_in_their_bounds(void **state)
{
    (void)state;
    uint32_t least[12], most[12] = { 0 };
    memset(least, 0xff, sizeof least);
    for (int round = 0; round < 2000; round++) {
        struct backoff b = { 0 };
        for (int n = 0; n < 12; n++) {
            uint32_t wait = backoff_next(&b, 0);
            assert_in_range(wait, BACKOFF_LEAST_MS, BACKOFF_MOST_MS);
            least[n] = wait < least[n] ? wait : least[n];
            most[n] = wait > most[n] ? wait : most[n];
        }
    }
    assert_true(most[0] <= 1000 && most[1] <= 2000 && most[2] <= 4000);
    assert_true(most[11] > 25000 && least[11] < 3000); /* the whole range is used: full jitter */
    for (int round = 0; round < 1000; round++) {
        struct backoff b = { 0 };
        assert_in_range(backoff_broken(&b), 0, BACKOFF_LEAST_MS);
        assert_in_range(backoff_broken(&b), BACKOFF_LEAST_MS, 2000); /* once only */
        backoff_reset(&b);
        assert_true(backoff_next(&b, 5000) >= 5000);
        b.tries = 20;
        assert_in_range(backoff_next(&b, 1000), 1000, 2000);
        assert_true(backoff_next(&b, 10ull << 40) <= BACKOFF_ASKED_MOST_MS + BACKOFF_ASKED_MOST_MS / 10);
    }
}

static void keys_rise(void **state)
{
    struct ulid_source s = { 0 };
    char before[ULID_BYTES + 1], key[ULID_BYTES + 1];
    (void)state;
    ulid_make(&s, before);
    for (int n = 0; n < 20000; n++) {
        ulid_make(&s, key);
        assert_true(ulid_is(key));
        assert_true(strcmp(before, key) < 0);
        memcpy(before, key, sizeof key);
    }
    s.ms += 100000; /* the clock went back */
    ulid_make(&s, before);
    ulid_make(&s, key);
    assert_true(strcmp(before, key) < 0);
    assert_false(ulid_is("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
    assert_false(ulid_is("01ARZ3NDEKTSV4RRFFQ69G5FAU"));
    /* The first ten digits are the time. */
    struct ulid_source known = { .ms = 1ull << 47 };
    ulid_make(&known, key);
    assert_memory_equal(key, "4000000000", 10);
}

static void addresses(void **state)
{
    static const struct {
        const char *text, *host, *port, *authority;
        bool is_tls;
    } good[] = {
        { "https://chat.example", "chat.example", "443", "chat.example", true },
        { "chat.example", "chat.example", "443", "chat.example", true },
        { "https://localhost:8443/", "localhost", "8443", "localhost:8443", true },
        { "http://127.0.0.1:80", "127.0.0.1", "80", "127.0.0.1", false },
        { "http://[::1]:8080", "::1", "8080", "[::1]:8080", false },
    };
    static const char *const bad[] = { "",
                                       "https://",
                                       "ftp://x",
                                       "https://a b",
                                       "https://a:0",
                                       "https://a:65536",
                                       "https://a:1x",
                                       "https://u@h",
                                       "https://h/path",
                                       "https://h?q",
                                       "https://[::1",
                                       "https://[x]:1",
                                       "https://h:443\r\nX: y" };
    struct url u;
    (void)state;
    for (size_t n = 0; n < sizeof good / sizeof good[0]; n++) {
        assert_true(url_read(&u, good[n].text));
        assert_string_equal(u.host, good[n].host);
        assert_string_equal(u.port, good[n].port);
        assert_string_equal(u.authority, good[n].authority);
        assert_int_equal(u.is_tls, good[n].is_tls);
    }
    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++)
        assert_false(url_read(&u, bad[n]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_comes_back),
        cmocka_unit_test(a_damaged_cursor_is_none),
        cmocka_unit_test(a_failed_write_leaves_the_old_one),
        cmocka_unit_test(cursors_have_bounds),
        cmocka_unit_test(a_token_goes_to_its_own_server_only),
        cmocka_unit_test(pauses_stay_in_their_bounds),
        cmocka_unit_test(keys_rise),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
