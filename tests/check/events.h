/* check/events.h - what devices received: I5 and I11 */
#pragma once
#include "check/devices.h"
#include "check/figures.h"
#include "check/spans.h"

struct events {
    struct database *d;
    const struct spans *spans;
    struct devices *devices;
    const struct faultlog *faults;
    struct verdicts *v;
    struct figures *f;
    uint64_t late_ns;               /* an event that comes later than that after its acknowledgement is late */
};

/* What a record of receiving says; records of other kinds are not for here. */
void events_take(struct events *e, const struct history_record *r);
/* All were taken: nobody misses anything. */
void events_end(struct events *e);
