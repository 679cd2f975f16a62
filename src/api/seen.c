/* api/seen.c - what devices have taken: lazily written, because losing it costs nothing but freshness
 *
 *   1 note   into a table, the newest place of each device
 *   2 write  once a second, one statement for all; a failure is forgotten
 */
#include "api/seen.h"
#include <stdlib.h>
#include <uthash.h>

enum { SEEN_MAX = 4096, SEEN_EVERY_MS = 1000 };

struct seen_entry {
    uint64_t device;
    struct device_seen seen;
    UT_hash_handle hh;
};

struct seen {
    struct loop *loop;
    struct ops *ops;
    struct store *store;
    struct loop_timer timer;
    struct seen_entry *entries;
    struct op op; /* the write under way */
    struct device_seen *writing;
    uint32_t writing_count;
};

static op_step seen_write, seen_written;
static op_done seen_done;
static void seen_free_op(struct op *op);

static const struct op_kind seen_kind = { .name = "seen", .free = seen_free_op };

static void seen_drop(struct seen *s, struct seen_entry *e)
{
    HASH_DEL(s->entries, e);
    free(e);
}

static void seen_due(void *ctx)
{
    struct seen *s = ctx;
    uint32_t count = HASH_COUNT(s->entries);

    if (s->writing || count == 0) {
        if (count > 0)
            loop_timer_set(&s->timer, SEEN_EVERY_MS);
        return;
    }
    s->writing = calloc(count, sizeof *s->writing);
    CHECK(s->writing);
    s->writing_count = 0;
    while (s->entries) {
        s->writing[s->writing_count++] = s->entries->seen;
        seen_drop(s, s->entries);
    }
    s->op = (struct op){ 0 };
    op_start(s->ops, &s->op, &seen_kind, seen_write, seen_done, s);
}

struct seen *seen_new(struct loop *l, struct ops *ops, struct store *store)
{
    struct seen *s = calloc(1, sizeof *s);

    CHECK(s);
    s->loop = l;
    s->ops = ops;
    s->store = store;
    loop_timer_init(&s->timer, l, seen_due, s);
    return s;
}

void seen_free(struct seen **p)
{
    struct seen *s = *p;

    if (!s)
        return;
    *p = NULL;
    loop_timer_clear(&s->timer);
    while (s->entries)
        seen_drop(s, s->entries);
    free(s->writing);
    free(s);
}

static void seen_write(struct op *op, enum err err)
{
    struct seen *s = op->asker;

    CHECK(!err);
    store_devices_seen(s->store, s->writing, s->writing_count, op_then(op, seen_written));
}

static void seen_written(struct op *op, enum err err)
{
    op_finish(op, err);
}

static void seen_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static void seen_free_op(struct op *op)
{
    struct seen *s = op->asker;

    free(s->writing);
    s->writing = NULL;
}

void seen_note(struct seen *s, struct user_id user, struct device_id device, struct inbox_seq i)
{
    struct seen_entry *e;

    HASH_FIND(hh, s->entries, &device.n, sizeof device.n, e);
    if (!e) {
        if (HASH_COUNT(s->entries) >= SEEN_MAX)
            return;
        e = calloc(1, sizeof *e);
        CHECK(e);
        e->device = device.n;
        e->seen.user = user;
        e->seen.device = device;
        HASH_ADD(hh, s->entries, device, sizeof e->device, e);
    }
    if (i.n > e->seen.acknowledged.n)
        e->seen.acknowledged = i;
    e->seen.seen_unix_ms = loop_unix_ms(s->loop);
    if (!s->timer.is_set)
        loop_timer_set(&s->timer, SEEN_EVERY_MS);
}
