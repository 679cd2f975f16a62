/* unit/store/rig.c - a store with a loop around it, and a plain connection that looks over its shoulder */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t rig_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void rig_pg(const char *verb, const char *dir, char line[static 512])
{
    char command[1024];

    snprintf(command, sizeof command, "%s %s %s 2>/dev/null", RIG_PG, verb, dir);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    line[0] = 0;
    while (fgets(line, 512, pipe))
        line[strcspn(line, "\n")] = 0;
    assert_int_equal(pclose(pipe), 0);
}

static void rig_ok(PGconn *conn, const char *sql)
{
    PGresult *r = PQexec(conn, sql);

    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(r);
}

static void rig_quiet(void *ctx, const PGresult *r)
{
    (void)ctx;
    (void)r;
}

static PGconn *rig_connect(const char *conninfo)
{
    PGconn *conn = PQconnectdb(conninfo);

    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s: %s", conninfo, PQerrorMessage(conn));
    PQsetNoticeReceiver(conn, rig_quiet, NULL);
    return conn;
}

static void rig_make_database(const char *conninfo, const char *database)
{
    PGconn *conn = rig_connect(conninfo);
    char sql[256];

    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s WITH (FORCE)", database);
    rig_ok(conn, sql);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", database);
    rig_ok(conn, sql);
    PQfinish(conn);
}

void rig_open(struct rig *r, const char *dir, const char *database, const char *settings)
{
    char conninfo[512], text[2048];
    struct config_error why;

    *r = (struct rig){ 0 };
    rig_pg("conninfo", dir, conninfo);
    rig_make_database(conninfo, database);
    char *end = strstr(conninfo, " dbname=");
    assert_non_null(end);
    snprintf(end, sizeof conninfo - (size_t)(end - conninfo), " dbname=%s", database);
    snprintf(text, sizeof text, "[store]\nconninfo = %s\n%s", conninfo, settings);
    if (config_parse(&r->config, text, strlen(text), &why))
        fail_msg("%s", why.text);
    secret_init();
    assert_int_equal(store_migrate(&r->config, 5000), ERR_OK);
    r->conn = rig_connect(conninfo);
    r->loop = loop_new();
    ops_init(&r->ops);
    snowflake_init(&r->ids, 7);
    r->store = store_new(r->loop, &r->ops, &r->config, &r->ids);
    rig_wait_up(r);
}

void rig_close(struct rig *r)
{
    store_free(&r->store);
    while (!ops_idle(&r->ops))
        ops_run(&r->ops);
    loop_free(&r->loop);
    PQfinish(r->conn);
}

void rig_restart(struct rig *r)
{
    store_free(&r->store);
    while (!ops_idle(&r->ops))
        ops_run(&r->ops);
    r->store = store_new(r->loop, &r->ops, &r->config, &r->ids);
    rig_wait_up(r);
}

void rig_turn(struct rig *r, bool may_sleep)
{
    loop_wait(r->loop, may_sleep && ops_idle(&r->ops));
    ops_run(&r->ops);
    store_commit_turn(r->store);
}

/* All lanes, not only one of each kind: tests count on them. */
void rig_wait_up(struct rig *r)
{
    uint64_t end_ms = rig_now_ms() + 20000;
    struct store_stats stats;

    do {
        if (rig_now_ms() > end_ms)
            fail_msg("the store does not come up");
        rig_turn(r, true);
        store_stats_read(r->store, &stats);
    } while (stats.lanes_up < stats.lanes || store_timeline(r->store) == 0);
}

struct rig_op {
    struct op op;
    struct rig *rig;
    rig_call *call;
    void *ctx;
    bool is_done;
    enum err err;
};

static void rig_op_end(struct op *op, enum err err)
{
    op_finish(op, err);
}

static void rig_op_first(struct op *op, enum err err)
{
    struct rig_op *o = (struct rig_op *)op;

    (void)err;
    o->call(o->rig, op_then(op, rig_op_end), o->ctx);
}

static void rig_op_done(struct op *op, enum err err, void *asker)
{
    (void)asker;
    ((struct rig_op *)op)->err = err;
    ((struct rig_op *)op)->is_done = true;
}

static void rig_op_free(struct op *op)
{
    (void)op;
}

static const struct op_kind rig_op_kind = { .name = "rig", .free = rig_op_free };

enum err rig_do(struct rig *r, rig_call *call, void *ctx)
{
    struct rig_op o = { .rig = r, .call = call, .ctx = ctx };
    uint64_t end_ms = rig_now_ms() + 15000;

    op_start(&r->ops, &o.op, &rig_op_kind, rig_op_first, rig_op_done, NULL);
    while (!o.is_done) {
        if (rig_now_ms() > end_ms)
            fail_msg("no answer");
        rig_turn(r, true);
    }
    return o.err;
}

int64_t rig_sql(struct rig *r, const char *format, ...)
{
    char sql[4096];
    va_list args;
    int64_t n = -1;

    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    if (PQstatus(r->conn) != CONNECTION_OK)
        PQreset(r->conn);
    PGresult *result = PQexec(r->conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(r->conn));
    if (PQntuples(result) > 0)
        n = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return n;
}

struct rig_append *rig_message(struct rig *r, struct members *m, uint32_t from, uint64_t key,
                               const char *text)
{
    struct rig_append *a = calloc(1, sizeof *a);

    assert_non_null(a);
    a->rig = r;
    a->members = members_ref(m);
    a->append = (struct append){
        .kind = EVENT_MESSAGE,
        .conversation = m->conversation,
        .from = m->member[from].user,
        .body_hash = secret_hash_u64(text_of(text)),
        .body = text_of(text),
        .members = m,
        .i = a->i,
    };
    if (key)
        a->append.key = rig_key(key);
    return a;
}

