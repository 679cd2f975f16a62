/* load/storm.h - everybody is cut off at once, and comes back */
#pragma once
#include "load/options.h"

/* The workload (load.c). */
int storm_main(const struct options *o, const struct link_target *target);
