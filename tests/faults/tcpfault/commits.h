/* faults/tcpfault/commits.h - where in a connection to Postgres a transaction ends */
#pragma once
#include "tcpfault/orders.h"

/* So many Syncs may be unanswered; a connection with more of them is no longer followed. */
enum { COMMITS_OPEN_MAX = 256 };

struct commits {
    bool is_lost;                   /* not followed (any more): encrypted, say */
    bool has_started;               /* the packet that has no type is through */
    bool is_named;                  /* since the last Sync the statement was bound */
    bool must_cut, was_held;        /* behind the frame that is passing; at the frame that comes */
    bool has_failed, is_carried;    /* in the answers since the last ReadyForQuery; the transaction goes on behind it */
    unsigned asked;                 /* for encryption, and not answered */
    uint64_t left[ORDERS_WAYS];     /* of the frame that is passing */
    bool named[COMMITS_OPEN_MAX];   /* by Sync that waits for its ReadyForQuery, from first on */
    unsigned first, open;
};

enum commits_act { COMMITS_PASS, COMMITS_CUT, COMMITS_HOLD };

/* Of the next bytes of a direction: how many may pass before *act is due (or a rest that is no whole beginning of a
 * frame yet, which is to be given again with what follows). A struck commit is counted in order. */
size_t commits_take(struct commits *c, struct orders_commit *order, unsigned way, const uint8_t *p, size_t bytes,
                    enum commits_act *act);
