/* load/login.h - connecting, and the first verb with a token that the server does not know yet */
#pragma once
#include "load/options.h"

/* The workload (load.c). */
int login_main(const struct options *o, const struct link_target *target);
