/* sim/fakelinks.h - node/links.h without sockets: streams of frames that take their time, break and come back */
#pragma once
#include "node/links.h"
#include "sim/world.h"

/* What is between two processes breaks, both ways; it comes back when it can (world.cut_us). */
void fakelinks_break(uint32_t a, uint32_t b);
/* A process died: the others see it soon, or after a silence. */
void fakelinks_died(uint32_t process, bool is_seen);
/* All before a seed. */
void fakelinks_reset(void);
