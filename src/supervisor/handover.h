/* supervisor/handover.h - one program becomes the next in the same process, and its workers and sockets stay
 *
 * All of it goes in an environment variable; descriptors stay open over the exec. Who takes it has them close-on-exec
 * again, and the variable is gone, so that no worker inherits it.
 */
#pragma once
#include "base/err.h"
#include "supervisor/place.h"
#include <sys/types.h>

/* Of the text: a program that reads another one is not become. */
#define HANDOVER_VERSION "1"

struct handover_child {
    struct place place;             /* paths are read off the sockets */
    pid_t pid;                      /* 0: not running */
    int line;                       /* -1: not running */
    bool is_ready;
    bool is_former;                 /* it runs a program that is to be replaced */
};

struct handover {
    uint32_t workers;
    int former;                     /* the program that was before, opened; -1: there is no way back */
    struct handover_child child[PLACE_WORKERS_MAX];
};

uint32_t handover_workers(void);    /* of what this process was given and has not taken; 0: it was not given anything */
bool handover_is_back(void);        /* it came from a program that was to be the next, and there is no way back */
/* ERR_BAD_REQUEST: it makes no sense, and nothing was taken. */
MUST_USE enum err handover_take(struct handover *h);
/* Becomes argv[0], found as a shell would, or the open file `program` if that is not -1. Returns only when that fails, with
 * everything as it was. */
void handover_give(const struct handover *h, int program, char **argv);
/* A handover that was not taken goes back to where it came from. Returns when there is no way back. */
void handover_refuse(char **argv);
/* The running program, to come back to; -1: it can't be opened. */
int handover_myself(void);
