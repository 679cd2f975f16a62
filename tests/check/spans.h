/* check/spans.h - who was a member of what, from which seq to which: from the events of members, backwards
 *
 * The members at the end are in the member table. Going back from there, an event that says "joined" begins a
 * membership, one that says "left" or "removed" ends one, and who is left at the beginning was there from seq 1. Both
 * events themselves belong to the membership.
 */
#pragma once
#include "check/database.h"

struct span {
    uint64_t user, from, to;        /* to: UINT64_MAX of who is still there */
    uint64_t newest;                /* seq in the user's inbox so far */
    size_t bit;                     /* where the seqs of this span begin in .seen */
};
struct spans {
    struct span *span;              /* by conversation, user and from */
    size_t count;
    uint64_t *seen;                 /* a bit for each seq of each span: an inbox row has it */
};

/* Events and table that contradict each other are violations of I4. */
void spans_make(struct spans *s, struct database *d, struct verdicts *v);
/* The membership of a user at a seq; NULL: is no member then. */
struct span *spans_find(const struct spans *s, const struct database_conversation *c, uint64_t user,
                        uint64_t seq);
/* Whether an inbox row of this seq was seen; and says that one was. A seq far above the number of rows has no bit: it
 * counts as seen, since the hole below it was told already. */
bool spans_has_seen(const struct spans *s, const struct database_conversation *c, const struct span *span,
                    uint64_t seq);
void spans_see(struct spans *s, const struct database_conversation *c, const struct span *span, uint64_t seq);
/* What the driver knew of a membership stands like that: a violation of I4 if not. seq and to as in a record of
 * HISTORY_MEMBER. */
void spans_compare(const struct spans *s, const struct database *d, uint64_t conversation, uint64_t user,
                   uint64_t seq, uint64_t to, uint64_t ns, struct verdicts *v);
void spans_fini(struct spans *s);
