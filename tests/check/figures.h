/* check/figures.h - how long things took, and what was counted */
#pragma once
#include "check/faultlog.h"
#include "model/json.h"

struct figures_sample {             /* in microseconds */
    uint32_t *us;
    size_t count, room;
};
void figures_add(struct figures_sample *s, uint64_t ns);

/* What one fault did: to each of a number of things (conversations, devices) the longest time. */
struct figures_wounds {
    uint64_t *ns;                   /* faults * things; 0: nothing */
    size_t things;
};

struct figures {
    const struct faultlog *faults;
    uint64_t acked, acked_again, refused, unanswered, rows_unsent;
    uint64_t devices, gone, opened, resyncs, visible, deliveries, late_unexplained;
    struct figures_sample send, send_calm;          /* send to acknowledgement; outside all windows */
    struct figures_sample *send_window;             /* of each window of the fault log */
    struct figures_sample delivered;                /* send to event */
    struct figures_wounds ack;                      /* by conversation: the slowest send that the fault met */
    struct figures_wounds caught_up, healed;        /* by device: its last late event, after fault and healing */
};

void figures_init(struct figures *f, const struct faultlog *faults, size_t conversations);
/* How many devices there are: before the first figures_late(). */
void figures_devices(struct figures *f, size_t devices);
/* A send and its acknowledgement (0: none came). */
void figures_send(struct figures *f, uint32_t conversation, uint64_t sent_ns, uint64_t acked_ns);
/* A late event of a device: due at `from`. False: no fault explains it. */
bool figures_late(struct figures *f, size_t device, uint64_t from, uint64_t to);
/* Sorts the samples; prints lines, and writes JSON. */
void figures_print(struct figures *f);
void figures_json(struct figures *f, struct json *j);
void figures_fini(struct figures *f);
