/* api/problem.h - what a call that failed answers (RFC 9457) */
#pragma once
#include "api/call.h"

enum { PROBLEM_FIELDS_MAX = 4, PROBLEM_SECONDS_MAX = 12 };

/* Replaces what the call wrote by a problem document, and chooses retry_ms where trying again may help. */
void problem_write(struct call *c);
/* Its members, into the open object. field: what it is about, or empty; retry_ms 0: it says nothing of it. */
void problem_members(struct json *j, enum err err, const char *field, uint32_t retry_ms);
/* When to try again, with jitter; 0 when that does not help. */
uint32_t problem_retry_ms(enum err err);
/* The response fields that go with it; seconds and allow must live as long as they. Returns how many. */
size_t problem_fields(enum err err, uint32_t retry_ms, const char *allow, char seconds[static PROBLEM_SECONDS_MAX],
                      struct exchange_field fields[static PROBLEM_FIELDS_MAX]);
/* Answers an exchange that no call has any more. field as above. */
void problem_respond(struct exchange *x, enum err err, const char *field);
