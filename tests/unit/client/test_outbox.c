/* unit/client/test_outbox.c - the outbox: what was put survives a death at any byte, under one key */
#include "lib/files.h"
#include "lib/outbox.h"
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY(n) "01ARZ3NDEKTSV4RRFFQ69G5FA" n

static char *make_dir(void)
{
    char name[] = "/tmp/posthorn-outbox-XXXXXX";
    assert_non_null(mkdtemp(name));
    return buf_copy(name);
}

/* The only outbox file of a directory, a string of the caller's; NULL: none. */
static char *only_file(const char *dir)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    char *found = NULL;
    for (struct dirent *e; (e = readdir(d));) {
        if (strncmp(e->d_name, "outbox-", 7) != 0)
            continue;
        assert_null(found);
        found = files_join(dir, e->d_name);
    }
    closedir(d);
    return found;
}

static void remove_dir(char *dir)
{
    char *file;
    while ((file = only_file(dir))) {
        unlink(file);
        free(file);
    }
    assert_int_equal(rmdir(dir), 0);
    free(dir);
}

static void what_is_put_is_there_after_a_restart(void **state)
{
    char *dir = make_dir();
    struct outbox o;
    (void)state;
    assert_true(outbox_open(&o, dir));
    assert_true(outbox_put(&o, KEY("1"), "7", "{\"text\":\"one two\"}"));
    assert_true(outbox_put(&o, KEY("2"), "8", "{\"text\":\"2\"}"));
    assert_true(outbox_put(&o, KEY("3"), "7", "{\"text\":\"3\"}"));
    outbox_done(&o, TAILQ_NEXT(TAILQ_FIRST(&o.list), entry));
    outbox_close(&o);
    assert_true(outbox_open(&o, dir));
    assert_int_equal(o.count, 2);
    const struct outbox_entry *e = TAILQ_FIRST(&o.list);
    assert_string_equal(e->key, KEY("1"));
    assert_string_equal(e->conversation, "7");
    assert_string_equal(e->body, "{\"text\":\"one two\"}");
    assert_string_equal(TAILQ_NEXT(e, entry)->key, KEY("3"));
    while (o.count)
        outbox_done(&o, TAILQ_FIRST(&o.list));
    outbox_close(&o);
    assert_null(only_file(dir)); /* nothing waits, nothing is left behind */
    remove_dir(dir);
}

/* A crash may cut the file after any byte: whole records count, the cut one is skipped, later ones are read. */
static void a_file_cut_at_any_byte(void **state)
{
    char *dir = make_dir();
    struct outbox o;
    (void)state;
    assert_true(outbox_open(&o, dir));
    assert_true(outbox_put(&o, KEY("1"), "7", "{\"text\":\"first\"}"));
    size_t one = o.file_bytes;
    assert_true(outbox_put(&o, KEY("2"), "7", "{\"text\":\"second\"}"));
    size_t two = o.file_bytes;
    outbox_done(&o, TAILQ_FIRST(&o.list));
    outbox_close(&o);
    char *path = only_file(dir);
    struct buf whole = { 0 };
    assert_true(files_read(path, 1 << 20, &whole));
    free(path);
    for (size_t cut = 0; cut <= whole.bytes; cut++) {
        remove_dir(dir);
        dir = make_dir();
        assert_true(files_replace(dir, "outbox-01ARZ3NDEKTSV4RRFFQ69G5FAV.log", whole.at, cut));
        assert_true(outbox_open(&o, dir));
        bool has_first = cut >= one && cut < whole.bytes, has_second = cut >= two;
        assert_int_equal(o.count, (size_t)has_first + (size_t)has_second);
        if (has_second)
            assert_string_equal(TAILQ_LAST(&o.list, outbox_list)->body, "{\"text\":\"second\"}");
        outbox_close(&o);
    }
    buf_fini(&whole);
    remove_dir(dir);
}

