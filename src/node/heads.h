/* node/heads.h - asks Postgres how far mailboxes reach, many at a time, and wakes who has missed something */
#pragma once
#include "live/hub.h"

struct heads;
struct ops;
struct store;

/* How far the inbox of a user reaches whom others shall hear of, too; called from a step of an op. */
typedef void heads_place_fn(void *ctx, uint64_t user, uint64_t i);

struct heads *heads_new(struct loop *l, struct ops *ops, struct store *s, struct hub *hub, heads_place_fn *place, void *ctx);
void heads_free(struct heads **h);      /* no question is under way */
/* The user is in the next question; once, however often this is called. */
void heads_ask(struct heads *h, struct user_id user);
/* The same, and place() is called with the answer: somebody may have missed something, wherever they are. */
void heads_spread(struct heads *h, struct user_id user);
void heads_forget(struct heads *h, struct user_id user);
uint64_t heads_healed(const struct heads *h);           /* how many were above what was known here */
