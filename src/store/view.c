/* store/view.c - conversations as one member sees them */
#include "store/view.h"

#include "store/row.h"

uint32_t view_take_places(const PGresult *result, struct conversation *at)
{
    int rows = PQntuples(result);

    for (int row = 0; row < rows; row++) {
        at[row].id.n = row_number(result, row, 0);
        at[row].kind = (enum conversation_kind)row_number(result, row, 1);
        at[row].read_seq.n = row_number(result, row, 2);
        at[row].muted_until_unix_ms = row_number(result, row, 3);
    }
    return (uint32_t)rows;
}

void view_send(struct pg *pg, struct encode *e, struct user_id user, const struct conversation *at,
               uint32_t count)
{
    encode_reset(e);
    encode_array(e, ENCODE_INT4, count);
    for (uint32_t n = 0; n < count; n++)
        encode_item_int4(e, n);
    encode_array(e, ENCODE_INT8, count);
    for (uint32_t n = 0; n < count; n++)
        encode_item_int8(e, at[n].id.n);
    encode_int8(e, user.n);
    pg_send(pg, SQL_CONVERSATION_VIEW, e);

    encode_reset(e);
    encode_array(e, ENCODE_INT8, count);
    for (uint32_t n = 0; n < count; n++)
        encode_item_int8(e, at[n].id.n);
    encode_int8(e, user.n);
    pg_send(pg, SQL_MEMBER_COUNT, e);
}

void view_take_heads(const PGresult *result, struct conversation *at, uint32_t count, bool *is_whole,
                     struct arena *arena)
{
    for (int row = 0; row < PQntuples(result); row++) {
        uint64_t n = row_number(result, row, 0);
        CHECK(n < count);
        struct conversation *c = &at[n];
        is_whole[n] = true;
        c->last_seq.n = row_number(result, row, 1);
        c->title = row_text_copy(result, row, 2, arena);
        c->role = (enum role)row_number(result, row, 3);
        c->joined.n = row_number(result, row, 4);
        c->has_last = row_number(result, row, 5) != 0 && c->last_seq.n >= c->joined.n;
        if (c->has_last) {
            c->last = row_event(result, row, 5, arena);
            c->last.conversation = c->id;
        }
    }
}

void view_take_members(const PGresult *result, struct conversation *at, uint32_t count)
{
    for (int row = 0; row < PQntuples(result); row++) {
        uint64_t id = row_number(result, row, 0);
        for (uint32_t n = 0; n < count; n++) {
            if (at[n].id.n != id)
                continue;
            at[n].members_count = (uint32_t)row_number(result, row, 1);
            if (at[n].kind == CONVERSATION_DIRECT)
                at[n].other.n = row_number(result, row, 2);
        }
    }
}
