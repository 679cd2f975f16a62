/* live/tail.h - a user's newest events, encoded, as far as they came in a row */
#pragma once
#include "base/blob.h"
#include "model/id.h"

struct tail {                       /* all zero: nothing at hand */
    struct blob **ring;             /* event i at ring[i % room] */
    uint32_t room, count;           /* the newest count are at hand; room is a power of 2 */
    struct inbox_seq newest;        /* the newest place told of, at hand or not */
    size_t bytes;                   /* of those at hand */
};

/* A reference of encoded becomes the newest, at i > newest: behind a gap nothing older stays at hand, and of more than
 * LIMIT_TAIL_EVENTS the oldest goes. */
void tail_put(struct tail *t, struct inbox_seq i, struct blob *encoded);
/* There is something at i > newest, which is not at hand. */
void tail_skip(struct tail *t, struct inbox_seq i);
/* What stands at i, borrowed until the next call; NULL: it is not at hand. */
const struct blob *tail_at(const struct tail *t, struct inbox_seq i);
/* Nothing is at hand any more; newest stays. */
void tail_drop(struct tail *t);
