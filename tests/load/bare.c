/* load/bare.c - the store's send transaction on bare, blocking libpq
 *
 * Heads advanced, their results awaited, rows and keys inserted, commit. Statements and schema are the server's
 * own (store/sql.h), in the order of store/stage.c; conversations are direct, so a message has two inbox rows.
 */
#include "load/bare.h"

#include "base/check.h"
#include "store/sql.h"
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static _Noreturn void bare_die(PGconn *conn, const char *what)
{
    fprintf(stderr, "posthorn-load floor: %s: %s\n", what, PQerrorMessage(conn));
    exit(2);
}

PGconn *bare_connect(const char *conninfo)
{
    PGconn *conn = PQconnectdb(conninfo);

    if (PQstatus(conn) != CONNECTION_OK)
        bare_die(conn, "connect");
    return conn;
}

void bare_exec(PGconn *conn, const char *statement)
{
    PGresult *r = PQexec(conn, statement);

    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        bare_die(conn, statement);
    PQclear(r);
}

/* --- what a batch is about ------------------------------------------------------------------------------------ */

static uint64_t bare_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t bare_roll(struct bare_process *p)
{
    return bare_mix(p->dice += 0x9e3779b97f4a7c15u);
}

/* The two users of a conversation. Without sharing, each process has users of its own, so that nobody waits for a
 * lock: as the server's lanes have theirs. */
static void bare_users(const struct bare_process *p, uint64_t conversation, uint64_t user[static 2])
{
    const struct bare_options *o = p->o;
    uint64_t parts = o->shares ? 1 : o->processes, span = o->users / parts;

    for (unsigned k = 0; k < 2; k++)
        user[k] = bare_mix(2 * conversation + k) % span;
    if (user[0] == user[1])
        user[1] = (user[1] + 1) % span;
    for (unsigned k = 0; k < 2; k++)
        user[k] = 1 + user[k] * parts + (o->shares ? 0 : p->number);
}

static int bare_compare_messages(const void *a, const void *b)
{
    const struct bare_message *x = a, *y = b;

    return (x->conversation > y->conversation) - (x->conversation < y->conversation);
}

