/* load/pairs.h - the measured work: senders in a conversation each, and who receives there by every way */
#pragma once
#include "load/options.h"
#include "load/setup.h"
#include "load/tally.h"
#include <stdatomic.h>

/* What to do; the same for all processes. */
struct pairs_plan {
    const struct link_target *target;
    const struct setup_pair *pair;
    uint32_t count, processes;
    uint32_t receivers;             /* of a conversation */
    uint32_t window, batch;         /* messages outstanding of a pair; sends in one POST (1: no /v1/batch) */
    const char *plant;              /* NULL, or "lost" or "doubled": what is done to one that comes */
    bool is_mixed;                  /* by all ways, and other verbs in between (pairs_mix.c) */
    uint32_t directs;               /* mixed: so many pairs come first, groups of any size behind them */
    bool is_signals;                /* typing is said, and no message sent */
    uint32_t rate;                  /* messages a second of all processes, whatever comes back; 0: as the window says */
    uint32_t text_bytes;
    enum receiver_way way;
    enum link_version version;      /* of the receivers' connections */
    bool by_frames;                 /* the senders have a WebSocket, and send on it */
    uint64_t warm_ns, measured_ns, drain_ns;
    atomic_ullong *stop;            /* shared, or NULL: once not 0, sending ends then (monotonic ns) */
};

/* What a process tells, in shared memory. Messages and errors are of the whole run; rates and times of what was sent
 * (or arrived) in the measured part. */
struct pairs_result {
    atomic_uint ready;              /* 1: its receivers are waiting */
    uint64_t sent, acked, delivered;
    uint64_t wanted;                /* what of acked is to be delivered to all */
    uint64_t asides, signals;       /* mixed: other verbs answered, signals that came */
    uint64_t acked_measured, delivered_measured;
    uint64_t own_measured;          /* events that the senders' sockets got */
    uint64_t dropped;               /* signals that did not come */
    uint64_t late;                  /* sends that had to wait for an answer before they could leave */
    uint64_t lost, doubled, reordered, gaps, wrong, overtaken, errors;
    struct tally ack, deliver, aside;
    char first_error[256];
};

/* The work of one of the processes, from connecting to the drained end. Starts sending when *start (monotonic ns,
 * shared, 0 for not yet) has come. */
void pairs_run(const struct pairs_plan *plan, uint32_t process, struct pairs_result *r, atomic_ullong *start);

/* The workloads (load.c). */
int pairs_main(const struct options *o, const struct link_target *target);
int pairs_rate_main(const struct options *o, const struct link_target *target);
int pairs_group_main(const struct options *o, const struct link_target *target);
int pairs_mix_main(const struct options *o, const struct link_target *target);
int pairs_signals_main(const struct options *o, const struct link_target *target);
