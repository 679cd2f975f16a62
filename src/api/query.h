/* api/query.h - the part of a URL behind '?' */
#pragma once
#include "api/call.h"

/* Fills params (see call_query). Errors, with *name in the arena: UNKNOWN_FIELD, DUPLICATE_FIELD,
 * MISSING_FIELD, BAD_TYPE (no number), OUT_OF_RANGE (also: broken percent-encoding, not UTF-8). */
MUST_USE enum err query_read(struct text query, struct arena *arena, struct call_param *params, const char **name);
