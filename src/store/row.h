/* store/row.h - what stands in a row of a binary result */
#pragma once
#include "base/arena.h"
#include "model/event.h"
#include <libpq-fe.h>

/* Columns are int2, int4 or int8; NULL reads as 0. CHECKs the width: a statement that changed its types is a bug of
 * ours. */
uint64_t row_number(const PGresult *r, int row, int column);
int64_t row_signed(const PGresult *r, int row, int column);
/* The bytes of a text or bytea, borrowed from the result; NULL reads as empty. */
struct text row_text(const PGresult *r, int row, int column);
struct text row_text_copy(const PGresult *r, int row, int column, struct arena *arena);
/* Seven columns from column on: id, seq, sender_id, kind, key_high, key_low, body. */
struct event row_event(const PGresult *r, int row, int column, struct arena *arena);
