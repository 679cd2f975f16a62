/* unit/store/test_sql.c - every statement of sql/query on filled tables: by index, and locking in the order of keys */
#include "rig.h"

#include "base/buf.h"
#include "store/pg.h"
#include "store/sql.h"
#include <stdio.h>
#include <stdlib.h>

static struct rig rig;

/* Who runs a statement; the others are the maintenance's own, or about a few rows of nodes. */
static const struct {
    enum sql sql;
    enum pg_role role;
} roles[] = {
    { SQL_DIRECT_CREATE, PG_COMMITS },
    { SQL_CONVERSATION_CREATE, PG_COMMITS },
    { SQL_CONVERSATION_ADVANCE, PG_COMMITS },
    { SQL_MAILBOX_ADVANCE, PG_COMMITS },
    { SQL_KEY_FIND, PG_COMMITS },
    { SQL_KEY_AGAIN, PG_COMMITS },
    { SQL_KEY_INSERT, PG_COMMITS },
    { SQL_MESSAGE_INSERT, PG_COMMITS },
    { SQL_INBOX_INSERT, PG_COMMITS },
    { SQL_MEMBER_PUT, PG_COMMITS },
    { SQL_MEMBER_GONE, PG_COMMITS },
    { SQL_USER_CONVERSATION_PUT, PG_COMMITS },
    { SQL_USER_CONVERSATION_GONE, PG_COMMITS },
    { SQL_TITLE_PUT, PG_COMMITS },
    { SQL_READ_PUT, PG_COMMITS },
    { SQL_KEY_RECALL, PG_WRITES },
    { SQL_HANDLE_INSERT, PG_WRITES },
    { SQL_ACCOUNT_INSERT, PG_WRITES },
    { SQL_MAILBOX_INSERT, PG_WRITES },
    { SQL_ACCOUNT_RENAME, PG_WRITES },
    { SQL_MAILBOX_LOCK, PG_WRITES },
    { SQL_DEVICE_EXPIRE, PG_WRITES },
    { SQL_DEVICE_INSERT, PG_WRITES },
    { SQL_DEVICE_CURSOR_INSERT, PG_WRITES },
    { SQL_DEVICE_DELETE, PG_WRITES },
    { SQL_DEVICES_SEEN, PG_WRITES },
    { SQL_HEADS_READ, PG_READS },
    { SQL_INBOX_WRITTEN, PG_READS },
    { SQL_HANDLE_FIND, PG_READS },
    { SQL_ACCOUNT_READ, PG_READS },
    { SQL_ACCOUNTS_COUNT, PG_READS },
    { SQL_DEVICE_READ, PG_READS },
    { SQL_DEVICE_LIST, PG_READS },
    { SQL_TIMELINE, PG_READS },
    { SQL_MAILBOX_HEAD, PG_READS },
    { SQL_INBOX_AFTER, PG_READS },
    { SQL_MESSAGE_FIND, PG_READS },
    { SQL_CONVERSATION_HEAD, PG_READS },
    { SQL_MEMBER_LIST, PG_READS },
    { SQL_DIRECT_FIND, PG_READS },
    { SQL_GROUPS_COUNT, PG_READS },
    { SQL_USER_CONVERSATION_PAGE, PG_READS },
    { SQL_USER_CONVERSATION_READ, PG_READS },
    { SQL_CONVERSATION_VIEW, PG_READS },
    { SQL_MEMBER_COUNT, PG_READS },
    { SQL_HISTORY_BEFORE, PG_READS },
    { SQL_HISTORY_AFTER, PG_READS },
};

