/* store/pg.c - the states of a connection
 *
 *   DOWN        waits for its timer, then CONNECTING
 *   CONNECTING  PQconnectPoll() says what to wait for; its socket may change from one look to the next
 *   PREPARING   the session's settings and every statement were sent in one pipeline
 *   UP          the owner's
 *
 * From everywhere an error, a closed socket or the timer leads back to DOWN.
 */
#include "store/pg.h"

#include "base/log.h"
#include "base/secret.h"

/* PG_RETRY_MAX_MS is far below a lease: a node whose Postgres is back must be heard before the others act on its
 * silence. */
enum { PG_CONNECT_MS = 5000, PG_RETRY_MIN_MS = 50, PG_RETRY_MAX_MS = 1000 };

static void pg_io(void *ctx, unsigned what);
static void pg_timer(void *ctx);

/* Sequential scans, and joins that begin with one, would lock heads in the order of the heap; here every statement
 * walks from a sorted array to an index. Generic plans are refused by Citus. */
static const char *const pg_settings[] = {
    [PG_COMMITS] =
        "SELECT set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false),"
        " set_config('enable_mergejoin', 'off', false), set_config('enable_hashjoin', 'off', false),"
        " set_config('plan_cache_mode', CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname ="
        " 'citus') THEN 'auto' ELSE 'force_generic_plan' END, false),"
        " set_config('citus.enable_deadlock_prevention', 'off', false),"
        " set_config('citus.multi_shard_modify_mode', 'sequential', false),"
        " set_config('jit', 'off', false),"
        " set_config('statement_timeout', '2500', false), set_config('lock_timeout', '1500', false)",
    [PG_READS] =
        "SELECT set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),"
        " set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false), "
        "set_config('random_page_cost', '0.1', false),"
        " set_config('default_transaction_isolation', 'repeatable read', false),"
        " set_config('default_transaction_read_only', 'on', false),"
        " set_config('statement_timeout', '3500', false)",
    [PG_WRITES] =
        "SELECT set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false),"
        " set_config('enable_mergejoin', 'off', false), set_config('enable_hashjoin', 'off', false),"
        " set_config('jit', 'off', false),"
        " set_config('statement_timeout', '3500', false), set_config('lock_timeout', '1500', false)",
};

const char *pg_session(enum pg_role role)
{
    return pg_settings[role];
}

const char *pg_sqlstate(const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    return state ? state : "";
}

/* COMMIT that gave up waiting for a standby says so only here. */
static void pg_notice(void *ctx, const PGresult *r)
{
    struct pg *pg = ctx;
    const char *state = pg_sqlstate(r);
    char quoted[256];

    if (strncmp(state, "01", 2) == 0 || strncmp(state, "57", 2) == 0)
        pg->warned = true;
    if (strcmp(state, "00000") != 0 && strcmp(state, "25P01") != 0)
        log_line(LOG_WARN, "store_notice", "sqlstate=%s text=%s", state,
                 log_quoted(quoted, sizeof quoted, PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)));
}

static void pg_log_down(struct pg *pg, const char *why, const char *text)
{
    char quoted[512];

    if (pg->failures &
        (pg->failures - 1)) /* 0, 1, 2, 4, 8: an outage of a minute is not told a hundred times */
        return;
    log_line(LOG_WARN, "store_lost", "role=%d state=%d why=%s failures=%u text=%s", (int)pg->role,
             (int)pg->state, why, pg->failures, log_quoted(quoted, sizeof quoted, text ? text : ""));
}

void pg_drop(struct pg *pg, const char *why)
{
    bool was_up = pg->state == PG_UP;

    if (pg->state == PG_DOWN)
        return;
    pg_log_down(pg, why, pg->conn ? PQerrorMessage(pg->conn) : "");
    loop_io_fini(&pg->io);
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->state = PG_DOWN;
    pg->awaited = pg->behind = 0;
    pg->is_synced = false;
    pg->is_broken = false;

    uint64_t most = (uint64_t)PG_RETRY_MIN_MS << (pg->failures < 7 ? pg->failures : 7);
    if (most > PG_RETRY_MAX_MS)
        most = PG_RETRY_MAX_MS;
    pg->failures++;
    loop_timer_set(&pg->timer, 1 + secret_random_u64() % most);
    if (was_up)
        pg->calls->lost(pg->ctx);
}

