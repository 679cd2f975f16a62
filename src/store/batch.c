/* store/batch.c - sorting, and the verdict
 *
 * Every lane locks in the same order, conversations before mailboxes and each by rising key: that is why two lanes
 * never wait for each other in a circle.
 */
#include "store/batch.h"

#include "limits.h"
#include <stdlib.h>

void batch_init(struct batch *b, uint32_t items_max, uint32_t rows_max)
{
    *b = (struct batch){ .items_max = items_max, .rows_max = rows_max + LIMIT_MEMBERS + 1 };
    b->item = calloc(items_max, sizeof *b->item);
    b->head = calloc(items_max, sizeof *b->head);
    b->hold = calloc(items_max, sizeof *b->hold);
    b->box = calloc(b->rows_max, sizeof *b->box);
    b->row = calloc(b->rows_max, sizeof *b->row);
    CHECK(b->item && b->head && b->hold && b->box && b->row);
}

void batch_fini(struct batch *b)
{
    free(b->item);
    free(b->head);
    free(b->hold);
    free(b->box);
    free(b->row);
    *b = (struct batch){ 0 };
}

bool batch_has_head(const struct append *a)
{
    return a->kind != EVENT_MARK && a->kind != EVENT_DEVICE;
}

uint64_t batch_hold_key(const struct append *a)
{
    return batch_has_head(a) ? a->conversation.n : a->members->member[0].user.n;
}

static int batch_compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int batch_compare_keys(const void *a, const void *b)
{
    return batch_compare(*(const uint64_t *)a, *(const uint64_t *)b);
}

void batch_sort_holds(struct batch *b)
{
    for (uint32_t n = 0; n < b->count; n++)
        b->hold[n] = batch_hold_key(b->item[n].a);
    b->holds_count = b->count;
    qsort(b->hold, b->holds_count, sizeof *b->hold, batch_compare_keys);
}

bool batch_holds(const struct batch *b, uint64_t hold_key)
{
    return bsearch(&hold_key, b->hold, b->holds_count, sizeof *b->hold, batch_compare_keys) != NULL;
}

/* A key is the first member of heads and boxes, so one comparison serves both. */
struct batch_head *batch_find_head(const struct batch *b, uint64_t conversation)
{
    return bsearch(&conversation, b->head, b->heads_count, sizeof *b->head, batch_compare_keys);
}

struct batch_box *batch_find_box(const struct batch *b, uint64_t user)
{
    return bsearch(&user, b->box, b->boxes_count, sizeof *b->box, batch_compare_keys);
}

static int batch_compare_rows(const void *a, const void *b)
{
    const struct batch_row *x = a, *y = b;
    int order = batch_compare(x->user, y->user);

    return order ? order : batch_compare(x->item, y->item);
}

static uint32_t batch_epochs(const struct append *a)
{
    for (uint32_t n = 0; n < a->effects_count; n++)
        if (a->effects[n].kind == EFFECT_MEMBER_PUT || a->effects[n].kind == EFFECT_MEMBER_GONE)
            return 1;
    return 0;
}

/* Conversations in order of their ids, their items in order of arrival. */
static void batch_prepare_heads(struct batch *b)
{
    b->heads_count = 0;
    for (uint32_t n = 0; n < b->run; n++)
        if (batch_has_head(b->item[n].a))
            b->head[b->heads_count++] = (struct batch_head){ .conversation = b->item[n].a->conversation.n };
    qsort(b->head, b->heads_count, sizeof *b->head, batch_compare_keys);
    uint32_t distinct = 0;
    for (uint32_t n = 0; n < b->heads_count; n++)
        if (n == 0 || b->head[n].conversation != b->head[distinct - 1].conversation)
            b->head[distinct++] = b->head[n];
    b->heads_count = distinct;

    for (uint32_t n = 0; n < b->run; n++) {
        struct batch_item *item = &b->item[n];
        struct batch_head *head =
            batch_has_head(item->a) ? batch_find_head(b, item->a->conversation.n) : NULL;
        item->head = head ? (uint32_t)(head - b->head) : BATCH_NO_HEAD;
        if (!head)
            continue;
        item->offset = ++head->n;
        if (head->n == 1)
            head->first_id = item->id;
        head->last_id = item->id;
        head->epochs += batch_epochs(item->a);
    }
}

static void batch_prepare_rows(struct batch *b)
{
    b->rows_count = 0;
    for (uint32_t n = 0; n < b->run; n++) {
        const struct members *m = b->item[n].a->members;
        CHECK(b->rows_count + m->count <= b->rows_max);
        for (uint32_t k = 0; k < m->count; k++)
            b->row[b->rows_count++] =
                (struct batch_row){ .user = m->member[k].user.n, .item = n, .member = k };
    }
    qsort(b->row, b->rows_count, sizeof *b->row, batch_compare_rows);

    b->boxes_count = 0;
    for (uint32_t n = 0; n < b->rows_count; n++) {
        struct batch_row *row = &b->row[n];
        if (n == 0 || row->user != b->row[n - 1].user)
            b->box[b->boxes_count++] = (struct batch_box){ .user = row->user };
        row->box = b->boxes_count - 1;
        row->offset = ++b->box[row->box].n;
    }
}

void batch_prepare(struct batch *b, uint32_t run, struct snowflake *ids, uint64_t unix_ms)
{
    CHECK(run <= b->count);
    b->run = run;
    for (uint32_t n = 0; n < run; n++) {
        struct append *a = b->item[n].a;
        b->item[n] = (struct batch_item){ .a = a, .id = snowflake_next(ids, unix_ms) };
    }
    batch_prepare_heads(b);
    batch_prepare_rows(b);
}

/* The key comes first: what was acknowledged once is acknowledged again, whatever has changed since. */
static enum err batch_verdict(const struct batch *b, const struct batch_item *item)
{
    const struct append *a = item->a;

    if (item->was_here)
        return item->first.body_hash == a->body_hash && item->first.conversation == a->conversation.n &&
                       item->first.kind == a->kind
                   ? ERR_OK
                   : ERR_KEY_REUSED;
    if (item->head != BATCH_NO_HEAD) {
        const struct batch_head *head = &b->head[item->head];
        if (!head->is_found)
            return ERR_NOT_FOUND;
        if (a->create.is_wanted && a->create.kind == CONVERSATION_DIRECT && !head->is_won)
            return ERR_EXISTS;
        if (head->epoch != a->members->epoch)
            return ERR_MEMBERS_CHANGED;
    }
    return ERR_OK;
}

bool batch_judge(struct batch *b)
{
    bool all = true;

    for (uint32_t n = 0; n < b->run; n++)
        b->item[n].verdict = batch_verdict(b, &b->item[n]);
    for (uint32_t n = 0; n < b->rows_count; n++) {
        struct batch_item *item = &b->item[b->row[n].item];
        if (!b->box[b->row[n].box].is_found && !item->verdict && !item->was_here)
            item->verdict = ERR_NOT_FOUND;
    }
    for (uint32_t n = 0; n < b->run; n++)
        all = all && !b->item[n].verdict && !b->item[n].was_here;
    return all;
}

struct message_seq batch_seq(const struct batch *b, const struct batch_item *item)
{
    if (item->head == BATCH_NO_HEAD)
        return (struct message_seq){ 0 };
    return (struct message_seq){ b->head[item->head].base + item->offset };
}

struct message_id batch_id(const struct batch *b, const struct batch_item *item)
{
    if (item->head == BATCH_NO_HEAD)
        return (struct message_id){ item->id };
    return (struct message_id){ item->id + (uint64_t)b->head[item->head].lift };
}
