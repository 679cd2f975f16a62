/* sim/fakeloop.h - base/loop.h without sockets: its clock is the world's */
#pragma once
#include "base/loop.h"
#include "sim/world.h"

/* The next round happens now, and begins with fn(ctx), or NULL. */
void fakeloop_happens(struct loop *l, world_fn *fn, void *ctx);
/* When the next timer may be due; false: there is none. */
bool fakeloop_next(const struct loop *l, uint64_t *at_us);
