/* worker.h - one node in one process: builds its parts, owns the turn, and takes its leave */
#pragma once
#include "base/config.h"
#include "supervisor/place.h"

/* Runs until it is told to go (SIGTERM, SIGINT; a second one: at once); SIGHUP: reads the certificates again. The exit
 * status of the process. c must outlive it. Without a ring, ids begin above id_above. */
int worker_main(const struct config *c, const struct place *at, uint64_t id_above);