static int bare_compare_rows(const void *a, const void *b)
{
    const struct bare_row *x = a, *y = b;

    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void bare_count(struct bare_head *at, uint32_t *count, uint64_t key, uint64_t id)
{
    if (*count == 0 || at[*count - 1].key != key)
        at[(*count)++] = (struct bare_head){ .key = key, .first_id = id };
    at[*count - 1].last_id = id;
    at[*count - 1].n++;
}

static void bare_plan(struct bare_process *p)
{
    const struct bare_options *o = p->o;
    struct timespec now;
    uint64_t user[2];

    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t parts = o->shares ? 1 : o->processes;
    for (uint32_t n = 0; n < o->batch; n++)
        p->message[n].conversation =
            1 + bare_roll(p) % (o->conversations / parts) * parts + (o->shares ? 0 : p->number);
    qsort(p->message, o->batch, sizeof *p->message, bare_compare_messages);
    p->heads = p->boxes = 0;
    for (uint32_t n = 0; n < o->batch; n++) {
        struct bare_message *m = &p->message[n];
        bare_users(p, m->conversation, user);
        m->id = snowflake_next(&p->ids, ms);
        m->sender = user[bare_roll(p) % 2];
        m->key_high = ms << 16 | (bare_roll(p) & 0xffff);
        m->key_low = bare_roll(p) >> 1;
        bare_count(p->head, &p->heads, m->conversation, m->id);
        for (unsigned k = 0; k < 2; k++)
            p->row[2 * n + k] =
                (struct bare_row){ .user = user[k], .conversation = m->conversation, .id = m->id };
    }
    qsort(p->row, 2 * o->batch, sizeof *p->row, bare_compare_rows);
    for (uint32_t n = 0; n < 2 * o->batch; n++)
        bare_count(p->box, &p->boxes, p->row[n].user, p->row[n].id);
}

/* --- the transaction ------------------------------------------------------------------------------------------ */

static void bare_send(struct bare_process *p, enum sql q)
{
    const struct encode *e = &p->encode;
    const char *value[ENCODE_PARAMS_MAX];
    int length[ENCODE_PARAMS_MAX], format[ENCODE_PARAMS_MAX];

    for (uint32_t n = 0; n < e->count; n++) {
        value[n] = e->at + e->begin[n];
        length[n] = (int)(e->end[n] - e->begin[n]);
        format[n] = 1;
    }
    if (!PQsendQueryPrepared(p->conn, sql_name(q), (int)e->count, value, length, format, 1))
        bare_die(p->conn, sql_name(q));
}

/* A parameter: the numbers at one place of each of count structs. */
static void bare_column(struct bare_process *p, const void *first, size_t stride, uint32_t count)
{
    encode_array(&p->encode, ENCODE_INT8, count);
    for (uint32_t n = 0; n < count; n++)
        encode_item_int8(&p->encode, *(const uint64_t *)(const void *)((const char *)first + n * stride));
}

static void bare_send_heads(struct bare_process *p)
{
    encode_reset(&p->encode);
    bare_column(p, &p->head->key, sizeof *p->head, p->heads);
    encode_array(&p->encode, ENCODE_INT8, p->heads);
    for (uint32_t n = 0; n < p->heads; n++)
        encode_item_int8(&p->encode, p->head[n].n);
    bare_column(p, &p->head->first_id, sizeof *p->head, p->heads);
    bare_column(p, &p->head->last_id, sizeof *p->head, p->heads);
    encode_array(&p->encode, ENCODE_INT4, p->heads);
    for (uint32_t n = 0; n < p->heads; n++)
        encode_item_int4(&p->encode, 0);
    bare_send(p, SQL_CONVERSATION_ADVANCE);
    encode_reset(&p->encode);
    bare_column(p, &p->box->key, sizeof *p->box, p->boxes);
    encode_array(&p->encode, ENCODE_INT8, p->boxes);
    for (uint32_t n = 0; n < p->boxes; n++)
        encode_item_int8(&p->encode, p->box[n].n);
    bare_send(p, SQL_MAILBOX_ADVANCE);
    if (!PQsendFlushRequest(p->conn) || PQflush(p->conn) < 0)
        bare_die(p->conn, "flush");
}

static void bare_kinds(struct bare_process *p, uint32_t count)
{
    encode_array(&p->encode, ENCODE_INT2, count);
    for (uint32_t n = 0; n < count; n++)
        encode_item_int2(&p->encode, 1);
}

static void bare_send_messages(struct bare_process *p)
{
    const struct bare_message *m = p->message;
    uint32_t count = p->o->batch;

    encode_reset(&p->encode);
    bare_column(p, &m->conversation, sizeof *m, count);
    bare_column(p, &m->id, sizeof *m, count);
    bare_column(p, &m->seq, sizeof *m, count);
    bare_column(p, &m->sender, sizeof *m, count);
    bare_kinds(p, count);
    bare_column(p, &m->key_high, sizeof *m, count);
    bare_column(p, &m->key_low, sizeof *m, count);
    encode_array(&p->encode, ENCODE_BYTEA, count);
    for (uint32_t n = 0; n < count; n++)
        encode_item_text(&p->encode, (struct text){ p->text + bare_roll(p) % 4096, p->o->text_bytes });
    bare_send(p, SQL_MESSAGE_INSERT);
}

static void bare_send_rows(struct bare_process *p)
{
    const struct bare_message *m = p->message;
    const struct bare_row *r = p->row;
    uint32_t count = p->o->batch;

    bare_send_messages(p);
    encode_reset(&p->encode);
    bare_column(p, &r->user, sizeof *r, 2 * count);
    bare_column(p, &r->i, sizeof *r, 2 * count);
    bare_column(p, &r->conversation, sizeof *r, 2 * count);
    bare_column(p, &r->id, sizeof *r, 2 * count);
    bare_kinds(p, 2 * count);
    encode_array(&p->encode, ENCODE_BYTEA, 2 * count);
    for (uint32_t n = 0; n < 2 * count; n++)
        encode_item_null(&p->encode);
    bare_send(p, SQL_INBOX_INSERT);
    encode_reset(&p->encode);
    bare_column(p, &m->sender, sizeof *m, count);
    bare_column(p, &m->key_high, sizeof *m, count);
    bare_column(p, &m->key_low, sizeof *m, count);
    bare_column(p, &m->conversation, sizeof *m, count);
    bare_column(p, &m->id, sizeof *m, count);
    bare_column(p, &m->seq, sizeof *m, count);
    bare_kinds(p, count);
    bare_column(p, &m->key_low, sizeof *m, count); /* for the hash of the body */
    bare_send(p, SQL_KEY_INSERT);
    if (!PQpipelineSync(p->conn))
        bare_die(p->conn, "sync");
}

static PGresult *bare_want(struct bare_process *p, ExecStatusType status, const char *what)
{
    PGresult *r = PQgetResult(p->conn);

    if (PQresultStatus(r) != status)
        bare_die(p->conn, what);
    if (status != PGRES_PIPELINE_SYNC && PQgetResult(p->conn))
        bare_die(p->conn, what);
    return r;
}

/* Where heads stood, into their base; rows come in the order of the array that they were asked by. */
static void bare_take(struct bare_process *p, struct bare_head *at, uint32_t count, const char *what)
{
    PGresult *r = bare_want(p, PGRES_TUPLES_OK, what);
    uint64_t number[2];

    CHECK(PQntuples(r) == (int)count);
    for (uint32_t n = 0; n < count; n++) {
        for (int column = 0; column < 2; column++) {
            memcpy(&number[column], PQgetvalue(r, (int)n, column), 8);
            number[column] = __builtin_bswap64(number[column]);
        }
        CHECK(number[0] == at[n].key);
        at[n].base = number[1];
    }
    PQclear(r);
}

static void bare_number(struct bare_process *p)
{
    uint32_t n = 0;

    for (uint32_t h = 0; h < p->heads; h++)
        for (uint32_t k = 1; k <= p->head[h].n; k++)
            p->message[n++].seq = p->head[h].base + k;
    n = 0;
    for (uint32_t b = 0; b < p->boxes; b++)
        for (uint32_t k = 1; k <= p->box[b].n; k++)
            p->row[n++].i = p->box[b].base + k;
}

void bare_transaction(struct bare_process *p)
{
    bare_plan(p);
    bare_send_heads(p);
    bare_take(p, p->head, p->heads, "conversations");
    bare_take(p, p->box, p->boxes, "mailboxes");
    bare_number(p);
    bare_send_rows(p);
    PQclear(bare_want(p, PGRES_COMMAND_OK, "messages"));
    PQclear(bare_want(p, PGRES_COMMAND_OK, "inbox"));
    PQclear(bare_want(p, PGRES_COMMAND_OK, "key rows"));
    PQclear(bare_want(p, PGRES_PIPELINE_SYNC, "commit"));
}

void bare_begin(struct bare_process *p, const struct bare_options *o, uint32_t number)
{
    static const enum sql used[] = { SQL_CONVERSATION_ADVANCE, SQL_MAILBOX_ADVANCE, SQL_MESSAGE_INSERT,
                                     SQL_INBOX_INSERT, SQL_KEY_INSERT };

    memset(p, 0, sizeof *p);
    p->o = o;
    p->number = number;
    p->conn = bare_connect(o->conninfo);
    /* As the store's commit lanes have it. */
    bare_exec(p->conn, "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_mergejoin = off;"
                       "SET enable_hashjoin = off; SET plan_cache_mode = force_generic_plan; SET jit = off");
    for (unsigned n = 0; n < sizeof used / sizeof *used; n++) {
        PGresult *r = PQprepare(p->conn, sql_name(used[n]), sql_text(used[n]), 0, NULL);
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            bare_die(p->conn, sql_name(used[n]));
        PQclear(r);
    }
    CHECK(PQenterPipelineMode(p->conn));
    snowflake_init(&p->ids, 1000 + p->number % 24);
    CHECK(getrandom(&p->dice, sizeof p->dice, 0) == sizeof p->dice);
    p->message = calloc(p->o->batch, sizeof *p->message);
    p->row = calloc(2 * p->o->batch, sizeof *p->row);
    p->head = calloc(p->o->batch, sizeof *p->head);
    p->box = calloc(2 * p->o->batch, sizeof *p->box);
    p->text = malloc(4096 + p->o->text_bytes);
    CHECK(p->message && p->row && p->head && p->box && p->text);
    for (uint32_t n = 0; n < 4096 + p->o->text_bytes; n++)
        p->text[n] = "etaoin shrdlu cmfwyp vbgkjqxz ETAOIN 0123456789."[bare_roll(p) % 48];
}

void bare_end(struct bare_process *p)
{
    PQfinish(p->conn);
    encode_fini(&p->encode);
    free(p->message);
    free(p->row);
    free(p->head);
    free(p->box);
    free(p->text);
}
