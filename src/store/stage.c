/* store/stage.c - a batch as arrays
 *
 * Each statement takes its rows column by column. Heads come back keyed; rows need no answer.
 */
#include "store/stage.h"

#include "base/die.h"
#include "store/effect.h"
#include "store/row.h"

static void stage_send(struct commit_lane *l, enum sql q)
{
    CHECK(l->sent_count < COMMIT_STATEMENTS_MAX);
    l->sent[l->sent_count++] = q;
    pg_send(&l->pg, q, &l->encode);
}

static bool stage_has_key(const struct append *a)
{
    return a->key.high || a->key.low;
}

static const struct append **stage_creates(const struct batch *b, uint32_t *count)
{
    const struct append **a = calloc(b->run + 1, sizeof(void *));

    CHECK(a);
    *count = 0;
    for (uint32_t n = 0; n < b->run; n++)
        if (b->item[n].a->create.is_wanted)
            a[(*count)++] = b->item[n].a;
    return a;
}

static void stage_direct_pair(const struct append *a, uint64_t pair[static 2])
{
    const struct members *m = a->members;
    uint64_t first = m->member[0].user.n, second = m->member[m->count - 1].user.n;

    pair[0] = first < second ? first : second;
    pair[1] = first < second ? second : first;
}

static int stage_compare_pairs(const void *a, const void *b)
{
    uint64_t x[2], y[2];

    stage_direct_pair(*(const struct append *const *)a, x);
    stage_direct_pair(*(const struct append *const *)b, y);
    if (x[0] != y[0])
        return x[0] < y[0] ? -1 : 1;
    return (x[1] > y[1]) - (x[1] < y[1]);
}

/* The pairs of new direct conversations, by rising pair: the first locks of all. */
static void stage_send_directs(struct commit_lane *l, const struct append **created, uint32_t count)
{
    const struct append **direct = calloc(count + 1, sizeof(void *));
    uint32_t directs = 0;
    uint64_t pair[2];

    CHECK(direct);
    for (uint32_t n = 0; n < count; n++)
        if (created[n]->create.kind == CONVERSATION_DIRECT)
            direct[directs++] = created[n];
    if (directs) {
        qsort(direct, directs, sizeof(void *), stage_compare_pairs);
        encode_reset(&l->encode);
        for (int column = 0; column < 2; column++) {
            encode_array(&l->encode, ENCODE_INT8, directs);
            for (uint32_t n = 0; n < directs; n++) {
                stage_direct_pair(direct[n], pair);
                encode_item_int8(&l->encode, pair[column]);
            }
        }
        encode_array(&l->encode, ENCODE_INT8, directs);
        for (uint32_t n = 0; n < directs; n++)
            encode_item_int8(&l->encode, direct[n]->conversation.n);
        stage_send(l, SQL_DIRECT_CREATE);
    }
    free(direct);
}

static void stage_send_creates(struct commit_lane *l)
{
    uint32_t count;
    const struct append **created = stage_creates(&l->batch, &count);

    if (count) {
        stage_send_directs(l, created, count);
        encode_reset(&l->encode);
        encode_array(&l->encode, ENCODE_INT8, count);
        for (uint32_t n = 0; n < count; n++)
            encode_item_int8(&l->encode, created[n]->conversation.n);
        encode_array(&l->encode, ENCODE_INT2, count);
        for (uint32_t n = 0; n < count; n++)
            encode_item_int2(&l->encode, (uint16_t)created[n]->create.kind);
        encode_array(&l->encode, ENCODE_INT4, count);
        for (uint32_t n = 0; n < count; n++)
            encode_item_int4(&l->encode, created[n]->members->epoch);
        stage_send(l, SQL_CONVERSATION_CREATE);
    }
    free(created);
}

static void stage_send_conversations(struct commit_lane *l)
{
    const struct batch *b = &l->batch;

    if (!b->heads_count)
        return;
    encode_reset(&l->encode);
    encode_array(&l->encode, ENCODE_INT8, b->heads_count);
    for (uint32_t n = 0; n < b->heads_count; n++)
        encode_item_int8(&l->encode, b->head[n].conversation);
    encode_array(&l->encode, ENCODE_INT8, b->heads_count);
    for (uint32_t n = 0; n < b->heads_count; n++)
        encode_item_int8(&l->encode, b->head[n].n);
    encode_array(&l->encode, ENCODE_INT8, b->heads_count);
    for (uint32_t n = 0; n < b->heads_count; n++)
        encode_item_int8(&l->encode, b->head[n].first_id);
    encode_array(&l->encode, ENCODE_INT8, b->heads_count);
    for (uint32_t n = 0; n < b->heads_count; n++)
        encode_item_int8(&l->encode, b->head[n].last_id);
    encode_array(&l->encode, ENCODE_INT4, b->heads_count);
    for (uint32_t n = 0; n < b->heads_count; n++)
        encode_item_int4(&l->encode, b->head[n].epochs);
    stage_send(l, SQL_CONVERSATION_ADVANCE);
}

