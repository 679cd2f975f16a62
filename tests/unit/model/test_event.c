/* unit/model/test_event.c - an event reads the same on every road */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "model/event.h"
#include "model/json.h"
#include "model/snowflake.h"
#include <cmocka.h>
#include <stdio.h>
#include <time.h>

#define AT_MS (SNOWFLAKE_EPOCH_MS + 1000 * (31 + 28) * 86400ull + 4) /* 2024-02-29, a leap day */

/* As it is told to one recipient: i in front, or nothing of the kind in history. */
static void assert_told(const struct event *e, uint64_t i, const char *want)
{
    struct blob *b = event_encode(e);
    struct buf to;
    struct json j;

    buf_init(&to, 4096);
    json_init(&j, &to);
    json_object(&j, NULL);
    if (i)
        json_number(&j, "i", i);
    json_members(&j, blob_text(b));
    json_close(&j);
    buf_put(&to, "", 1);
    assert_string_equal(to.at, want);
    buf_fini(&to);
    blob_free(&b);
}

static void a_message(void **state)
{
    struct event e = { .kind = EVENT_MESSAGE,
                       .conversation = { 9 },
                       .seq = { 17 },
                       .from = { 5 },
                       .body = TEXT("\"text\":\"hi\",\"reply_to\":3") };
    char want[400];

    (void)state;
    e.id.n = snowflake_at(AT_MS) + 7;
    assert_int_equal(key_parse(TEXT("01ARZ3NDEKTSV4RRFFQ69G5FAV"), &e.key), ERR_OK);
    snprintf(want, sizeof want,
             "{\"i\":1045,\"t\":\"message\",\"c\":\"9\",\"seq\":17,\"id\":\"%llu\",\"from\":\"5\","
             "\"at\":\"2024-02-29T00:00:00.004Z\",\"key\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"text\":\"hi\","
             "\"reply_to\":3}",
             (unsigned long long)e.id.n);
    assert_told(&e, 1045, want);
}

static void what_is_not_there_is_left_out(void **state)
{
    struct event e = { .kind = EVENT_DEVICE, .id = { 1 }, .from = { INT64_MAX } };

    (void)state;
    assert_told(&e, 0,
                "{\"t\":\"device\",\"id\":\"1\",\"from\":\"9223372036854775807\","
                "\"at\":\"2024-01-01T00:00:00.000Z\"}");
    e.kind = EVENT_MARK;
    e.conversation.n = 8;
    e.body = TEXT("\"read\":3");
    assert_told(&e, 1,
                "{\"i\":1,\"t\":\"mark\",\"c\":\"8\",\"id\":\"1\",\"from\":\"9223372036854775807\","
                "\"at\":\"2024-01-01T00:00:00.000Z\",\"read\":3}");
}

static void words_of_the_contract(void **state)
{
    static const char *const words[] = { "message", "edit",         "delete", "reaction",
                                         "member",  "conversation", "mark",   "device" };

    (void)state;
    for (int k = EVENT_MESSAGE; k <= EVENT_DEVICE; k++)
        assert_string_equal(event_kind_word((enum event_kind)k), words[k - 1]);
    assert_null(event_kind_word((enum event_kind)0));
    assert_null(event_kind_word((enum event_kind)9));
}

static void times(void **state)
{
    char at[EVENT_TIME_MAX];

    (void)state;
    event_time_print(0, at);
    assert_string_equal(at, "1970-01-01T00:00:00.000Z");
    event_time_print(1709251199999, at);
    assert_string_equal(at, "2024-02-29T23:59:59.999Z");
    for (uint64_t ms = 0; ms < 250ull * 366 * 86400000; ms += 86399999ull) { /* a calendar of 250 years */
        time_t seconds = (time_t)(ms / 1000);
        char want[40];
        size_t n = strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", gmtime(&seconds));
        snprintf(want + n, sizeof want - n, ".%03uZ", (unsigned)(ms % 1000));
        event_time_print(ms, at);
        assert_string_equal(at, want);
    }
    event_time_print(snowflake_unix_ms(INT64_MAX), at);
    assert_int_equal(strlen(at), 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message),
        cmocka_unit_test(what_is_not_there_is_left_out),
        cmocka_unit_test(words_of_the_contract),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
