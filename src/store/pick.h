/* store/pick.h - which of what waits becomes a lane's next batch */
#pragma once
#include "store/commit.h"

/* For batches of at most items_max; commit_used is its memory from one pick to the next. */
struct commit_used *pick_new(uint32_t items_max);
void pick_free(struct commit_used **u);

/* Moves appends from the queue into the lane's batch, in order of arrival, until a cap is reached. Leaves back:
 * what another lane holds (nothing overtakes), what follows a change of members in this batch (it was decided before
 * it), and a key that is in this batch already (it will be found to be a duplicate). */
void pick_batch(struct commit *c, struct commit_lane *l);
