/* load/floor.h - how much of the bare send transaction Postgres can do */
#pragma once
#include "load/options.h"

/* The workload (load.c): some processes, a connection to conninfo each, in a database that no server uses. */
int floor_main(const struct options *o, const struct link_target *target);