static void stage_send_mailboxes(struct commit_lane *l)
{
    const struct batch *b = &l->batch;

    encode_reset(&l->encode);
    encode_array(&l->encode, ENCODE_INT8, b->boxes_count);
    for (uint32_t n = 0; n < b->boxes_count; n++)
        encode_item_int8(&l->encode, b->box[n].user);
    encode_array(&l->encode, ENCODE_INT8, b->boxes_count);
    for (uint32_t n = 0; n < b->boxes_count; n++)
        encode_item_int8(&l->encode, b->box[n].n);
    stage_send(l, SQL_MAILBOX_ADVANCE);
}

static uint32_t stage_count_keys(const struct batch *b)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < b->run; n++)
        count += stage_has_key(b->item[n].a);
    return count;
}

/* The three columns of a key, of all items that have one (or only of those that were here before). */
static void stage_encode_keys(struct commit_lane *l, uint32_t count, bool only_again)
{
    const struct batch *b = &l->batch;

    for (int column = 0; column < 3; column++) {
        encode_array(&l->encode, ENCODE_INT8, count);
        for (uint32_t n = 0; n < b->run; n++) {
            const struct append *a = b->item[n].a;
            uint64_t value[3] = { a->from.n, a->key.high, a->key.low };
            if (stage_has_key(a) && (!only_again || b->item[n].was_here))
                encode_item_int8(&l->encode, value[column]);
        }
    }
}

static void stage_send_key_find(struct commit_lane *l)
{
    const struct batch *b = &l->batch;
    uint32_t count = l->looks ? stage_count_keys(b) : 0;

    if (!count)
        return;
    encode_reset(&l->encode);
    encode_array(&l->encode, ENCODE_INT4, count);
    for (uint32_t n = 0; n < b->run; n++)
        if (stage_has_key(b->item[n].a))
            encode_item_int4(&l->encode, n);
    stage_encode_keys(l, count, false);
    stage_send(l, SQL_KEY_FIND);
}

void stage_heads(struct commit_lane *l)
{
    l->sent_count = l->nth = 0;
    stage_send_creates(l);
    stage_send_conversations(l);
    stage_send_mailboxes(l);
    stage_send_key_find(l);
    pg_flush(&l->pg);
}

static void stage_take_conversation(struct batch *b, const PGresult *r, int row)
{
    struct batch_head *head = batch_find_head(b, row_number(r, row, 0));

    CHECK(head);
    head->is_found = true;
    head->base = row_number(r, row, 1);
    head->lift = row_signed(r, row, 2);
    head->epoch = (uint32_t)row_number(r, row, 3);
}

static void stage_take_key(struct batch *b, const PGresult *r, int row)
{
    uint64_t n = row_number(r, row, 0);

    CHECK(n < b->run);
    struct batch_item *item = &b->item[n];
    item->was_here = true;
    item->first.conversation = row_number(r, row, 1);
    item->first.id = row_number(r, row, 2);
    item->first.seq = row_number(r, row, 3);
    item->first.kind = (enum event_kind)row_number(r, row, 4);
    item->first.body_hash = row_number(r, row, 5);
}

static void stage_take_row(struct commit_lane *l, enum sql q, const PGresult *r, int row)
{
    struct batch *b = &l->batch;

    if (q == SQL_CONVERSATION_ADVANCE) {
        stage_take_conversation(b, r, row);
    } else if (q == SQL_MAILBOX_ADVANCE) {
        struct batch_box *box = batch_find_box(b, row_number(r, row, 0));
        CHECK(box);
        box->is_found = true;
        box->base = row_number(r, row, 1);
    } else if (q == SQL_KEY_FIND) {
        stage_take_key(b, r, row);
    } else if (q == SQL_DIRECT_CREATE) {
        struct batch_head *head = batch_find_head(b, row_number(r, row, 0));
        CHECK(head);
        head->is_won = true;
    }
}

void stage_take(struct commit_lane *l, const PGresult *r)
{
    CHECK(l->nth < l->sent_count);
    for (int row = 0; row < PQntuples(r); row++)
        stage_take_row(l, l->sent[l->nth], r, row);
}