/* A send that failed is found out about later, when no caller of ours is in the middle of something. */
static void pg_broke(struct pg *pg)
{
    if (!pg->is_broken)
        loop_timer_set(&pg->timer, 0);
    pg->is_broken = true;
}

static void pg_push(struct pg *pg)
{
    int left = pg->is_broken ? 0 : PQflush(pg->conn);

    if (left < 0)
        pg_broke(pg);
    else
        loop_io_want(&pg->io, left ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static void pg_prepare(struct pg *pg)
{
    bool ok = PQsetnonblocking(pg->conn, 1) == 0 && PQenterPipelineMode(pg->conn) &&
              PQsendQueryParams(pg->conn, pg_session(pg->role), 0, NULL, NULL, NULL, NULL, 1);

    pg->state = PG_PREPARING;
    pg->awaited = 1;
    for (int q = 0; ok && q < SQL_COUNT; q++) {
        ok = PQsendPrepare(pg->conn, sql_name((enum sql)q), sql_text((enum sql)q), 0, NULL);
        pg->awaited++;
    }
    ok = ok && PQpipelineSync(pg->conn);
    pg->awaited++;
    pg->is_synced = true;
    if (ok)
        pg_push(pg);
    else
        pg_drop(pg, "prepare");
}

/* One look at a connection that is being made. The socket is watched anew every time: with several hosts it is
 * another one at the next address, perhaps under the same number. */
static void pg_connect_poll(struct pg *pg)
{
    PostgresPollingStatusType status = PQconnectPoll(pg->conn);

    loop_io_fini(&pg->io);
    if (status == PGRES_POLLING_FAILED || PQsocket(pg->conn) < 0) {
        pg_drop(pg, "connect");
        return;
    }
    loop_io_init(&pg->io, pg->loop, PQsocket(pg->conn), pg_io, pg);
    if (status == PGRES_POLLING_OK)
        pg_prepare(pg);
    else
        loop_io_want(&pg->io, status == PGRES_POLLING_READING ? LOOP_READ : LOOP_WRITE);
}

static void pg_connect(struct pg *pg)
{
    const char *const names[] = { "dbname",           "fallback_application_name",
                                  "client_encoding",  "tcp_user_timeout",
                                  "keepalives_idle",  "keepalives_interval",
                                  "keepalives_count", NULL };
    const char *const values[] = { pg->conninfo, "posthorn", "UTF8", "5000", "10", "5", "3", NULL };

    pg->state = PG_CONNECTING;
    loop_timer_set(&pg->timer, PG_CONNECT_MS);
    pg->conn = PQconnectStartParams(names, values, 1);
    CHECK(pg->conn);
    if (PQstatus(pg->conn) == CONNECTION_BAD) {
        pg_drop(pg, "connect");
        return;
    }
    PQsetNoticeReceiver(pg->conn, pg_notice, pg);
    loop_io_init(&pg->io, pg->loop, PQsocket(pg->conn), pg_io, pg);
    loop_io_want(&pg->io, LOOP_WRITE);
}

static void pg_prepared(struct pg *pg, const PGresult *r)
{
    switch ((int)PQresultStatus(r)) {
    case PGRES_PIPELINE_SYNC:
        pg->state = PG_UP;
        pg->failures = 0;
        pg->ups++;
        loop_timer_clear(&pg->timer);
        pg->calls->up(pg->ctx);
        return;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        return;
    default:
        pg_drop(pg, "prepare"); /* the schema is older or newer than this program, for instance */
    }
}

/* The oldest transaction is over: the one behind it is the oldest now. */
static void pg_over(struct pg *pg)
{
    pg->is_synced = false;
    if (pg->behind == 0)
        return;
    pg->awaited = pg->behind_awaited[pg->behind_first];
    pg->is_synced = true;
    pg->behind_first = (pg->behind_first + 1) % PG_BEHIND_MAX;
    pg->behind--;
}

/* What is awaited of the transaction that is being sent. */
static uint32_t *pg_newest(struct pg *pg)
{
    if (pg->behind == 0)
        return &pg->awaited;
    return &pg->behind_awaited[(pg->behind_first + pg->behind - 1) % PG_BEHIND_MAX];
}

/* One answer. Results of statements are handed on as they are; COPY, which would never end, can't come up. When the
 * COMMIT that a sync stands for fails, its error comes before the sync, and is nobody else's answer. */
static void pg_answer(struct pg *pg, const PGresult *r)
{
    bool is_sync = PQresultStatus(r) == PGRES_PIPELINE_SYNC;

    CHECK(pg->awaited > 0);
    if (is_sync || pg->awaited > 1 || !pg->is_synced)
        pg->awaited--;
    if (is_sync)
        pg_over(pg);
    if (pg->state == PG_PREPARING)
        pg_prepared(pg, r);
    else if (is_sync)
        pg->calls->synced(pg->ctx);
    else
        pg->calls->result(pg->ctx, r);
}

/* Takes what has arrived. A NULL ends the results of one statement; two in a row would be for ever. What came
 * before the connection broke still counts: a commit may have been confirmed in the same breath. */
static void pg_take(struct pg *pg)
{
    bool is_whole = PQconsumeInput(pg->conn);
    uint32_t nulls = 0;

    while (pg->conn && pg->awaited > 0 && nulls < 2 && !PQisBusy(pg->conn)) {
        PGresult *r = PQgetResult(pg->conn);
        nulls = r ? 0 : nulls + 1;
        if (r)
            pg_answer(pg, r);
        PQclear(r);
    }
    if (pg->conn && (!is_whole || nulls > 1 || PQstatus(pg->conn) == CONNECTION_BAD))
        pg_drop(pg, "closed");
    if (pg->conn)
        pg_push(pg);
}

static void pg_io(void *ctx, unsigned what)
{
    struct pg *pg = ctx;

    if (pg->state == PG_CONNECTING)
        pg_connect_poll(pg);
    else if (what & LOOP_READ)
        pg_take(pg);
    else
        pg_push(pg);
}

static void pg_timer(void *ctx)
{
    struct pg *pg = ctx;

    if (pg->state == PG_DOWN)
        pg_connect(pg);
    else
        pg_drop(pg, pg->is_broken ? "send" : "timeout");
}

void pg_init(struct pg *pg, struct loop *l, const char *conninfo, enum pg_role role,
             const struct pg_calls *calls, void *ctx)
{
    *pg = (struct pg){ .loop = l, .conninfo = conninfo, .role = role, .calls = calls, .ctx = ctx };
    loop_timer_init(&pg->timer, l, pg_timer, pg);
    loop_timer_set(&pg->timer, 0);
}

void pg_fini(struct pg *pg)
{
    loop_timer_clear(&pg->timer);
    loop_io_fini(&pg->io);
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->state = PG_DOWN;
}

void pg_begin(struct pg *pg, uint64_t wait_ms)
{
    CHECK(pg->state == PG_UP && pg->awaited == 0);
    pg->warned = false;
    pg_wait(pg, wait_ms);
}

void pg_begin_behind(struct pg *pg)
{
    CHECK(pg->state == PG_UP && pg->is_synced && pg->behind < PG_BEHIND_MAX);
    pg->behind++;
    *pg_newest(pg) = 0;
}

void pg_wait(struct pg *pg, uint64_t wait_ms)
{
    loop_timer_set(&pg->timer, pg->is_broken ? 0 : wait_ms);
}

void pg_send(struct pg *pg, enum sql q, const struct encode *e)
{
    const char *values[ENCODE_PARAMS_MAX];
    int lengths[ENCODE_PARAMS_MAX], formats[ENCODE_PARAMS_MAX];
    int count = e ? (int)e->count : 0;

    CHECK(pg->state == PG_UP);
    for (int p = 0; p < count; p++) {
        values[p] = e->at + e->begin[p];
        lengths[p] = (int)(e->end[p] - e->begin[p]);
        formats[p] = 1;
    }
    ++*pg_newest(pg);
    if (pg->is_broken || !PQsendQueryPrepared(pg->conn, sql_name(q), count, values, lengths, formats, 1))
        pg_broke(pg);
}

void pg_flush(struct pg *pg)
{
    CHECK(pg->state == PG_UP && pg->behind == 0);
    if (!pg->is_broken && !PQsendFlushRequest(pg->conn))
        pg_broke(pg);
    pg_push(pg);
}

void pg_sync(struct pg *pg)
{
    CHECK(pg->state == PG_UP && (pg->behind > 0 || !pg->is_synced));
    ++*pg_newest(pg);
    pg->is_synced = true;
    if (!pg->is_broken && !PQpipelineSync(pg->conn))
        pg_broke(pg);
    pg_push(pg);
}

void pg_end(struct pg *pg)
{
    if (pg->state == PG_UP && !pg->is_broken)
        loop_timer_clear(&pg->timer);
}
