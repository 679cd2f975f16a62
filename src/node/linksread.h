/* node/linksread.h - frames out of a stream of bytes */
#pragma once
#include "base/buf.h"
#include "node/frame.h"

struct linksread {
    struct buf part;                /* of a frame that is not whole */
};

/* A whole frame, borrowed during the call. False: stop, and touch the reader no more (it may be gone). */
typedef bool linksread_fn(void *ctx, struct text frame);

void linksread_init(struct linksread *r);
void linksread_fini(struct linksread *r);
/* More bytes: fn gets each frame that is whole by now. False: fn said so, or what came is no frame (*is_garbage). */
bool linksread_put(struct linksread *r, struct text bytes, linksread_fn *fn, void *ctx, bool *is_garbage);
