/* load/idle.h - connections that do nothing but hold their way open, and what they cost the server */
#pragma once
#include "load/options.h"
#include "load/setup.h"
#include <sys/types.h>

struct idle_plan {
    const struct link_target *target;
    enum receiver_way way;
    const char *http;               /* "1.1" or "2" */
    enum link_version version;
    uint32_t count;
    uint64_t hold_ns;
    struct setup_from from;
    const char *heap_file;          /* NULL: malloc's figure is not told */
    pid_t server;
    uint16_t admin_port;
};
/* Prints one line of JSON. 0: all were open and stayed so, 1: not so, 2: it could not run. */
int idle_run(const struct idle_plan *plan);
/* The workload (load.c). */
int idle_main(const struct options *o, const struct link_target *target);
