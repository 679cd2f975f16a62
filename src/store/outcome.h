/* store/outcome.h - the way of a batch through its transactions, and what each append is told */
#pragma once
#include "store/commit.h"

extern const struct pg_calls outcome_calls;     /* of a commit lane's connection */

/* The lane's batch was picked: runs it. */
void outcome_begin(struct commit_lane *l);
