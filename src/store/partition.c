/* store/partition.c - which partitions there should be
 *
 * message by month, for ever; inbox by week, for LIMIT_INBOX_DAYS; send_key by the day inside the key, for the key
 * window and a day. The story of a look: make what is missing, drop what is old in one table after the other, all in
 * one transaction.
 */
#include "store/partition.h"

#include "base/log.h"
#include "limits.h"
#include "model/snowflake.h"
#include <stdio.h>
#include <time.h>

#define PARTITION_DAY_MS (24ull * 60 * 60 * 1000)

enum {
    PARTITION_EVERY_MS = 60 * 60 * 1000,
    PARTITION_AGAIN_MS = 30 * 1000,
    PARTITION_MOST = 64,
};

enum partition_span { PARTITION_MONTH, PARTITION_WEEK, PARTITION_KEY_DAY };

static const struct {
    const char *name;
    enum partition_span span;
    uint32_t behind, ahead; /* spans made before and after the present one */
    uint32_t keep_days; /* 0: for ever */
} partition_tables[PARTITION_TABLES] = {
    { "message", PARTITION_MONTH, 1, 2, 0 },
    { "inbox", PARTITION_WEEK, 1, 3, LIMIT_INBOX_DAYS },
    { "send_key", PARTITION_KEY_DAY, LIMIT_KEY_WINDOW_DAYS + 1, 4, LIMIT_KEY_WINDOW_DAYS + 1 },
};

/* The first moment of the month that lies months after that of unix_ms. */
static uint64_t partition_month(uint64_t unix_ms, int months)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm t;

    gmtime_r(&seconds, &t);
    t.tm_mday = 1;
    t.tm_hour = t.tm_min = t.tm_sec = 0;
    t.tm_mon += months;
    return (uint64_t)timegm(&t) * 1000;
}

/* The first moment of the span that lies n spans after that of unix_ms. 1970 began on a Thursday; weeks begin on
 * Mondays. */
static uint64_t partition_begin(enum partition_span span, uint64_t unix_ms, int n)
{
    uint64_t days = unix_ms / PARTITION_DAY_MS;

    if (span == PARTITION_MONTH)
        return partition_month(unix_ms, n);
    if (span == PARTITION_WEEK)
        return ((days + 3) / 7 * 7 - 3 + (uint64_t)(n * 7)) * PARTITION_DAY_MS;
    return (days + (uint64_t)n) * PARTITION_DAY_MS;
}

static uint64_t partition_border(enum partition_span span, uint64_t unix_ms)
{
    return span == PARTITION_KEY_DAY ? unix_ms << 16 : snowflake_at(unix_ms);
}

static void partition_suffix(enum partition_span span, uint64_t unix_ms,
                             char into[static PARTITION_SUFFIX_MAX])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm t;

    gmtime_r(&seconds, &t);
    strftime(into, PARTITION_SUFFIX_MAX, span == PARTITION_MONTH ? "%Y%m" : "%Y%m%d", &t);
}

void partition_encode_make(struct encode *e, uint64_t unix_ms)
{
    struct {
        const char *name;
        char suffix[PARTITION_SUFFIX_MAX];
        uint64_t from, to;
    } all[PARTITION_MOST];
    uint32_t count = 0;

    for (uint32_t t = 0; t < PARTITION_TABLES; t++)
        for (int n = -(int)partition_tables[t].behind; n <= (int)partition_tables[t].ahead; n++) {
            enum partition_span span = partition_tables[t].span;
            uint64_t begin = partition_begin(span, unix_ms, n);
            CHECK(count < PARTITION_MOST);
            all[count].name = partition_tables[t].name;
            partition_suffix(span, begin, all[count].suffix);
            all[count].from = partition_border(span, begin);
            all[count].to = partition_border(span, partition_begin(span, unix_ms, n + 1));
            count++;
        }
    encode_reset(e);
    encode_array(e, ENCODE_TEXT, count);
    for (uint32_t n = 0; n < count; n++)
        encode_item_text(e, text_of(all[n].name));
    encode_array(e, ENCODE_TEXT, count);
    for (uint32_t n = 0; n < count; n++)
        encode_item_text(e, text_of(all[n].suffix));
    encode_array(e, ENCODE_INT8, count);
    for (uint32_t n = 0; n < count; n++)
        encode_item_int8(e, all[n].from);
    encode_array(e, ENCODE_INT8, count);
    for (uint32_t n = 0; n < count; n++)
        encode_item_int8(e, all[n].to);
}

bool partition_oldest(uint32_t table, uint64_t unix_ms, const char **name,
                      char suffix[static PARTITION_SUFFIX_MAX])
{
    uint64_t keep_ms = partition_tables[table].keep_days * PARTITION_DAY_MS;
    enum partition_span span = partition_tables[table].span;

    CHECK(table < PARTITION_TABLES);
    if (!keep_ms || unix_ms < keep_ms)
        return false;
    *name = partition_tables[table].name;
    partition_suffix(span, partition_begin(span, unix_ms - keep_ms, 0), suffix);
    return true;
}

struct partition_request {
    struct request request;
    struct partition *owner;
    uint64_t unix_ms;
};

static void partition_send(struct request *r, struct pg *pg, struct encode *e, uint32_t stage)
{
    const struct partition_request *q = (const struct partition_request *)r;
    const char *name;
    char suffix[PARTITION_SUFFIX_MAX];

    (void)stage;
    partition_encode_make(e, q->unix_ms);
    pg_send(pg, SQL_PARTITION_MAKE, e);
    for (uint32_t t = 0; t < PARTITION_TABLES; t++)
        if (partition_oldest(t, q->unix_ms, &name, suffix)) {
            encode_reset(e);
            encode_text(e, text_of(name));
            encode_text(e, text_of(suffix));
            pg_send(pg, SQL_PARTITION_DROP, e);
        }
}

static enum err partition_take(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result)
{
    (void)r;
    (void)stage;
    (void)nth;
    (void)result;
    return ERR_OK;
}

static void partition_ended(struct request *r, enum err err)
{
    struct partition *p = ((struct partition_request *)r)->owner;

    if (err)
        log_line(LOG_WARN, "store_partitions_failed", "code=%s", err_code(err));
    loop_timer_set(&p->timer, err ? PARTITION_AGAIN_MS : PARTITION_EVERY_MS);
}

static const struct request_kind partition_kind = {
    .name = "partition", .stages = 1, .send = partition_send, .take = partition_take, .ended = partition_ended
};

static void partition_timer(void *ctx)
{
    struct partition *p = ctx;
    struct partition_request *r = request_new(sizeof *r, &partition_kind);

    r->owner = p;
    r->unix_ms = loop_unix_ms(p->loop);
    request_start(p->pool, &r->request, NULL);
}

void partition_init(struct partition *p, struct loop *l, struct request_pool *pool)
{
    *p = (struct partition){ .loop = l, .pool = pool };
    loop_timer_init(&p->timer, l, partition_timer, p);
    loop_timer_set(&p->timer, 1);
}

void partition_fini(struct partition *p)
{
    loop_timer_clear(&p->timer);
}
