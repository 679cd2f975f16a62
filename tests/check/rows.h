/* check/rows.h - what the database says by itself: I2, I3 and I4 */
#pragma once
#include "check/spans.h"

/* Conversations and keys. */
void rows_messages(const struct database *d, const char *dir, struct verdicts *v);
/* Reads the inboxes into the database, and checks them. */
void rows_inboxes(struct database *d, struct spans *s, const char *dir, struct verdicts *v);