/* Rows first .. last of everything, and statistics: partitions that are still empty are known to be so. */
static void fill_tables(uint32_t first, uint32_t last)
{
    long long now =
        rig_sql(&rig, "SELECT ((extract(epoch FROM now()) * 1000)::bigint - 1704067200000) << 22");
    long long key = rig_sql(&rig, "SELECT (extract(epoch FROM now()) * 1000)::bigint << 16");

    rig_accounts(&rig, first - 1, last - first + 1);
    rig_sql(&rig, "INSERT INTO handle SELECT handle, user_id FROM account WHERE user_id BETWEEN %u AND %u",
            first, last);
    rig_sql(&rig, "CREATE TEMP VIEW numbers AS SELECT n FROM generate_series(%u, %u) n", first, last);
    rig_sql(&rig, "INSERT INTO device SELECT n, n, 'd', 'p', 'x', 1, 2 FROM numbers");
    rig_sql(&rig, "INSERT INTO device_cursor SELECT n, n, 0, 1 FROM numbers");
    rig_sql(&rig, "INSERT INTO conversation SELECT n, 2, 10, %lld + n * 10 + 9, 1 FROM numbers", now);
    rig_sql(&rig, "INSERT INTO conversation_info SELECT n, 't' FROM numbers");
    rig_sql(&rig, "INSERT INTO direct SELECT n, n + 1, n FROM numbers");
    rig_sql(&rig, "INSERT INTO member SELECT n, n + k, 0, 1 FROM numbers, generate_series(0, 3) k");
    rig_sql(&rig, "INSERT INTO user_conversation SELECT n + k, n, 2 FROM numbers, generate_series(0, 3) k");
    rig_sql(&rig,
            "INSERT INTO message SELECT n, %lld + n * 10 + k, k + 1, n, 1, 0, 0, 'body'"
            " FROM numbers, generate_series(0, 9) k",
            now);
    rig_sql(
        &rig,
        "INSERT INTO inbox SELECT n, k + 1, n, %lld + n * 10 + k, 1 FROM numbers, generate_series(0, 9) k",
        now);
    rig_sql(&rig,
            "INSERT INTO send_key SELECT n, %lld + k, k, n, 1, 1, 1, 1 FROM numbers, generate_series(0, 4) k",
            key);
    rig_sql(&rig, "DROP VIEW numbers");
    rig_sql(&rig, "ANALYZE");
}

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig, RIG_PG_DIR, "test_sql", "");
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* The statement as it is prepared, and how its plan is asked for, with parameters that are all NULL. */
static void explain_texts(enum sql q, struct buf *prepare, struct buf *explain)
{
    int params = 0;

    buf_printf(prepare, "PREPARE p AS\n%s", sql_text(q));
    for (const char *at = sql_text(q); (at = strchr(at, '$')); at++)
        if (atoi(at + 1) > params)
            params = atoi(at + 1);
    buf_printf(explain, "EXPLAIN (COSTS OFF) EXECUTE p");
    for (int n = 0; n < params; n++)
        buf_printf(explain, n ? ", NULL" : " (NULL");
    buf_printf(explain, params ? ")" : "");
    buf_put(prepare, "", 1);
    buf_put(explain, "", 1);
    assert_false(prepare->overflowed || explain->overflowed);
}

/* The plan as the connections of that role make it, whatever the parameters. */
static void explain(enum sql q, enum pg_role role, struct buf *plan)
{
    struct buf prepare, ask;

    buf_init(&prepare, 16384);
    buf_init(&ask, 16384);
    explain_texts(q, &prepare, &ask);
    rig_sql(&rig, "%s", pg_session(role));
    rig_sql(&rig, "SELECT set_config('default_transaction_read_only', 'off', false),"
                  " set_config('plan_cache_mode', 'force_generic_plan', false)");
    rig_sql(&rig, "DEALLOCATE ALL");
    PGresult *r = PQexec(rig.conn, prepare.at);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql_name(q), PQerrorMessage(rig.conn));
    PQclear(r);
    r = PQexec(rig.conn, ask.at);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql_name(q), PQerrorMessage(rig.conn));
    buf_init(plan, 65536);
    for (int row = 0; row < PQntuples(r); row++)
        buf_printf(plan, "%s\n", PQgetvalue(r, row, 0));
    buf_put(plan, "", 1);
    assert_false(plan->overflowed);
    PQclear(r);
    buf_fini(&prepare);
    buf_fini(&ask);
}

