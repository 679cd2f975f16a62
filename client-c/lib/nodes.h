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
    NODES_REFUSALS = 3,                 /* in a row: then another node is asked, and may refuse twice as often ... */
    NODES_DOUBLINGS = 5,                /* ... up to 96 times: a database that is away is no node's fault */
};

struct nodes {
    struct url given;               /* by the program: the last resort, for ever */
    struct url at[NODES_MOST];      /* as the server ranks them; given stands last, unless it is one of them */
    size_t count;                   /* at least 1 */
    size_t now;                     /* the one that connections are made to */
    size_t failed;                  /* in a row, without one that worked */
    unsigned moves;                 /* how often another one came into use */
    unsigned refusals, rounds;      /* of the node in use, in a row; nodes left for them since one served */
    bool is_front;                  /* the server does not name `given`: it may lead to any of the nodes */
    bool is_unkept;                 /* what is on disk is older */
    bool is_fixed;                  /* given alone, whatever a server says */
    uint64_t ask_ms;                /* when to ask for the list (clock_ms()) */
    bool has_asked;                 /* since the login: only the first answer moves us to a better node */
};

void nodes_init(struct nodes *n, const struct url *given);
/* What was known when the program last ran: a client whose node has gone knows where else to go. A file that is
 * missing, damaged or of another server changes nothing. */
void nodes_load(struct nodes *n, const char *dir);
/* False: errno says why. dir NULL: nothing is written. */
MUST_USE bool nodes_save(struct nodes *n, const char *dir);

const struct url *nodes_url(const struct nodes *n);
/* Whether the text is the address of the one in use. */
bool nodes_is_in_use(const struct nodes *n, const char *text);
/* No connection to u came about. True: there is another to be tried at once. */
bool nodes_failed(struct nodes *n, const struct url *u);
/* u is silent: the next connection goes elsewhere. False: there is no elsewhere. */
bool nodes_left(struct nodes *n, const struct url *u);
/* u says good-bye, as above; but an address that stands before the nodes leads to another one by itself. */
bool nodes_bade(struct nodes *n, const struct url *u);
/* A request that went out after so many moves was not answered in time, or the node could not serve it (5xx).
 * Neither says anything of a node that came into use later. */
void nodes_silent(struct nodes *n, unsigned moves);
void nodes_refused(struct nodes *n, unsigned moves);
/* It was served. */
void nodes_served(struct nodes *n);
/* A connection came about. */
void nodes_worked(struct nodes *n);
/* The answer of GET /v1/discover. Taken are addresses of the kind that the program gave (https stays https), and
 * those of this machine only when the given one is of this machine, too. True: the list changed. The first
 * list after a login moves the next connection to the best node, when the given address and it are one host: else
 * something stands before the nodes, and they may not be reachable from here. */
bool nodes_take(struct nodes *n, const struct posthorn_answer *a);
