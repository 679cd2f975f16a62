/* faults/devices/crowd.h - who is in which conversation, and groups whose members come and go */
#pragma once
#include "devices/device.h"
#include <pthread.h>
#include <stdatomic.h>

enum { CROWD_DIRECTS = 4, CROWD_GROUPS_MOST = 100 };

struct crowd_group {
    char id[24];
    uint32_t size;
    atomic_bool *has;               /* by account */
};

struct crowd {
    const struct options *options;
    struct device *device;          /* options->devices of them; that of account a is a, a + accounts, ... */
    char (*direct)[CROWD_DIRECTS][24];      /* by account; "": fewer */
    struct crowd_group group[CROWD_GROUPS_MOST];
    struct device owner;            /* of all groups: not in the history, it only changes members */
    pthread_t thread;
    atomic_bool is_over;
    bool is_changing;
};

/* Makes accounts, sessions and conversations; takes a password's hash for each account and device. */
void crowd_enter(struct crowd *c, const struct options *o);
/* Members come and go until crowd_stop(). */
void crowd_change(struct crowd *c);
void crowd_stop(struct crowd *c);
/* Somebody and a conversation of theirs: 70 % direct, small groups more often than large ones. */
struct device *crowd_choose(struct crowd *c, unsigned *seed, const char **conversation);
void crowd_leave(struct crowd *c);