/* From the array to the index, never the other way round: so locks are taken in the order of the array. */
static void check_lock_order(enum sql q, const char *index)
{
    struct buf plan;
    char want[64];

    explain(q, PG_COMMITS, &plan);
    const char *loop = strstr(plan.at, "Nested Loop"), *array = strstr(plan.at, "Function Scan");
    snprintf(want, sizeof want, "Index Scan using %s", index);
    const char *probe = strstr(plan.at, want);
    if (!loop || !array || !probe || !(loop < array && array < probe) || strstr(plan.at, "Hash") ||
        strstr(plan.at, "Sort"))
        fail_msg("%s:\n%s", sql_name(q), plan.at);
    buf_fini(&plan);
}

static void heads_are_locked_in_the_order_of_their_keys(void **state)
{
    (void)state;
    check_lock_order(SQL_CONVERSATION_ADVANCE, "conversation_pkey");
    check_lock_order(SQL_MAILBOX_ADVANCE, "mailbox_pkey");
    check_lock_order(SQL_READ_PUT, "user_conversation_pkey");
}

static uint32_t count_of(const char *what, const char *text)
{
    uint32_t count = 0;

    for (; (text = strstr(text, what)); text += strlen(what))
        count++;
    return count;
}

/* An index that is read from end to end would have no condition. */
static void check_all(void)
{
    struct buf plan;

    for (uint32_t n = 0; n < sizeof roles / sizeof roles[0]; n++) {
        explain(roles[n].sql, roles[n].role, &plan);
        uint32_t scans = count_of("Index Scan", plan.at) + count_of("Index Only Scan", plan.at);
        if (strstr(plan.at, "Seq Scan") || strstr(plan.at, "Hash Join") || strstr(plan.at, "Merge Join") ||
            scans != count_of("Index Cond", plan.at))
            fail_msg("%s:\n%s", sql_name(roles[n].sql), plan.at);
        buf_fini(&plan);
    }
}

/* The tables of a new installation are empty, and nobody has analyzed them: there the planner errs first. */
static void every_statement_goes_by_an_index(void **state)
{
    (void)state;
    check_all();
    check_lock_order(SQL_CONVERSATION_ADVANCE, "conversation_pkey");
    check_lock_order(SQL_MAILBOX_ADVANCE, "mailbox_pkey");
    fill_tables(1, 300);
    check_all();
    fill_tables(301, 3000);
    check_all();
}

static void every_statement_was_looked_at(void **state)
{
    (void)state;
    for (int q = 0; q < SQL_COUNT; q++) {
        uint32_t found =
            q == SQL_ROLLBACK || q == SQL_PARTITION_MAKE || q == SQL_PARTITION_DROP || q == SQL_PLAN_BLOCKS;
        found +=
            strncmp(sql_name((enum sql)q), "node", 4) == 0 || strncmp(sql_name((enum sql)q), "ring_", 5) == 0;
        for (uint32_t n = 0; n < sizeof roles / sizeof roles[0]; n++)
            found += roles[n].sql == (enum sql)q;
        if (found != 1)
            fail_msg("%s", sql_name((enum sql)q));
    }
}

/* A page of history reads no partition but those that it needs. */
static void history_opens_few_partitions(void **state)
{
    (void)state;
    struct buf plan;

    explain(SQL_HISTORY_BEFORE, PG_READS, &plan);
    assert_non_null(strstr(plan.at, "Append"));
    assert_null(strstr(plan.at, "Sort")); /* ordered as it lies: later partitions are never opened */
    buf_fini(&plan);
    explain(SQL_INBOX_AFTER, PG_READS, &plan);
    assert_non_null(strstr(plan.at, "Merge Append"));
    buf_fini(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_goes_by_an_index),
        cmocka_unit_test(heads_are_locked_in_the_order_of_their_keys),
        cmocka_unit_test(every_statement_was_looked_at),
        cmocka_unit_test(history_opens_few_partitions),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
