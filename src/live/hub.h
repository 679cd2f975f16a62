/* live/hub.h - who waits here for news of which user, and what rides along */
#pragma once
#include "base/blob.h"
#include "base/op.h"
#include "model/id.h"

struct hub;

/* A waiting receiver (a parked long poll today), embedded in whoever waits. */
struct hub_waiter {
    struct user_id user;
    struct device_id device;
    struct inbox_seq after;         /* what the device has */
    struct op *op;                  /* woken once: OK (news), ERR_WAIT_OVER, ERR_UNAUTHORIZED (revoked) */
    struct hub_waiter *next, **link;        /* link NULL: not parked */
    /* events after+1, after+2, ... without a gap that came while it waited; may be empty: then read */
    struct blob *ride[16];
    uint32_t ride_count;
};

struct hub *hub_new(void);
void hub_free(struct hub **h);
/* Parks w; wakes its op at once when the user's newest known place is beyond w->after (nothing falls between
 * the reading and the parking). A waiter of the same device is woken with ERR_WAIT_OVER first. */
void hub_park(struct hub *h, struct hub_waiter *w);
/* Takes w out and wakes its op with err; nothing when it is not parked. */
void hub_unpark(struct hub_waiter *w, enum err err);
/* After a commit: user's inbox has encoded at i. Wakes the user's waiters; encoded rides along with those
 * that are exactly one behind. */
void hub_notice(struct hub *h, struct user_id user, struct inbox_seq i, struct blob *encoded);
/* The device was revoked: its waiters end with ERR_UNAUTHORIZED. */
void hub_revoke(struct hub *h, struct user_id user, struct device_id device);
/* Every waiter ends with ERR_WAIT_OVER (drain). */
void hub_end(struct hub *h);
