/* supervisor/place.h - what a worker gets from its supervisor: its number, its sockets, and a line to it */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { PLACE_WORKERS_MAX = 64 };

/* Listening sockets, bound and listening, -1: none. They are the supervisor's: closing them here does not close them. */
struct place {
    uint32_t worker, workers;       /* this one, of so many */
    int tls, cleartext;             /* shared by SO_REUSEPORT: this worker's own of the group */
    int own_tls;                    /* at this worker's own port, so that discovery can name it */
    int admin;                      /* at server.admin's port + worker */
    int link, link_local;           /* for other nodes: TCP, and a Unix socket */
    char link_local_path[108];
    int line;                       /* to the supervisor: place_say() */
    bool is_alone;                  /* no supervisor: server.workers = 0 */
};

enum place_word {
    PLACE_ALIVE,                    /* every PLACE_ALIVE_MS; silent for PLACE_SILENT_MS: it is taken for stuck */
    PLACE_READY,                    /* it serves */
    PLACE_NODE,                     /* which node it is: id and incarnation, so that its death can be told */
    PLACE_LEFT,                     /* it told Postgres itself */
};
enum { PLACE_ALIVE_MS = 250, PLACE_SILENT_MS = 5000 };

/* Never blocks. */
void place_say(const struct place *p, enum place_word word, uint32_t node, uint64_t incarnation);
