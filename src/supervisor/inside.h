/* supervisor/inside.h - what supervisor.c and upgrade.c share */
#pragma once
#include "supervisor/handover.h"
#include "supervisor/supervisor.h"
#include <signal.h>

struct supervisor_child {
    struct place place;
    pid_t pid; /* 0: not running */
    int line; /* our end */
    uint64_t started_ms, heard_ms, due_ms; /* due: when it is started again */
    uint32_t failures;
    bool is_ready, is_aborting;
    bool is_former; /* of the program before this one */
};

struct supervisor {
    const struct config *config;
    supervisor_worker_fn *worker;
    void *ctx;
    char **argv;
    uint32_t workers, running;
    struct supervisor_child child[PLACE_WORKERS_MAX];
    int signals;
    sigset_t before; /* the signal mask of a process that is no supervisor */
    bool is_stopping, was_ready, is_told_ready, has_failed;
    uint64_t kill_ms, watchdog_ms;
    /* Of upgrades: */
    pid_t trial; /* asks the next program whether it can begin; 0: nobody does */
    uint64_t trial_ms;
    bool is_rolling; /* workers of the former program are replaced, one after the other */
    uint32_t roll; /* the one whose turn it is */
    uint64_t roll_ms; /* since when, 0: not yet */
    int former; /* the program before, to go back to; -1: there is none */
};

uint64_t supervisor_now_ms(void);

/* SIGUSR2: begins to replace the program, if nothing is under way. */
void upgrade_begin(struct supervisor *s);
/* A child that is no worker has ended. */
void upgrade_tried(struct supervisor *s, pid_t pid, int status);
/* Takes over what the program before left; false: it can't be read. */
bool upgrade_take(struct supervisor *s);
/* One look, each tick. */
void upgrade_look(struct supervisor *s, uint64_t now_ms);
