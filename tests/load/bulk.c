/* load/bulk.c - accounts by COPY */
#include "load/bulk.h"

#include "base/check.h"
#include "chat/sessions.h"
#include "model/snowflake.h"
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BULK_NODE = SNOWFLAKE_NODE_MAX, BULK_LINE_BYTES = 512, BULK_TOKEN_MS = 24 * 60 * 60 * 1000 };

struct bulk_account {
    const char *handle;
    uint64_t user, device;
    uint8_t hash[SECRET_HASH_BYTES];
};

struct bulk {
    PGconn *conn;
    struct bulk_account *account;
    uint32_t count;
    uint64_t now_ms;
};

/* One row in COPY's text format, its line end included; how many bytes. */
typedef int bulk_line(const struct bulk *b, const struct bulk_account *a, char into[static BULK_LINE_BYTES]);

static int bulk_account_line(const struct bulk *b, const struct bulk_account *a,
                             char into[static BULK_LINE_BYTES])
{
    return snprintf(into, BULK_LINE_BYTES, "%" PRIu64 "\t%s\t%s\t!\t%" PRIu64 "\n", a->user, a->handle,
                    a->handle, b->now_ms);
}

static int bulk_handle_line(const struct bulk *b, const struct bulk_account *a,
                            char into[static BULK_LINE_BYTES])
{
    (void)b;
    return snprintf(into, BULK_LINE_BYTES, "%s\t%" PRIu64 "\n", a->handle, a->user);
}

static int bulk_mailbox_line(const struct bulk *b, const struct bulk_account *a,
                             char into[static BULK_LINE_BYTES])
{
    (void)b;
    return snprintf(into, BULK_LINE_BYTES, "%" PRIu64 "\n", a->user);
}

static int bulk_device_line(const struct bulk *b, const struct bulk_account *a,
                            char into[static BULK_LINE_BYTES])
{
    char hash[2 * SECRET_HASH_BYTES + 1];

    for (int k = 0; k < SECRET_HASH_BYTES; k++)
        snprintf(hash + 2 * k, 3, "%02x", a->hash[k]);
    return snprintf(into, BULK_LINE_BYTES,
                    "%" PRIu64 "\t%" PRIu64 "\tload\ttest\t\\\\x%s\t%" PRIu64 "\t%" PRIu64 "\n", a->user,
                    a->device, hash, b->now_ms, b->now_ms + BULK_TOKEN_MS);
}

static int bulk_cursor_line(const struct bulk *b, const struct bulk_account *a,
                            char into[static BULK_LINE_BYTES])
{
    return snprintf(into, BULK_LINE_BYTES, "%" PRIu64 "\t%" PRIu64 "\t0\t%" PRIu64 "\n", a->user, a->device,
                    b->now_ms);
}

static const struct {
    const char *copy;
    bulk_line *line;
} bulk_tables[] = {
    { "COPY account (user_id, handle, name, password_hash, created_ms) FROM STDIN", bulk_account_line },
    { "COPY handle (handle, user_id) FROM STDIN", bulk_handle_line },
    { "COPY mailbox (user_id) FROM STDIN", bulk_mailbox_line },
    { "COPY device (user_id, device_id, name, platform, token_hash, created_ms, expires_ms) FROM STDIN",
      bulk_device_line },
    { "COPY device_cursor (user_id, device_id, acknowledged, seen_ms) FROM STDIN", bulk_cursor_line },
};

static bool bulk_exec(struct bulk *b, const char *statement, ExecStatusType wanted)
{
    PGresult *r = PQexec(b->conn, statement);
    bool good = PQresultStatus(r) == wanted;

    PQclear(r);
    return good;
}

static bool bulk_copy(struct bulk *b, const char *copy, bulk_line *line)
{
    char text[BULK_LINE_BYTES];

    if (!bulk_exec(b, copy, PGRES_COPY_IN))
        return false;
    for (uint32_t n = 0; n < b->count; n++) {
        int bytes = line(b, &b->account[n], text);
        CHECK(bytes > 0 && bytes < BULK_LINE_BYTES);
        if (PQputCopyData(b->conn, text, bytes) != 1)
            return false;
    }
    if (PQputCopyEnd(b->conn, NULL) != 1)
        return false;
    PGresult *r = PQgetResult(b->conn);
    bool good = PQresultStatus(r) == PGRES_COMMAND_OK;
    PQclear(r);
    while ((r = PQgetResult(b->conn)))
        PQclear(r);
    return good;
}

static void bulk_invent(struct bulk *b, struct setup_account *const *account)
{
    struct snowflake ids;

    snowflake_init(&ids, BULK_NODE);
    for (uint32_t n = 0; n < b->count; n++) {
        struct bulk_account *a = &b->account[n];
        a->handle = account[n]->handle;
        a->user = snowflake_next(&ids, b->now_ms);
        a->device = snowflake_next(&ids, b->now_ms);
        snprintf(account[n]->id, sizeof account[n]->id, "%" PRIu64, a->user);
        sessions_token_make((struct user_id){ a->user }, (struct device_id){ a->device }, account[n]->token,
                            a->hash);
    }
}

bool bulk_accounts(const char *conninfo, struct setup_account *const *account, uint32_t count)
{
    struct timespec now;
    struct bulk b = { .conn = PQconnectdb(conninfo),
                      .account = calloc(count, sizeof *b.account),
                      .count = count };

    CHECK(b.account);
    secret_init();
    clock_gettime(CLOCK_REALTIME, &now);
    b.now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    bulk_invent(&b, account);
    bool good = PQstatus(b.conn) == CONNECTION_OK && bulk_exec(&b, "BEGIN", PGRES_COMMAND_OK);
    for (size_t k = 0; good && k < sizeof bulk_tables / sizeof *bulk_tables; k++)
        good = bulk_copy(&b, bulk_tables[k].copy, bulk_tables[k].line);
    good = good && bulk_exec(&b, "COMMIT", PGRES_COMMAND_OK);
    if (!good)
        fprintf(stderr, "posthorn-load: accounts in bulk: %s", PQerrorMessage(b.conn));
    PQfinish(b.conn);
    free(b.account);
    return good;
}
