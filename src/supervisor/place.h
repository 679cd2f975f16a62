/* supervisor/place.h - what a worker gets from its supervisor: its number, its sockets, and a line to it */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { PLACE_WORKERS_MAX = 64, PLACE_PATH_MAX = 108 };

/* Listening sockets, bound and listening, -1: none. They stay the supervisor's: closing them here does not close them. */
struct place {
    uint32_t worker, workers;       /* this one, of so many */
    int tls, cleartext;             /* shared by SO_REUSEPORT: this worker's own of the group */
    int own_tls;                    /* at this worker's own port, so that discovery can name it */
    int admin;                      /* at server.admin's port + worker */
    int link, link_local;           /* for other nodes: at node.link's port + worker, and a Unix socket at local_path */
    char local_path[PLACE_PATH_MAX];
    int control;                    /* for posthornctl, a Unix socket at control_path */
    char control_path[PLACE_PATH_MAX];
    int line;                       /* to the supervisor: place_say(); -1: there is none (server.workers = 0) */
};

enum place_word {
    PLACE_ALIVE,                    /* every PLACE_ALIVE_MS; silent for PLACE_SILENT_MS: it is taken for stuck */
    PLACE_READY,                    /* it serves */
};
enum { PLACE_ALIVE_MS = 250, PLACE_SILENT_MS = 5000 };

/* Never blocks; nothing when there is no supervisor. */
void place_say(const struct place *p, enum place_word word);
/* What came on the supervisor's end of a line since the last look: alive, ready. False: the line is broken. */
bool place_hear(int line, bool *is_alive, bool *is_ready);
