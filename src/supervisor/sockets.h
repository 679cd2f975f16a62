/* supervisor/sockets.h - every listening socket of every worker, opened once and kept over their deaths */
#pragma once
#include "base/config.h"
#include "supervisor/place.h"

/* Opens what the configuration names, for workers of them, into at[]: in each place its sockets. ERR_BAD_REQUEST (not an
 * address), ERR_EXISTS (in use), with a log line; nothing stays open then. */
MUST_USE enum err sockets_open(const struct config *c, uint32_t workers, struct place *at);
void sockets_close(struct place *at);
