/* store/row.c - what stands in a row of a binary result */
#include "store/row.h"

#include <endian.h>

int64_t row_signed(const PGresult *r, int row, int column)
{
    const char *at = PQgetvalue(r, row, column);
    uint64_t n8;
    uint32_t n4;
    uint16_t n2;

    if (PQgetisnull(r, row, column))
        return 0;
    switch (PQgetlength(r, row, column)) {
    case sizeof n8:
        memcpy(&n8, at, sizeof n8);
        return (int64_t)be64toh(n8);
    case sizeof n4:
        memcpy(&n4, at, sizeof n4);
        return (int32_t)be32toh(n4);
    default:
        CHECK(PQgetlength(r, row, column) == sizeof n2);
        memcpy(&n2, at, sizeof n2);
        return (int16_t)be16toh(n2);
    }
}

uint64_t row_number(const PGresult *r, int row, int column)
{
    return (uint64_t)row_signed(r, row, column);
}

struct text row_text(const PGresult *r, int row, int column)
{
    return (struct text){ PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column) };
}

struct text row_text_copy(const PGresult *r, int row, int column, struct arena *arena)
{
    return arena_copy(arena, row_text(r, row, column));
}

struct event row_event(const PGresult *r, int row, int column, struct arena *arena)
{
    return (struct event){
        .id.n = row_number(r, row, column),
        .seq.n = row_number(r, row, column + 1),
        .from.n = row_number(r, row, column + 2),
        .kind = (enum event_kind)row_number(r, row, column + 3),
        .key.high = row_number(r, row, column + 4),
        .key.low = row_number(r, row, column + 5),
        .body = row_text_copy(r, row, column + 6, arena),
    };
}
