/* check/sends.h - what devices sent and what they were answered: I1, I2, I6, I7, I8 */
#pragma once
#include "check/devices.h"
#include "check/figures.h"
#include "check/spans.h"

struct send {
    struct key key;
    uint64_t user, conversation, hash, counter;
    uint64_t sent_ns, acked_ns;     /* acked_ns 0: never acknowledged */
    uint64_t seq, id;               /* as it was acknowledged */
    uint32_t device, row;           /* row: its message, or INDEX_NONE */
    uint32_t refused;               /* HTTP status; 0: it was not */
};

struct sends {
    struct send *send;
    size_t count, room;
    struct index index;             /* by user and key */
};

/* What a record of sending says; records of other kinds are not for here. */
void sends_take(struct sends *s, const struct database *d, const struct devices *devices,
                const struct history_record *r, struct verdicts *v, struct figures *f);
/* All were taken, and nothing else is known yet: I1, I2 and I6 of each; its times go to its message. */
void sends_settle(const struct sends *s, struct database *d, struct verdicts *v, struct figures *f);
/* I7, and (when events were taken, too, because what was delivered was known) I8. */
void sends_order(const struct sends *s, const struct database *d, const struct devices *devices,
                 struct verdicts *v);
void sends_append_order(const struct database *d, struct verdicts *v);
void sends_fini(struct sends *s);
