/* load/options.h - what the command line says: one table for all workloads */
#pragma once
#include "load/receiver.h"
#include <sys/types.h>

struct options {
    const char *url, *accounts_file, *conninfo, *heap_file, *http, *send, *plant;
    enum receiver_way way;
    enum link_version version;      /* worked out of way and http */
    uint32_t pairs, groups, members, window, batch, text, processes, rate;
    uint32_t connections, readers, events, behind, handshakes, admin, users, conversations, shares, resume;
    uint32_t server, postgres;      /* process ids; 0: not told */
    double warm_s, seconds;
};

/* The options behind the workload's name; false: usage was printed. */
bool options_read(struct options *o, int argc, char **argv);
void options_usage(void);
/* How often the nth event is taken: 1, but for the 50th as --plant says: 0 or 2. */
uint32_t options_plant(const struct options *o, uint64_t n);
