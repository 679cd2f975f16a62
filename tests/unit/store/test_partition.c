/* unit/store/test_partition.c - partitions over the years: no hole, no overlap, and what is old goes */
#include "rig.h"

#include "model/snowflake.h"
#include "store/partition.h"
#include "store/sql.h"
#include <stdio.h>
#include <stdlib.h>

#define DAY_MS 86400000ull

static struct rig rig;

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig, RIG_PG_DIR, "test_partition", "");
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static void run(enum sql q, const struct encode *e)
{
    const char *values[4];
    int lengths[4], formats[4] = { 1, 1, 1, 1 };

    for (uint32_t n = 0; n < e->count; n++) {
        values[n] = e->at + e->begin[n];
        lengths[n] = (int)(e->end[n] - e->begin[n]);
    }
    PGresult *r = PQexecParams(rig.conn, sql_text(q), (int)e->count, NULL, values, lengths, formats, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(rig.conn));
    PQclear(r);
}

static void maintain(uint64_t unix_ms, bool drop)
{
    struct encode e = { 0 };
    const char *name;
    char suffix[PARTITION_SUFFIX_MAX];

    partition_encode_make(&e, unix_ms);
    run(SQL_PARTITION_MAKE, &e);
    for (uint32_t t = 0; drop && t < PARTITION_TABLES; t++)
        if (partition_oldest(t, unix_ms, &name, suffix)) {
            encode_reset(&e);
            encode_text(&e, text_of(name));
            encode_text(&e, text_of(suffix));
            run(SQL_PARTITION_DROP, &e);
        }
    encode_fini(&e);
}

static void put(uint64_t unix_ms)
{
    unsigned long long id = snowflake_at(unix_ms);

    rig_sql(&rig, "INSERT INTO message VALUES (1, %llu, 1, 1, 1, 0, 0, '')", id);
    rig_sql(&rig, "INSERT INTO inbox VALUES (1, %llu, 1, %llu, 1)", id, id);
    rig_sql(&rig, "INSERT INTO send_key VALUES (1, %llu, 1, 1, 1, 1, 1, 1)",
            (unsigned long long)unix_ms << 16);
}

static int64_t count_since(const char *table, const char *column, uint64_t border)
{
    return rig_sql(&rig, "SELECT count(*) FROM %s WHERE %s >= %llu", table, column,
                   (unsigned long long)border);
}

/* Two years, a look every nine days; on each a row of now, of a little before, of the key window and of tomorrow.
 * A hole would refuse a row, an overlap a partition. */
static void years_pass(void **state)
{
    (void)state;
    uint64_t begin_ms = 1767225600000 + 12345, end_ms = begin_ms + 730 * DAY_MS, now_ms; /* from 2026 on */

    for (now_ms = begin_ms; now_ms < end_ms; now_ms += 9 * DAY_MS - 3600000) {
        maintain(now_ms, true);
        put(now_ms);
        put(now_ms - 4 * DAY_MS);
        rig_sql(&rig, "INSERT INTO send_key VALUES (2, %llu, 1, 1, 1, 1, 1, 1)",
                (unsigned long long)(now_ms - LIMIT_KEY_WINDOW_DAYS * DAY_MS) << 16);
        rig_sql(&rig, "INSERT INTO send_key VALUES (3, %llu, 1, 1, 1, 1, 1, 1)",
                (unsigned long long)(now_ms + LIMIT_KEY_AHEAD_MS) << 16);
        rig_sql(&rig, "INSERT INTO inbox VALUES (2, 1, 1, %llu, 1)",
                (unsigned long long)snowflake_at(now_ms + 8 * DAY_MS));
    }
    now_ms -= 9 * DAY_MS - 3600000;
    uint64_t kept = snowflake_at(now_ms - LIMIT_INBOX_DAYS * DAY_MS);
    uint64_t oldest = snowflake_at(now_ms - (LIMIT_INBOX_DAYS + 7) * DAY_MS);
    assert_true(count_since("inbox", "user_id = 1 AND id", kept) >= 12);
    assert_int_equal(count_since("inbox", "id", 0), count_since("inbox", "id", oldest));
    assert_int_equal(count_since("message", "id", 0), 2 * 82); /* for ever */
    assert_int_equal(
        count_since("send_key", "key_high", 0),
        count_since("send_key", "key_high", (now_ms - (LIMIT_KEY_WINDOW_DAYS + 2) * DAY_MS) << 16));
    assert_true(count_since("send_key", "sender_id = 2 AND key_high", 0) >= 1);
    assert_true(rig_sql(&rig, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'inbox'::regclass") <= 14);
    assert_true(rig_sql(&rig, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'send_key'::regclass") <=
                14);
}

static void again_changes_nothing(void **state)
{
    (void)state;
    uint64_t now_ms = 1900000000000;

    maintain(now_ms, true);
    int64_t before = rig_sql(&rig, "SELECT count(*) FROM pg_inherits");
    maintain(now_ms, true);
    assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM pg_inherits"), before);
}

/* The store does it by itself when it starts. */
static void the_timer_drops_what_is_old(void **state)
{
    (void)state;
    uint64_t begin_ms = rig_now_ms();

    rig_sql(&rig, "SELECT partition_make('send_key', '20200101', 1, 2)");
    rig_restart(&rig);
    while (rig_sql(&rig, "SELECT count(*) FROM pg_class WHERE relname = 'send_key_20200101'")) {
        assert_true(rig_now_ms() - begin_ms < 5000);
        rig_turn(&rig, false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(years_pass),
        cmocka_unit_test(again_changes_nothing),
        cmocka_unit_test(the_timer_drops_what_is_old),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
