/* lib/lanes.h - the way in use, and the one that is tried beside it: before one is left the other works */
#pragma once
#include "lib/lane.h"

struct lanes {
    struct ways ways;
    struct lane at[2];
    unsigned current;           /* which of them is in use */
    uint64_t due_ms;            /* nothing is open: when to begin */
    uint64_t try_ms;            /* not before this is another way tried beside */
    uint64_t since_ms;          /* since when nothing works; 0: something does */
    bool is_moving;             /* another choice was made: leave the one in use for it */
    struct posthorn_problem last;       /* why something last did not work */
    char words[200];            /* of the way in use; "": none */
};

enum {
    LANES_OFFLINE_MS = 12 * 1000,   /* nothing has worked for so long: people are told */
    LANES_MOVE_MS = 300,            /* the most that a move to another node waits, so that not all come at once */
};

/* A choice of ways (api: posthorn_set_transport()); false: there is none such. */
MUST_USE bool lanes_choose(struct posthorn *p, enum posthorn_transport transport, enum posthorn_http http);
/* Everything may begin now. */
void lanes_start(struct posthorn *p, uint64_t now_ms);
/* Another node is in use: the way in use is opened there, too, and left here when it works. */
void lanes_move(struct posthorn *p);
/* Closes all. */
void lanes_stop(struct posthorn *p);
/* Closes all; begins again at due_ms. */
void lanes_restart(struct posthorn *p, uint64_t due_ms);
void lanes_step(struct posthorn *p, uint64_t now_ms);
uint64_t lanes_due_ms(const struct posthorn *p);
/* Everything up to the cursor was handed on. */
void lanes_ack(struct posthorn *p);
/* A batch came; is_empty: without events. */
void lanes_heard(struct posthorn *p, bool is_empty, uint64_t now_ms);
/* The connections beside p->http, at most 2; answers how many. */
size_t lanes_https(const struct posthorn *p, struct http *at[static 2]);
/* For requests that have failed, or whose version is no longer wanted: those of the way in use, when nothing
 * is under way on the old ones. */
void lanes_lend(struct posthorn *p);
