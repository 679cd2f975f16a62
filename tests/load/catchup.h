/* load/catchup.h - readers far behind the head of their inbox */
#pragma once
#include "load/options.h"

/* The workload (load.c). */
int catchup_main(const struct options *o, const struct link_target *target);
