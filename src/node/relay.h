/* node/relay.h - notices and signals on their way: to who is here, to homes, and from homes to edges */
#pragma once
#include "node/inside.h"

/* Numbers of another timeline mean nothing: who is here begins anew. */
void relay_look_at_timeline(struct node *n);
void relay_tell(struct node *n, const struct notices *notices);
void relay_signal(struct node *n, const struct members *to, struct device_id from, struct blob *encoded);
void relay_revoked(struct node *n, struct user_id user, struct device_id device);
void relay_changed(struct node *n, struct conversation_id conversation);
/* There is a newer table: everybody reads it. */
void relay_epoch(struct node *n, uint64_t epoch);
/* A place of an inbox that a dead node wrote (heir_calls); and: there are too many of them, everybody checks. */
void relay_place(void *ctx, uint64_t user, uint64_t i);
void relay_doubt_all(void *ctx);
/* A numbered frame of a peer (links_events). */
void relay_frame(void *ctx, uint32_t from, const struct frame *f);
/* Once a turn: what could not be said before. */
void relay_tell_doubts(struct node *n);
/* Who is home to a key, by the newest table; this node when nobody else is. */
uint32_t relay_home(const struct node *n, uint64_t key);
