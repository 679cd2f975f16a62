/* live/hub.h - who waits here for news of which user, and what rides along */
#pragma once
#include "base/blob.h"
#include "base/op.h"
#include "model/id.h"

struct hub;

enum { HUB_RIDE_MAX = 64 };             /* events that ride along with one waiter; more are read */

/* A receiver (a long poll today), embedded in whoever waits. It registers before it reads the inbox, so that
 * nothing falls between the reading and the waiting. */
struct hub_waiter {
    struct user_id user;
    struct device_id device;
    struct inbox_seq after;             /* what the device has */

    /* The hub's own; zero before hub_watch(). */
    struct op *op;                      /* waits for news now, or NULL */
    enum err ended;                     /* why it must end, if it must */
    bool has_news, has_gap, is_watching;
    struct hub_waiter *next, **link;
    uint32_t ride_count;
    struct blob *ride[HUB_RIDE_MAX];    /* after+1, after+2, ... without a gap; encoded, without "i" */
};

struct hub *hub_new(void);
void hub_free(struct hub **h);          /* nobody may be watching */
uint32_t hub_count(const struct hub *h);                /* waiters */
/* Registers w: from here on it hears of its user. An earlier waiter of the same device ends with
 * ERR_WAIT_OVER: one waiting poll a device. */
void hub_watch(struct hub *h, struct hub_waiter *w);
/* Wakes op once: OK with the first news (at once when they came since hub_watch()), ERR_WAIT_OVER when another
 * poll of the device took over or the node drains, ERR_UNAUTHORIZED when the device was revoked. w goes on
 * collecting until hub_unwatch(). */
void hub_wait(struct hub_waiter *w, struct op *op);
/* Wakes w's op with err; nothing when it does not wait. */
void hub_end_wait(struct hub_waiter *w, enum err err);
/* Takes w out and drops what rode along; twice is fine. w must not wait. */
void hub_unwatch(struct hub *h, struct hub_waiter *w);
/* After a commit: user's inbox has encoded at i. Wakes the user's waiters; encoded rides along with those that
 * are exactly one behind, the others learn that there is more. */
void hub_notice(struct hub *h, struct user_id user, struct inbox_seq i, struct blob *encoded);
/* The device was revoked: its waiters end with ERR_UNAUTHORIZED. */
void hub_revoke(struct hub *h, struct user_id user, struct device_id device);
/* Every waiter ends with ERR_WAIT_OVER (drain). */
void hub_end(struct hub *h);