static void stage_encode_messages(struct commit_lane *l, uint32_t count)
{
    const struct batch *b = &l->batch;

    for (int column = 0; column < 8; column++) {
        encode_array(&l->encode, column == 7 ? ENCODE_BYTEA : column == 4 ? ENCODE_INT2 : ENCODE_INT8, count);
        for (uint32_t n = 0; n < b->run; n++) {
            const struct batch_item *item = &b->item[n];
            const struct append *a = item->a;
            if (item->head == BATCH_NO_HEAD)
                continue;
            uint64_t value[] = { a->conversation.n, batch_id(b, item).n, batch_seq(b, item).n, a->from.n, 0,
                                 a->key.high,       a->key.low };
            if (column == 4)
                encode_item_int2(&l->encode, (uint16_t)a->kind);
            else if (column == 7)
                encode_item_text(&l->encode, a->body);
            else
                encode_item_int8(&l->encode, value[column]);
        }
    }
}

static void stage_send_messages(struct commit_lane *l)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < l->batch.run; n++)
        count += l->batch.item[n].head != BATCH_NO_HEAD;
    if (!count)
        return;
    encode_reset(&l->encode);
    stage_encode_messages(l, count);
    stage_send(l, SQL_MESSAGE_INSERT);
}

static void stage_send_inboxes(struct commit_lane *l)
{
    const struct batch *b = &l->batch;
    struct encode *e = &l->encode;

    encode_reset(e);
    encode_array(e, ENCODE_INT8, b->rows_count);
    for (uint32_t n = 0; n < b->rows_count; n++)
        encode_item_int8(e, b->row[n].user);
    encode_array(e, ENCODE_INT8, b->rows_count);
    for (uint32_t n = 0; n < b->rows_count; n++)
        encode_item_int8(e, b->box[b->row[n].box].base + b->row[n].offset);
    encode_array(e, ENCODE_INT8, b->rows_count);
    for (uint32_t n = 0; n < b->rows_count; n++)
        encode_item_int8(e, b->item[b->row[n].item].a->conversation.n);
    encode_array(e, ENCODE_INT8, b->rows_count);
    for (uint32_t n = 0; n < b->rows_count; n++)
        encode_item_int8(e, batch_id(b, &b->item[b->row[n].item]).n);
    encode_array(e, ENCODE_INT2, b->rows_count);
    for (uint32_t n = 0; n < b->rows_count; n++)
        encode_item_int2(e, (uint16_t)b->item[b->row[n].item].a->kind);
    encode_array(e, ENCODE_BYTEA, b->rows_count);
    for (uint32_t n = 0; n < b->rows_count; n++) {
        const struct append *a = b->item[b->row[n].item].a;
        if (batch_has_head(a))
            encode_item_null(e);
        else
            encode_item_text(e, a->body);
    }
    stage_send(l, SQL_INBOX_INSERT);
}

static void stage_send_keys(struct commit_lane *l)
{
    const struct batch *b = &l->batch;
    uint32_t count = stage_count_keys(b);

    if (!count)
        return;
    encode_reset(&l->encode);
    stage_encode_keys(l, count, false);
    for (int column = 0; column < 5; column++) {
        encode_array(&l->encode, column == 3 ? ENCODE_INT2 : ENCODE_INT8, count);
        for (uint32_t n = 0; n < b->run; n++) {
            const struct batch_item *item = &b->item[n];
            const struct append *a = item->a;
            uint64_t value[] = { a->conversation.n, batch_id(b, item).n, batch_seq(b, item).n, 0,
                                 a->body_hash };
            if (!stage_has_key(a))
                continue;
            if (column == 3)
                encode_item_int2(&l->encode, (uint16_t)a->kind);
            else
                encode_item_int8(&l->encode, value[column]);
        }
    }
    stage_send(l, SQL_KEY_INSERT);
}

void stage_rows(struct commit_lane *l)
{
    enum sql q;
    struct effects effects;

    l->sent_count = l->nth = 0;
    stage_send_messages(l);
    stage_send_inboxes(l);
    stage_send_keys(l);
    effect_collect(&effects, &l->batch);
    while (effect_next(&effects, &l->encode, &q))
        stage_send(l, q);
    effect_fini(&effects);
    pg_sync(&l->pg);
    die_at("committing");
}

void stage_again(struct commit_lane *l)
{
    uint32_t count = 0;

    l->sent_count = l->nth = 0;
    for (uint32_t n = 0; n < l->batch.run; n++)
        count += l->batch.item[n].was_here;
    encode_reset(&l->encode);
    stage_encode_keys(l, count, true);
    stage_send(l, SQL_KEY_AGAIN);
    pg_sync(&l->pg);
}