static void rig_append_first(struct op *op, enum err err)
{
    struct rig_append *a = (struct rig_append *)op;

    (void)err;
    store_append(a->rig->store, &a->append, op_then(op, rig_op_end));
}

static void rig_append_done(struct op *op, enum err err, void *asker)
{
    (void)asker;
    ((struct rig_append *)op)->err = err;
    ((struct rig_append *)op)->is_done = true;
}

void rig_append_start(struct rig_append *a)
{
    memset(&a->op, 0, sizeof a->op);
    a->is_done = false;
    op_start(&a->rig->ops, &a->op, &rig_op_kind, rig_append_first, rig_append_done, NULL);
}

enum err rig_append_wait(struct rig_append *a)
{
    uint64_t end_ms = rig_now_ms() + 15000;

    while (!a->is_done) {
        if (rig_now_ms() > end_ms)
            fail_msg("no answer");
        rig_turn(a->rig, true);
    }
    return a->err;
}

enum err rig_append_do(struct rig_append *a)
{
    rig_append_start(a);
    return rig_append_wait(a);
}

void rig_append_free(struct rig_append *a)
{
    members_free(&a->members);
    free(a);
}

void rig_accounts(struct rig *r, uint64_t base, uint32_t count)
{
    rig_sql(r,
            "INSERT INTO account (user_id, handle, password_hash, created_ms)"
            " SELECT n, 'user' || n, 'x', 1 FROM generate_series(%llu, %llu) n",
            (unsigned long long)base + 1, (unsigned long long)base + count);
    rig_sql(r, "INSERT INTO mailbox (user_id) SELECT n FROM generate_series(%llu, %llu) n",
            (unsigned long long)base + 1, (unsigned long long)base + count);
}

struct members *rig_conversation(struct rig *r, enum conversation_kind kind, uint64_t base, uint32_t count)
{
    struct members *m = members_new(count);

    m->conversation.n = snowflake_next(&r->ids, loop_unix_ms(r->loop));
    m->kind = kind;
    m->epoch = 1;
    for (uint32_t n = 0; n < count; n++)
        m->member[n] = (struct member){ .user = { base + 1 + n },
                                        .role = n ? ROLE_MEMBER : ROLE_OWNER,
                                        .joined = { 1 } };
    struct rig_append *a = rig_message(r, m, 0, 0, "");
    a->append.kind = EVENT_CONVERSATION;
    a->append.create = (struct append_create){ .is_wanted = true, .kind = kind, .title = TEXT("a title") };
    assert_int_equal(rig_append_do(a), ERR_OK);
    assert_int_equal(a->append.seq.n, 1);
    rig_append_free(a);
    return m;
}

struct key rig_key(uint64_t n)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (struct key){ .high = (((uint64_t)t.tv_sec / 86400 * 86400000 + n % 1000) << 16) | 7, .low = ~n };
}

void rig_check_invariants(struct rig *r)
{
    assert_int_equal(
        rig_sql(r, "SELECT count(*) FROM (SELECT 1 FROM message GROUP BY conversation_id"
                   " HAVING min(seq) <> 1 OR max(seq) <> count(*) OR count(DISTINCT seq) <> count(*)) t"),
        0);
    assert_int_equal(rig_sql(r,
                             "SELECT count(*) FROM (SELECT 1 FROM inbox GROUP BY user_id"
                             " HAVING min(i) <> 1 OR max(i) <> count(*) OR count(DISTINCT i) <> count(*)) t"),
                     0);
    assert_int_equal(rig_sql(r,
                             "SELECT count(*) FROM conversation c WHERE last_seq <>"
                             " (SELECT count(*) FROM message m WHERE m.conversation_id = c.conversation_id)"
                             " OR last_id <>"
                             " (SELECT max(id) FROM message m WHERE m.conversation_id = c.conversation_id)"),
                     0);
    assert_int_equal(rig_sql(r, "SELECT count(*) FROM mailbox b WHERE last_i <>"
                                " (SELECT count(*) FROM inbox x WHERE x.user_id = b.user_id)"),
                     0);
    assert_int_equal(rig_sql(r, "SELECT count(*) FROM inbox x LEFT JOIN message m USING (conversation_id, id)"
                                " WHERE m.id IS NULL AND x.kind NOT IN (7, 8)"),
                     0);
    assert_int_equal(rig_sql(r, "SELECT count(*) FROM (SELECT 1 FROM inbox WHERE kind NOT IN (7, 8)"
                                " GROUP BY user_id, conversation_id, id HAVING count(*) > 1) t"),
                     0);
    assert_int_equal(rig_sql(r,
                             "SELECT count(*) FROM (SELECT seq, lag(seq) OVER (PARTITION BY conversation_id"
                             " ORDER BY id) AS before FROM message) t WHERE before >= seq"),
                     0);
    assert_int_equal(rig_sql(r, "SELECT count(*) FROM (SELECT m.seq, lag(m.seq) OVER (PARTITION BY x.user_id,"
                                " x.conversation_id ORDER BY x.i) AS before FROM inbox x"
                                " JOIN message m USING (conversation_id, id)) t WHERE before >= seq"),
                     0);
    assert_int_equal(rig_sql(r, "SELECT count(*) FROM (SELECT 1 FROM message WHERE key_high <> 0"
                                " GROUP BY sender_id, key_high, key_low HAVING count(*) > 1) t"),
                     0);
}
