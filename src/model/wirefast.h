/* model/wirefast.h - reading JSON by a schema in one pass and without a DOM, when nothing about it is in doubt */
#pragma once
#include "model/wire.h"

/* True: *into (zeroed before by the caller) holds what wire_read() would have read. False: it is wrong, or unusual,
 * and *into is rubbish: wire_read()'s careful way decides what it is and what to call it. */
MUST_USE bool wirefast_read(const struct wire_schema *s, struct text json, struct arena *arena, void *into);
