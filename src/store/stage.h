/* store/stage.h - the two stages of a commit as statements, and their results */
#pragma once
#include "store/commit.h"

/* Heads of what the batch runs: new conversations, conversations, mailboxes, and keys when the lane looks.
 * Ends with a flush. */
void stage_heads(struct commit_lane *l);
/* One result of the heads into the batch. */
void stage_take(struct commit_lane *l, const PGresult *r);
/* Message, inbox and key rows, and what changes with them. Ends with the sync. */
void stage_rows(struct commit_lane *l);
/* The commit of its own for the keys that were here before. Ends with the sync. */
void stage_again(struct commit_lane *l);
