/* faults/devices/options.h - what posthorn-devices is told */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { OPTIONS_URLS_MOST = 16 };

struct options {
    const char *url[OPTIONS_URLS_MOST];     /* of the nodes; devices begin at one after the other */
    uint32_t urls;
    const char *ca;                         /* PEM; NULL: the system's */
    const char *conninfo;                   /* of the server's database: what is there at the end is asked from it */
    const char *dir;                        /* for devices.history */
    const char *state;                      /* for the clients' own files; best in memory */
    uint32_t devices, accounts, groups;
    uint64_t messages;                      /* that are sent */
    uint32_t rate;                          /* a second; 0: as fast as they are answered */
    uint32_t seconds;                       /* then no more are sent; 0: no bound */
    uint32_t quiet_s;                       /* in which all must have caught up */
    uint32_t seed;
};

/* False: said why on standard error. */
bool options_read(struct options *o, int argc, char **argv);