static void a_flipped_byte_costs_one_record(void **state)
{
    char *dir = make_dir();
    struct outbox o;
    (void)state;
    assert_true(outbox_open(&o, dir));
    assert_true(outbox_put(&o, KEY("1"), "7", "{\"text\":\"first\"}"));
    size_t one = o.file_bytes;
    assert_true(outbox_put(&o, KEY("2"), "7", "{\"text\":\"second\"}"));
    outbox_close(&o);
    char *path = only_file(dir);
    struct buf whole = { 0 };
    assert_true(files_read(path, 1 << 20, &whole));
    free(path);
    for (size_t at = 0; at < one - 1; at++) {
        remove_dir(dir);
        dir = make_dir();
        whole.at[at] ^= 0x20;
        assert_true(files_replace(dir, "outbox-01ARZ3NDEKTSV4RRFFQ69G5FAV.log", whole.at, whole.bytes));
        whole.at[at] ^= 0x20;
        assert_true(outbox_open(&o, dir));
        /* A hex digit of the checksum in the other case is the same number. */
        bool is_same = at < 8 && whole.at[at] >= 'a';
        assert_int_equal(o.count, is_same ? 2 : 1);
        assert_string_equal(TAILQ_LAST(&o.list, outbox_list)->key, KEY("2"));
        outbox_close(&o);
    }
    buf_fini(&whole);
    remove_dir(dir);
}

/* Puts until it is killed; tells each key that was kept through the pipe. */
static void put_for_ever(const char *dir, int to)
{
    struct outbox o;
    struct ulid_source keys = { 0 };
    char key[ULID_BYTES + 1];
    if (!outbox_open(&o, dir))
        _exit(1);
    for (;;) {
        ulid_make(&keys, key);
        if (!outbox_put(&o, key, "7", "{}") || write(to, key, ULID_BYTES) != ULID_BYTES)
            _exit(1);
    }
}

static void kill_9_loses_nothing_that_was_kept(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        char *dir = make_dir();
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            put_for_ever(dir, ends[1]);
        close(ends[1]);
        usleep(5000 + round * 1700);
        kill(child, SIGKILL);
        struct buf told = { 0 };
        char part[ULID_BYTES * 100];
        ssize_t got;
        while ((got = read(ends[0], part, sizeof part)) > 0)
            buf_add(&told, part, (size_t)got);
        close(ends[0]);
        waitpid(child, NULL, 0);
        struct outbox o;
        assert_true(outbox_open(&o, dir));
        size_t kept = told.bytes / ULID_BYTES, n = 0;
        assert_true(o.count == kept || o.count == kept + 1); /* the last may have been cut off from telling */
        const struct outbox_entry *e = TAILQ_FIRST(&o.list);
        for (; n < kept; n++, e = TAILQ_NEXT(e, entry))
            assert_memory_equal(e->key, told.at + n * ULID_BYTES, ULID_BYTES);
        buf_fini(&told);
        outbox_close(&o);
        remove_dir(dir);
    }
}

static void a_living_process_keeps_its_file(void **state)
{
    char *dir = make_dir();
    struct outbox a, b;
    (void)state;
    assert_true(outbox_open(&a, dir));
    assert_true(outbox_put(&a, KEY("1"), "7", "{}"));
    assert_true(outbox_open(&b, dir));
    assert_int_equal(b.count, 0); /* or both would send it and both would tell the person */
    outbox_close(&b);
    outbox_close(&a);
    assert_true(outbox_open(&b, dir));
    assert_int_equal(b.count, 1);
    outbox_drop(&b);
    outbox_close(&b);
    remove_dir(dir);
}

static void a_full_outbox_says_so(void **state)
{
    struct outbox o;
    struct ulid_source keys = { 0 };
    char key[ULID_BYTES + 1];
    (void)state;
    assert_true(outbox_open(&o, NULL));
    for (int n = 0; n < OUTBOX_MOST; n++) {
        ulid_make(&keys, key);
        assert_true(outbox_put(&o, key, "7", "{}"));
    }
    ulid_make(&keys, key);
    assert_false(outbox_put(&o, key, "7", "{}"));
    assert_int_equal(o.count, OUTBOX_MOST);
    outbox_close(&o);
}

static void files_are_private(void **state)
{
    char *dir = make_dir();
    struct outbox o;
    struct stat s;
    (void)state;
    assert_true(outbox_open(&o, dir));
    assert_true(outbox_put(&o, KEY("1"), "7", "{}"));
    char *path = only_file(dir);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    free(path);
    outbox_close(&o);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_there_after_a_restart),
        cmocka_unit_test(a_file_cut_at_any_byte),
        cmocka_unit_test(a_flipped_byte_costs_one_record),
        cmocka_unit_test(kill_9_loses_nothing_that_was_kept),
        cmocka_unit_test(a_living_process_keeps_its_file),
        cmocka_unit_test(a_full_outbox_says_so),
        cmocka_unit_test(files_are_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
