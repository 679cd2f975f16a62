/* supervisor/sockets.h - every listening socket of every worker, opened once and kept over their deaths */
#pragma once
#include "base/config.h"
#include "supervisor/place.h"

/* Opens what the configuration names, for workers of them, into at[]: in each place its sockets. ERR_BAD_REQUEST (not an
 * address), ERR_EXISTS (in use), with a log line; nothing stays open then. */
MUST_USE enum err sockets_open(const struct config *c, uint32_t workers, struct place *at);
/* Opens at->control as the configuration says, for a process without a supervisor too. That it can't is a log line and
 * no more: the service is worth more than questions about it. */
void sockets_control(const struct config *c, struct place *at);
void sockets_close(struct place *at);
