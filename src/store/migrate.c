/* store/migrate.c - brings the schema up, before the loop runs
 *
 * One blocking connection: wait for Postgres, look at its durability, take the advisory lock, compare what was
 * applied with what is embedded here, apply the rest, each file and its row in one transaction; then partitions.
 * Other nodes wait at the lock and find nothing to do.
 */
#include "store/store.h"

#include "base/log.h"
#include "model/snowflake.h"
#include "store/partition.h"
#include "store/row.h"
#include <stdio.h>
#include <time.h>

#define MIGRATE_LOCK "7809632219779023474"

static const char migrate_table[] = "CREATE TABLE IF NOT EXISTS schema_migration ("
                                    " version int PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,"
                                    " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())";

static uint64_t migrate_clock_ms(clockid_t clock)
{
    struct timespec t;

    CHECK(clock_gettime(clock, &t) == 0);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void migrate_notice(void *ctx, const PGresult *r)
{
    (void)ctx;
    (void)r; /* "already exists, skipping" */
}

static enum err migrate_refuse(const char *why, const char *text)
{
    char quoted[512];

    log_line(LOG_ERROR, "migrate_failed", "why=%s text=%s", why,
             log_quoted(quoted, sizeof quoted, text ? text : ""));
    return ERR_STORE_DOWN;
}

static PGconn *migrate_connect(const char *conninfo, uint32_t wait_ms)
{
    const char *const names[] = { "dbname", "fallback_application_name", "connect_timeout", NULL };
    const char *const values[] = { conninfo, "posthorn", "5", NULL };
    uint64_t end_ms = migrate_clock_ms(CLOCK_MONOTONIC) + wait_ms;

    for (;;) {
        PGconn *conn = PQconnectdbParams(names, values, 1);
        CHECK(conn);
        if (PQstatus(conn) == CONNECTION_OK) {
            PQsetNoticeReceiver(conn, migrate_notice, NULL);
            return conn;
        }
        if (migrate_clock_ms(CLOCK_MONOTONIC) >= end_ms) {
            (void)migrate_refuse("connect", PQerrorMessage(conn));
            PQfinish(conn);
            return NULL;
        }
        PQfinish(conn);
        nanosleep(&(struct timespec){ .tv_nsec = 200 * 1000 * 1000 }, NULL);
    }
}

/* Runs what needs no answer. why is a word for the log. */
static enum err migrate_run(PGconn *conn, const char *sql, const char *why)
{
    PGresult *r = PQexec(conn, sql);
    bool ok = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;

    PQclear(r);
    return ok ? ERR_OK : migrate_refuse(why, PQerrorMessage(conn));
}

/* A setting's value is one of the two words that would lose what was acknowledged. */
static enum err migrate_check_setting(PGconn *conn, const char *show, const char *bad, const char *bad_too)
{
    PGresult *r = PQexec(conn, show);
    enum err err = ERR_OK;

    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        err = migrate_refuse("show", PQerrorMessage(conn));
    else if (strcmp(PQgetvalue(r, 0, 0), bad) == 0 || strcmp(PQgetvalue(r, 0, 0), bad_too) == 0)
        err = migrate_refuse("not_durable", show);
    PQclear(r);
    return err;
}

static enum err migrate_check_durable(PGconn *conn, const struct config *c)
{
    enum err err = ERR_OK;

    if (c->store_unsafe_dev)
        return ERR_OK;
    err = migrate_check_setting(conn, "SHOW fsync", "off", "false");
    return err ? err : migrate_check_setting(conn, "SHOW synchronous_commit", "off", "false");
}

static enum err migrate_apply(PGconn *conn, const struct sql_schema *file)
{
    char version[16];
    const char *const values[] = { version, file->name, file->sha256 };
    enum err err = migrate_run(conn, "BEGIN", "begin");

    if (err)
        return err;
    snprintf(version, sizeof version, "%u", file->version);
    err = migrate_run(conn, file->text, file->name);
    if (!err) {
        PGresult *r =
            PQexecParams(conn, "INSERT INTO schema_migration (version, name, sha256) VALUES ($1, $2, $3)", 3,
                         NULL, values, NULL, NULL, 0);
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            err = migrate_refuse(file->name, PQerrorMessage(conn));
        PQclear(r);
    }
    if (!err)
        err = migrate_run(conn, "COMMIT", file->name);
    if (!err)
        log_line(LOG_INFO, "migrated", "version=%u name=%s", file->version, file->name);
    return err;
}

/* What was applied must be a beginning of what is embedded, byte by byte; *count: how many files that is. */
static enum err migrate_compare(PGconn *conn, uint32_t *count)
{
    PGresult *r = PQexec(conn, "SELECT version, name, sha256 FROM schema_migration ORDER BY version");
    enum err err =
        PQresultStatus(r) == PGRES_TUPLES_OK ? ERR_OK : migrate_refuse("read", PQerrorMessage(conn));
    struct sql_schema file;

    *count = (uint32_t)PQntuples(r);
    for (uint32_t n = 0; n < *count && !err; n++) {
        const char *name = PQgetvalue(r, (int)n, 1);
        if (!sql_schema(n, &file))
            err = migrate_refuse("newer", name);
        else if (strcmp(file.name, name) != 0 || strcmp(file.sha256, PQgetvalue(r, (int)n, 2)) != 0)
            err = migrate_refuse("changed", name);
    }
    PQclear(r);
    return err;
}

static enum err migrate_partitions(PGconn *conn)
{
    struct encode e = { 0 };
    const char *values[4];
    int lengths[4], formats[4] = { 1, 1, 1, 1 };
    enum err err = ERR_OK;

    partition_encode_make(&e, migrate_clock_ms(CLOCK_REALTIME));
    CHECK(e.count == 4);
    for (uint32_t n = 0; n < 4; n++) {
        values[n] = e.at + e.begin[n];
        lengths[n] = (int)(e.end[n] - e.begin[n]);
    }
    PGresult *r = PQexecParams(conn, sql_text(SQL_PARTITION_MAKE), 4, NULL, values, lengths, formats, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        err = migrate_refuse("partitions", PQerrorMessage(conn));
    PQclear(r);
    encode_fini(&e);
    return err;
}

/* The lock ends with the connection, whatever happened. */
static enum err migrate_locked(PGconn *conn)
{
    struct sql_schema file;
    uint32_t count = 0;
    enum err err = migrate_run(conn, "SELECT pg_advisory_lock(" MIGRATE_LOCK ")", "lock");

    if (!err)
        err = migrate_run(conn, migrate_table, "table");
    if (!err)
        err = migrate_compare(conn, &count);
    for (uint32_t n = count; !err && sql_schema(n, &file); n++)
        err = migrate_apply(conn, &file);
    if (!err)
        err = migrate_partitions(conn);
    return err;
}

static enum err migrate_alone(PGconn *conn, const struct encode *e, uint64_t *id_above)
{
    const char *values[] = { e->at + e->begin[0], e->at + e->begin[1] };
    const int lengths[] = { (int)(e->end[0] - e->begin[0]), (int)(e->end[1] - e->begin[1]) };
    const int formats[] = { 1, 1 };
    PGresult *r = PQexecParams(conn, sql_text(SQL_NODE_ALONE), 2, NULL, values, lengths, formats, 1);
    enum err err = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1
                       ? ERR_OK
                       : migrate_refuse("alone", PQerrorMessage(conn));

    if (!err)
        *id_above = row_number(r, 0, 0);
    PQclear(r);
    return err;
}

enum err store_migrate_alone(const struct config *c, uint64_t unix_ms, uint64_t *id_above)
{
    PGconn *conn = migrate_connect(c->store_conninfo, 0);
    struct encode e = { 0 };

    if (!conn)
        return ERR_STORE_DOWN;
    encode_int8(&e, (uint64_t)c->node_id);
    encode_int8(&e, snowflake_at(unix_ms));
    enum err err = migrate_alone(conn, &e, id_above);
    encode_fini(&e);
    PQfinish(conn);
    return err;
}

enum err store_migrate(const struct config *c, uint32_t wait_ms)
{
    PGconn *conn = migrate_connect(c->store_conninfo, wait_ms);

    if (!conn)
        return ERR_STORE_DOWN;
    enum err err = migrate_check_durable(conn, c);
    if (!err)
        err = migrate_locked(conn);
    PQfinish(conn);
    return err;
}
