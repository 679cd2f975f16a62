/* node/heir.h - post mortem: what a dead node had written last is told again, because nobody knows what it told */
#pragma once
#include "store/node.h"

struct heir;
struct loop;
struct ops;

struct heir_calls {
    void (*place)(void *ctx, uint64_t user, uint64_t i);        /* a place of an inbox that it wrote */
    void (*too_many)(void *ctx);                                /* there is more than can be told */
};

struct heir *heir_new(struct loop *l, struct ops *ops, struct store *s, const struct heir_calls *calls, void *ctx);
void heir_free(struct heir **h);        /* nothing is under way */
/* Node id died just now; one after the other, again until Postgres answers. */
void heir_of(struct heir *h, uint32_t id);
