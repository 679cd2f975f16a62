/* node/linksin.h - a stream of frames from another node */
#pragma once
#include "net/exchange.h"
#include "node/linksread.h"
#include <sys/queue.h>

struct links;
struct links_slot;

struct linksin {
    struct links *links;
    struct exchange *x;             /* NULL: over, freed at the next flush */
    struct links_slot *slot;        /* NULL: has not said who it is */
    uint64_t heard_ms, said_ms;
    struct linksread read;
    bool is_due;                    /* to be acknowledged */
    TAILQ_ENTRY(linksin) link;      /* of ins or dead */
    TAILQ_ENTRY(linksin) due;
};

/* links_request(). */
void linksin_request(struct links *l, struct exchange *x);
/* Ends it; twice is fine. */
void linksin_end(struct linksin *in, const char *why);
void linksin_end_all(struct links *l, const char *why);
/* One ACK on each stream that had something to hear; frees those that are over. */
void linksin_flush(struct links *l);
/* Pings, and ends those that are silent. */
void linksin_tick(struct links *l, uint64_t now_ms, bool looks_away);
