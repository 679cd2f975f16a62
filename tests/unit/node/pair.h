/* unit/node/pair.h - two nodes with links to each other in one process, and relays between them that can cut or stop */
#pragma once
#include "net/net.h"
#include "node/links.h"

enum { PAIR_SIDES = 2, PAIR_JOINTS = 32 };

struct pair;

/* One end: what it was told. Frames are FRAME_NOTICE with a number in timeline, from 1 on. */
struct pair_side {
    struct pair *pair;
    struct config config;
    struct net *net;
    struct links *links;
    struct links_self self;
    struct links_peer peer;         /* the other, as it is told */
    char path[128], relay_path[128];    /* of Unix sockets; or */
    uint16_t port, relay_port;      /* on loopback, under TLS */
    uint64_t said;                  /* to the other: the last number */
    uint64_t heard;                 /* of the other, in order: the last number */
    uint64_t sends, nothings;       /* heard: FRAME_SEND, and what stands in the place of one that perished */
    uint64_t frames, frames_turn;   /* heard; and the most in one turn */
    unsigned ups, downs, losts, strangers;
    bool takes_any;                 /* heard is not checked */
    bool answers;                   /* each frame by one of its own, from inside the call */
};

/* A connection through a relay. */
struct pair_joint {
    int from, to;                   /* -1: none */
    size_t passed;
};
struct pair {
    struct loop *loop;
    struct loop_timer tick;
    char directory[64];
    struct pair_side side[PAIR_SIDES];
    bool with_tls, with_relays;
    int relay[PAIR_SIDES];          /* listeners in front of each side */
    struct pair_joint joint[PAIR_JOINTS];
    size_t cut_after;               /* bytes of a connection, both ways; 0: never */
    unsigned cuts;
    bool is_frozen;                 /* relays pass nothing */
    bool is_inside;                 /* a call of links_send(): nothing may be told */
};

struct pair *pair_new(bool with_tls, bool with_relays);
void pair_free(struct pair **p);
/* Both know each other from here on. */
void pair_meet(struct pair *p);
/* A pair that has met, both streams up. */
struct pair *pair_up(bool with_tls, bool with_relays);
bool pair_all_heard(const struct pair *p);
/* The links of one side end, and are there again as that incarnation; the other is not told. */
void pair_restart(struct pair *p, int side, uint64_t incarnation);
/* That side is told of the other as it is now. */
void pair_tell(struct pair *p, int side);
/* One turn, at most a millisecond; for ms. */
void pair_turn(struct pair *p);
void pair_run(struct pair *p, unsigned ms);
/* The next number, with so many bytes more. False: refused. */
bool pair_say(struct pair *p, int side, size_t bytes);
/* A FRAME_SEND. */
void pair_ask(struct pair *p, int side);
struct links_stats pair_stats(struct pair *p, int side);
/* Turns until ok holds; fails after ten seconds. */
#define PAIR_UNTIL(p, ok)                                                                                      \
    do {                                                                                                       \
        for (unsigned pair_ms_ = 0; !(ok) && pair_ms_ < 10000; pair_ms_++)                                     \
            pair_run((p), 1);                                                                                  \
        assert_true(ok);                                                                                       \
    } while (0)
