/* unit/client/test_sse.c - server-sent events: however they are cut, ended and decorated */
#include "lib/sse.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Writes down what came: "type|id|data;", "-" for no data. */
static void note(void *context, const char *type, const char *id, const char *data, size_t bytes)
{
    struct buf *log = context;
    assert_true(!data || (strlen(data) == bytes));
    buf_format(log, "%s|%s|%s;", type, id, data ? data : "-");
}

static bool read_in_steps(const char *text, size_t bytes, size_t step, struct buf *log)
{
    static const struct sse_events events = { note };
    struct sse s = { 0 };
    bool is_good = true;
    for (size_t at = 0; at < bytes && is_good; at += step)
        is_good = sse_read(&s, text + at, bytes - at < step ? bytes - at : step, &events, log);
    sse_fini(&s);
    buf_add(log, "", 0);
    return is_good;
}

static void events_survive_every_cut(void **state)
{
    static const struct {
        const char *text, *log;
    } all[] = {
        { "retry: 2000\nid: 3.7\n: ok\n\n", "|3.7|-;" },
        { ": padding\n\n:\n\n", "" },
        { "id: 3.8\nevent: message\ndata: {\"i\":8}\n\n", "message|3.8|{\"i\":8};" },
        { "id: 3.8\r\nevent: message\r\ndata: {}\r\n\r\n", "message|3.8|{};" },
        { "id: 3.8\revent: message\rdata: {}\r\rdata: a\r\r", "message|3.8|{};||a;" },
        { "data: a\n\ndata: b\r\rdata: c\r\n\r\n", "||a;||b;||c;" },
        { "\xef\xbb\xbf"
          "data: marked\n\n",
          "||marked;" },
        { "data:no blank\n\ndata:  two\n\n", "||no blank;|| two;" },
        { "data: one\ndata\ndata: three\n\n", "||one\n\nthree;" },
        { ":\nevent: signal\ndata: {\"t\":\"head\"}\n\n", "signal||{\"t\":\"head\"};" },
        { "unknown: x\nid: 1.1\nanother\ndata: y\n\n", "|1.1|y;" },
        { "id: 1.1\ndata: y\n\ndata: z\n\n", "|1.1|y;||z;" }, /* an id belongs to its event */
        { "data: never ended\n", "" },
        { "data: \xe2\x82\xac\n\n", "||\xe2\x82\xac;" },
    };
    (void)state;
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++) {
        size_t bytes = strlen(all[n].text);
        for (size_t step = 1; step <= bytes; step++) {
            struct buf log = { 0 };
            assert_true(read_in_steps(all[n].text, bytes, step, &log));
            assert_string_equal(log.at, all[n].log);
            buf_fini(&log);
        }
    }
}

static void what_is_no_text_is_refused(void **state)
{
    static const struct {
        const char *text;
        size_t bytes;
    } bad[] = {
        { "data: \xff\n\n", 9 },
        { "data: a\0b\n\n", 11 },
        { "data: \xe2\x82\n\n", 10 },
        { "\0\n", 2 },
    };
    (void)state;
    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++) {
        struct buf log = { 0 };
        assert_false(read_in_steps(bad[n].text, bad[n].bytes, 1, &log));
        assert_string_equal(log.at, "");
        buf_fini(&log);
    }
}

static void lines_and_events_have_bounds(void **state)
{
    struct buf text = { 0 }, log = { 0 };
    char *part = buf_zeroed(1, SSE_LINE_MOST);
    (void)state;
    memset(part, 'x', SSE_LINE_MOST);
    buf_text(&text, "data: ");
    buf_add(&text, part, SSE_LINE_MOST - 6);
    assert_true(read_in_steps(text.at, text.bytes, 16384, &log)); /* it is not ended, and the longest */
    buf_add(&text, part, 1);
    assert_false(read_in_steps(text.at, text.bytes, 16384, &log));
    assert_string_equal(log.at, "");
    buf_drop(&text, text.bytes);
    for (int n = 0; n < 4; n++) { /* each line is fine, together they are not */
        buf_text(&text, "data: ");
        buf_add(&text, part, SSE_DATA_MOST / 4);
        buf_text(&text, "\n");
    }
    buf_text(&text, "\n");
    assert_false(read_in_steps(text.at, text.bytes, 16384, &log));
    assert_string_equal(log.at, "");
    buf_fini(&text);
    buf_fini(&log);
    free(part);
}

static void long_words_are_none(void **state)
{
    struct buf log = { 0 };
    static const char text[] = "id: 0123456789012345678901234567890123456789012345678901234567890123456789\n"
                               "event: 01234567890123456789012345678901\ndata: x\n\n";
    (void)state;
    assert_true(read_in_steps(text, sizeof text - 1, 7, &log));
    assert_string_equal(log.at, "||x;");
    buf_fini(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_survive_every_cut),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(lines_and_events_have_bounds),
        cmocka_unit_test(long_words_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
