/* check/test_history.c - what is written is read, also when the writer was killed, and nothing else is */
#include "check/history.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void name_file(char path[static 64])
{
    snprintf(path, 64, "/tmp/posthorn-history-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

/* One of each kind, with the greatest numbers. */
static const struct history_record all[] = {
    { .kind = HISTORY_SEND,
      .ns = 50,
      .key = { 1, UINT64_MAX },
      .conversation = 9,
      .hash = UINT64_MAX,
      .counter = 3 },
    { .kind = HISTORY_ACKED,
      .ns = 40,
      .key = { 1, 2 },
      .conversation = 9,
      .seq = UINT64_MAX,
      .id = 8,
      .is_duplicate = true },
    { .kind = HISTORY_REFUSED, .ns = 60, .key = { 1, 2 }, .code = UINT32_MAX, .device = 1 },
    { .kind = HISTORY_OPENED,
      .ns = 61,
      .connection = 1,
      .timeline = 128,
      .i = HISTORY_NOW,
      .text = TEXT_INIT("SSE") },
    { .kind = HISTORY_EVENT,
      .ns = UINT64_C(1) << 62,
      .connection = 1,
      .i = 127,
      .event = 1,
      .conversation = 9,
      .seq = 1,
      .id = 8,
      .from = 7,
      .key = { 3, 4 },
      .hash = 5 },
    { .kind = HISTORY_CLOSED, .ns = 62, .connection = UINT64_MAX },
    { .kind = HISTORY_RESYNC, .ns = 63, .timeline = 2, .i = 1 },
    { .kind = HISTORY_MEMBER, .ns = 64, .conversation = 9, .user = 7, .seq = 1, .to = 300 },
    { .kind = HISTORY_VISIBLE, .ns = 65, .code = 500, .text = TEXT_INIT("send failed") },
    { .kind = HISTORY_GONE, .ns = 66, .device = 1, .text = TEXT_INIT("stopped") },
};
enum { ALL = sizeof all / sizeof *all };

static void assert_same(const struct history_record *a, const struct history_record *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->ns, b->ns);
    assert_int_equal(a->device, b->device);
    assert_int_equal(a->is_duplicate, b->is_duplicate);
    assert_int_equal(a->event, b->event);
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->connection, b->connection);
    assert_int_equal(a->i, b->i);
    assert_int_equal(a->timeline, b->timeline);
    assert_int_equal(a->user, b->user);
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->conversation, b->conversation);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->to, b->to);
    assert_int_equal(a->counter, b->counter);
    assert_int_equal(a->hash, b->hash);
    assert_int_equal(a->key.high, b->key.high);
    assert_int_equal(a->key.low, b->key.low);
    assert_true(text_equal(a->text, b->text));
}

static void each_kind_is_read_as_written(void **state)
{
    char path[64];
    struct history_reader reader;
    struct history_record r;

    (void)state;
    name_file(path);
    struct history *h = history_new(path);
    assert_non_null(h);
    assert_int_equal(history_device(h, 7, 70), 0);
    assert_int_equal(history_device(h, 7, 71), 1);
    for (int k = 0; k < ALL; k++)
        history_put(h, &all[k]);
    history_free(&h);
    assert_null(h);

    assert_true(history_open(&reader, path));
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t k = 0; k < 2; k++) {
            assert_true(history_next(&reader, &r));
            assert_int_equal(r.kind, HISTORY_DEVICE);
            assert_int_equal(r.device, k);
            assert_int_equal(r.user, 7);
            assert_int_equal(r.id, 70 + k);
        }
        for (int k = 0; k < ALL; k++) {
            assert_true(history_next(&reader, &r));
            assert_same(&r, &all[k]);
        }
        assert_false(history_next(&reader, &r));
        assert_false(reader.is_broken);
        history_rewind(&reader);
    }
    history_close(&reader);
    unlink(path);
}

/* More than the file has room for at first, and then kill -9 in the middle of a word. */
static void a_killed_writer_loses_nothing(void **state)
{
    enum { MANY = 20000 };
    char path[64];
    struct history_reader reader;
    struct history_record r;
    uint64_t last = 0, events = 0;
    int status;

    (void)state;
    name_file(path);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct history *h = history_new(path);
        history_device(h, 1, 2);
        for (uint64_t i = 1; i <= MANY; i++)
            history_put(h, &(struct history_record){ .kind = HISTORY_EVENT, .i = i, .hash = i });
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_true(history_open(&reader, path));
    assert_true(history_next(&reader, &r));
    while (history_next(&reader, &r)) {
        events++;
        assert_int_equal(r.i, events);
        assert_true(r.ns >= last && r.ns <= history_now());
        last = r.ns;
    }
    assert_false(reader.is_broken);
    assert_int_equal(events, MANY);
    history_close(&reader);
    unlink(path);
}

static void long_texts_are_cut(void **state)
{
    char path[64], words[300];
    struct history_reader reader;
    struct history_record r;

    (void)state;
    name_file(path);
    memset(words, 'w', sizeof words);
    struct history *h = history_new(path);
    history_device(h, 1, 2);
    history_put(h, &(struct history_record){ .kind = HISTORY_CLOSED, .text = { words, sizeof words } });
    history_free(&h);
    assert_true(history_open(&reader, path));
    assert_true(history_next(&reader, &r) && history_next(&reader, &r));
    assert_true(text_equal(r.text, (struct text){ words, HISTORY_TEXT_MAX }));
    history_close(&reader);
    unlink(path);
}

/* Whatever stands in a file: it is read or refused, within its bounds, and a broken one says so. */
static void read_bytes(const unsigned char *bytes, size_t count, bool is_history, bool is_broken)
{
    char path[64];
    struct history_reader reader;
    struct history_record r;

    name_file(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
    assert_int_equal(history_open(&reader, path), is_history);
    while (is_history && history_next(&reader, &r))
        ;
    assert_int_equal(reader.is_broken, is_broken);
    history_close(&reader);
    unlink(path);
}

static void broken_files_are_told(void **state)
{
    (void)state;
#define BYTES(literal) (const unsigned char *)(literal), sizeof(literal) - 1
    read_bytes(BYTES(""), false, false);
    read_bytes(BYTES("something else"), false, false);
    read_bytes(BYTES("phist01\n"), true, false);
    read_bytes(BYTES("phist01\n\0\0\0\0"), true, false);
    read_bytes(BYTES("phist01\n\x13\x01\0 7654321 7654321"), true, true); /* longer than the file */
    read_bytes(BYTES("phist01\n\x11\x01\0 7654321 765432"), true, true); /* shorter than its fields */
    read_bytes(BYTES("phist01\n\x12\x01\x02"
                     "1234567812345678"),
               true, false);
    read_bytes(BYTES("phist01\n\x13\x01\x02"
                     "1234567812345678x"),
               true, true); /* longer than its fields */
    read_bytes(BYTES("phist01\n\x02\x63\x02"), true, true); /* no such kind */
    read_bytes(BYTES("phist01\n\x03\x0b\x02\0"), true, true); /* no such device */
    read_bytes(BYTES("phist01\n\x02\x0b\x80"), true, true); /* a number without an end */
#undef BYTES
}

static void the_hash_is_fnv(void **state)
{
    (void)state;
    assert_true(history_hash("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(history_hash("foobar", 6) == UINT64_C(0x85944171f73967e8));
    assert_int_equal(history_hash("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_read_as_written),
        cmocka_unit_test(a_killed_writer_loses_nothing),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(broken_files_are_told),
        cmocka_unit_test(the_hash_is_fnv),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
