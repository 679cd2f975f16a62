/* lib/nodes.h - where the next connection goes: the server's nodes, and which of them is in use */
#pragma once
#include "lib/check.h"
#include "lib/url.h"
#include <stddef.h>
#include <stdint.h>

struct posthorn_answer;

enum {
    NODES_MOST = 17,                    /* 16 that the server named, and the address that the program gave */
    NODES_ASK_MS = 10 * 60 * 1000,      /* a list is this old at most, when there is something to do anyway */
    NODES_AGAIN_MS = 30 * 1000,         /* after a question that was not answered */
};

struct nodes {
    struct url given;               /* by the program: the last resort, for ever */
    struct url at[NODES_MOST];      /* as the server ranks them; given stands last, unless it is one of them */
    size_t count;                   /* at least 1 */
    size_t now;                     /* the one that connections are made to */
    size_t failed;                  /* in a row, without one that worked */
    unsigned moves;                 /* how often another one came into use */
    bool is_fixed;                  /* given alone, whatever a server says */
    uint64_t ask_ms;                /* when to ask for the list (clock_ms()) */
    bool has_asked;                 /* since the login: only the first answer moves us to a better node */
};

void nodes_init(struct nodes *n, const struct url *given);
/* What was known when the program last ran: a client whose node has gone knows where else to go. A file that is
 * missing, damaged or of another server changes nothing. */
void nodes_load(struct nodes *n, const char *dir);
/* False: errno says why. dir NULL: nothing is written. */
MUST_USE bool nodes_save(const struct nodes *n, const char *dir);

const struct url *nodes_url(const struct nodes *n);
/* No connection to u came about. True: there is another to be tried at once. */
bool nodes_failed(struct nodes *n, const struct url *u);
/* u says good-bye, or is silent: the next connection goes elsewhere. False: there is no elsewhere. */
bool nodes_left(struct nodes *n, const struct url *u);
/* A connection came about. */
void nodes_worked(struct nodes *n);
/* The answer of GET /v1/discover. Taken are addresses of the kind that the program gave (https stays https), and
 * those of this machine only when the given one is of this machine, too. True: the list changed. The first
 * list after a login moves the next connection to the best node, when the given address and it are one host: else
 * something stands before the nodes, and they may not be reachable from here. */
bool nodes_take(struct nodes *n, const struct posthorn_answer *a);
