/* store/effect.c - effects, sorted by table and key
 *
 * user_conversation rows are locked here last of all; whoever touches one holds that user's mailbox, because the
 * event that brings the effect goes into it. So their order can't make a circle.
 */
#include "store/effect.h"

#include <stdlib.h>

static uint32_t effect_count(const struct batch *b)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < b->run; n++) {
        const struct append *a = b->item[n].a;
        count += a->effects_count + (a->create.is_wanted ? a->members->count + 1 : 0);
    }
    return count;
}

static int effect_compare(const void *a, const void *b)
{
    const struct effect_row *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    if (x->conversation != y->conversation)
        return x->conversation < y->conversation ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static bool effect_same_key(const struct effect_row *x, const struct effect_row *y)
{
    return x->kind == y->kind && x->user == y->user && x->conversation == y->conversation;
}

/* number is what the last one of a key wins by: the seq of the event, or how far was read. */
static void effect_collect_item(struct effects *f, const struct batch *b, const struct batch_item *item)
{
    const struct append *a = item->a;
    const struct members *m = a->members;
    uint64_t seq = batch_seq(b, item).n;
    struct effect_row row = { .conversation = a->conversation.n,
                              .conversation_kind = (uint16_t)m->kind,
                              .number = seq };

    if (a->create.is_wanted) {
        row.conversation_kind = (uint16_t)a->create.kind;
        row.kind = EFFECT_TITLE;
        row.text = a->create.title;
        f->row[f->count++] = row;
        row.kind = EFFECT_MEMBER_PUT;
        for (uint32_t k = 0; k < m->count; k++) {
            row.user = m->member[k].user.n;
            row.role = (uint16_t)m->member[k].role;
            f->row[f->count++] = row;
        }
    }
    for (uint32_t n = 0; n < a->effects_count; n++) {
        const struct append_effect *effect = &a->effects[n];
        row.kind = effect->kind;
        row.user = effect->kind == EFFECT_TITLE ? 0 : effect->user.n;
        row.role = (uint16_t)effect->role;
        row.text = effect->text;
        row.number = effect->kind == EFFECT_READ ? effect->number : seq;
        f->row[f->count++] = row;
    }
}

void effect_collect(struct effects *f, const struct batch *b)
{
    *f = (struct effects){ .row = calloc(effect_count(b) + 1, sizeof *f->row) };
    CHECK(f->row);
    for (uint32_t n = 0; n < b->run; n++)
        effect_collect_item(f, b, &b->item[n]);
    qsort(f->row, f->count, sizeof *f->row, effect_compare);
    uint32_t kept = 0;
    for (uint32_t n = 0; n < f->count; n++)
        if (n + 1 == f->count || !effect_same_key(&f->row[n], &f->row[n + 1]))
            f->row[kept++] = f->row[n];
    f->count = kept;
}

void effect_fini(struct effects *f)
{
    free(f->row);
    f->row = NULL;
}

enum effect_column {
    EFFECT_NO_COLUMN,
    EFFECT_USER,
    EFFECT_CONVERSATION,
    EFFECT_NUMBER,
    EFFECT_NUMBER_BEFORE, /* a new member has read up to where they joined */
    EFFECT_ROLE,
    EFFECT_KIND,
    EFFECT_TEXT,
};

/* user_conversation_put comes before read_put, so that who creates a conversation can have read its first event. */
static const struct {
    enum append_effect_kind kind;
    enum sql sql;
    enum effect_column column[4];
} effect_statements[] = {
    { EFFECT_TITLE, SQL_TITLE_PUT, { EFFECT_CONVERSATION, EFFECT_TEXT } },
    { EFFECT_MEMBER_PUT, SQL_MEMBER_PUT, { EFFECT_CONVERSATION, EFFECT_USER, EFFECT_ROLE, EFFECT_NUMBER } },
    { EFFECT_MEMBER_PUT,
      SQL_USER_CONVERSATION_PUT,
      { EFFECT_USER, EFFECT_CONVERSATION, EFFECT_KIND, EFFECT_NUMBER_BEFORE } },
    { EFFECT_MEMBER_GONE, SQL_MEMBER_GONE, { EFFECT_CONVERSATION, EFFECT_USER } },
    { EFFECT_MEMBER_GONE, SQL_USER_CONVERSATION_GONE, { EFFECT_USER, EFFECT_CONVERSATION } },
    { EFFECT_READ, SQL_READ_PUT, { EFFECT_USER, EFFECT_CONVERSATION, EFFECT_NUMBER } },
};

static void effect_encode(struct encode *e, enum effect_column column, const struct effect_row *row)
{
    switch (column) {
    case EFFECT_USER:
        encode_item_int8(e, row->user);
        break;
    case EFFECT_CONVERSATION:
        encode_item_int8(e, row->conversation);
        break;
    case EFFECT_NUMBER:
        encode_item_int8(e, row->number);
        break;
    case EFFECT_NUMBER_BEFORE:
        encode_item_int8(e, row->number - 1);
        break;
    case EFFECT_ROLE:
        encode_item_int2(e, row->role);
        break;
    case EFFECT_KIND:
        encode_item_int2(e, row->conversation_kind);
        break;
    case EFFECT_TEXT:
        encode_item_text(e, row->text);
        break;
    case EFFECT_NO_COLUMN:
        break;
    }
}

static enum encode_type effect_type(enum effect_column column)
{
    if (column == EFFECT_TEXT)
        return ENCODE_TEXT;
    return column == EFFECT_ROLE || column == EFFECT_KIND ? ENCODE_INT2 : ENCODE_INT8;
}

bool effect_next(struct effects *f, struct encode *e, enum sql *q)
{
    for (; f->next < sizeof effect_statements / sizeof effect_statements[0]; f->next++) {
        const enum effect_column *column = effect_statements[f->next].column;
        uint32_t first = 0, end;

        while (first < f->count && f->row[first].kind != effect_statements[f->next].kind)
            first++;
        for (end = first; end < f->count && f->row[end].kind == effect_statements[f->next].kind; end++)
            ;
        if (first == end)
            continue;
        encode_reset(e);
        for (uint32_t c = 0; c < 4 && column[c] != EFFECT_NO_COLUMN; c++) {
            encode_array(e, effect_type(column[c]), end - first);
            for (uint32_t n = first; n < end; n++)
                effect_encode(e, column[c], &f->row[n]);
        }
        *q = effect_statements[f->next++].sql;
        return true;
    }
    return false;
}
