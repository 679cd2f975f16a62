/* faults/devices/device.h - one device: a client of libposthorn that writes down what it does and gets */
#pragma once
#include "check/history.h"
#include "devices/options.h"
#include "posthorn.h"

enum { DEVICE_TEXT_MOST = 240, DEVICE_WAITING_MOST = 20 };

/* What all devices of a run did. */
struct device_sums {
    uint64_t begun, acked, refused, visible, delivered, resyncs, moves;
};

struct device {
    struct posthorn *p;
    struct history *history;        /* borrowed */
    struct device_sums *sums;       /* borrowed */
    uint32_t number;                /* in the history */
    uint64_t account, device;
    bool has_pauses;                /* it polls every few seconds */
    uint64_t i;                     /* of the last event */
    uint64_t timeline;
    uint64_t counter;
};

/* Makes the client, its account when registers, and a session. Exits with 2 when that can't be done. n: which of the
 * run's devices it is, which decides its node and its way. */
void device_enter(struct device *d, const struct options *o, uint32_t n, const char *handle, bool registers);
/* From now on it is in the history, and receives. */
void device_listen(struct device *d, struct history *h, struct device_sums *sums);
/* Puts a message of random length into the outbox; the dice are the caller's. */
void device_send(struct device *d, const char *conversation, unsigned dice);
void device_leave(struct device *d);
