/* api/limiter.h - how often somebody may do something: token buckets in bounded tables */
#pragma once
#include "base/config.h"
#include "base/loop.h"
#include "base/text.h"

enum limiter_kind { LIMITER_REGISTER, LIMITER_LOGIN, LIMITER_SEND, LIMITER_TYPING, LIMITER_KINDS };

struct limiter;

/* Rates from the configuration (section limits); 0 there: no limit. */
struct limiter *limiter_new(struct loop *l, const struct config *c);
void limiter_free(struct limiter **l);
/* One token of who's bucket; ERR_RATE_LIMITED, and then *wait_ms says when the next one is there. */
MUST_USE enum err limiter_take(struct limiter *l, enum limiter_kind kind, struct text who, uint32_t *wait_ms);
