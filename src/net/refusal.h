/* net/refusal.h - the answers that the net gives itself, before any handler sees the request */
#pragma once
#include "base/blob.h"
#include "net/exchange.h"

/* A problem+json body (RFC 9457) for err; the caller's reference. */
struct blob *refusal_body(enum err err);
enum { REFUSAL_FIELDS_MAX = 2 };
/* The fields that go with it (static text); returns how many. */
size_t refusal_fields(enum err err, struct exchange_field into[static REFUSAL_FIELDS_MAX]);
