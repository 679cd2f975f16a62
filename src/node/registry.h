/* node/registry.h - home's knowledge of its users: at which nodes their devices are, and how far their inbox reaches
 *
 * A hint, never the truth: it lives in memory, and whoever registers again puts it right. What an edge registered ends
 * with that edge's incarnation.
 */
#pragma once
#include "model/id.h"
#include <stdbool.h>

enum {
    REGISTRY_EDGES_MAX = 16,        /* nodes at which one user is at the same time: devices, and some that just left */
    REGISTRY_NODES = 1024,
};

struct registry;

struct registry *registry_new(void);
void registry_free(struct registry **r);
/* The user is at edge. False: there is no room (LIMIT_REGISTERED users, REGISTRY_EDGES_MAX nodes). *head: how far the
 * inbox reaches by what was noticed while the user was known here; 0: not known. */
bool registry_add(struct registry *r, struct user_id user, uint32_t edge, struct inbox_seq *head);
void registry_remove(struct registry *r, struct user_id user, uint32_t edge);
/* Nobody is at edge any more. */
void registry_forget(struct registry *r, uint32_t edge);
/* The inbox reaches to i; nothing for who is not known. */
void registry_notice(struct registry *r, struct user_id user, struct inbox_seq i);
/* The heads count no more: another timeline. */
void registry_void(struct registry *r);
/* Where the user is, into[REGISTRY_EDGES_MAX]; how many. */
uint32_t registry_edges(struct registry *r, struct user_id user, uint32_t *into);
/* Looks over some of the users, for those who are nowhere any more. Now and then. */
void registry_sweep(struct registry *r, uint32_t some);
uint32_t registry_count(const struct registry *r);
