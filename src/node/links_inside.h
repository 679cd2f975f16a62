/* node/links_inside.h - what links are made of, for the files of this folder */
#pragma once
#include "net/dial.h"
#include "node/links.h"
#include "node/linksin.h"
#include "node/linksout.h"
#include <sys/queue.h>

enum { LINKS_NODES = 1024, LINKS_TICK_MS = 100 };

/* Another node; kept as long as we live, because its numbers go on when it comes back as the same incarnation. */
struct links_slot {
    struct links *links;
    uint32_t node;
    struct links_peer peer;         /* as links_set() told last */
    bool is_peer;
    struct linksout out;            /* what we say */
    struct linksin *in;             /* what it says; NULL: no stream */
    uint64_t in_incarnation;        /* whose frames were taken; 0: nobody's */
    uint64_t in_wanted;             /* the number of the next one */
    TAILQ_ENTRY(links_slot) dirty;
};

TAILQ_HEAD(links_slots, links_slot);
TAILQ_HEAD(linksin_list, linksin);

struct links {
    struct loop *loop;
    const struct config *config;
    struct links_self self;
    const struct links_events *events;
    void *ctx;
    SSL_CTX *tls;                   /* NULL: not needed yet */
    uint64_t tls_ms;                /* when it was read */
    struct links_slot *slot[LINKS_NODES];
    uint32_t nodes[LINKS_NODES], nodes_count;   /* those that have one */
    struct links_slots dirty;       /* have something to say at the flush */
    struct linksin_list ins, due, dead; /* streams of peers; those to be acknowledged are also in due */
    uint32_t strangers;             /* of ins: have not said who they are */
    struct loop_timer tick;
    uint64_t ticked_ms;
    struct links_stats stats;
};

/* It is reached by a Unix socket of this host, without a certificate. */
bool links_is_local(const struct links_peer *p);
/* We heard and said nothing for longer than a silent stream lives: the peers have given up what they were saying. */
bool links_stood_still(const struct links *l);
