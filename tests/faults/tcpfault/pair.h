/* faults/tcpfault/pair.h - one connection through the proxy: two sockets, and what is on its way between them */
#pragma once
#include "base/loop.h"
#include "tcpfault/address.h"
#include "tcpfault/commits.h"
#include "tcpfault/orders.h"

enum { PAIR_BYTES = 32 * 1024, PAIR_MARKS_MAX = 128, PAIRS_MAX = 4096 };

/* What happens when everything before it was written. */
enum pair_then { PAIR_GOES_ON, PAIR_FIN, PAIR_CUT, PAIR_RESET };

struct pair_mark {
    uint64_t due_ms;
    size_t bytes;
    enum pair_then then;
};

struct pair_way {                   /* a direction: from side[n] to the other one */
    struct pair *pair;
    unsigned n;
    uint8_t *bytes;
    size_t at, used, seen;          /* bytes[at..used) are to be written; those before seen are in marks */
    struct pair_mark mark[PAIR_MARKS_MAX];
    unsigned marks;
    bool has_eof, is_over, is_blocked, has_fin; /* over: what follows a cut is not read; fin: passed on */
    uint64_t hold_until_ms;
    struct loop_timer timer;
};

struct pair_side {
    struct pair *pair;
    unsigned n;                     /* ORDERS_UP: the client's, whose bytes go up */
    int fd;
    struct loop_io io;
};

struct pair {
    struct pairs *pairs;
    struct pair *next;
    bool is_connecting, has_hole, is_dead;
    struct pair_side side[ORDERS_WAYS];
    struct pair_way way[ORDERS_WAYS];
    struct commits commits;
};

struct pairs {
    struct loop *loop;
    struct orders *orders;
    const struct address *listen, *to;
    bool is_postgres;
    struct pair *first;
    unsigned open;
    uint64_t accepted, ended, bytes[ORDERS_WAYS];   /* ended: by an order */
};

/* Takes fd over. Where nobody listens there, it is reset. */
void pair_new(struct pairs *ps, int fd);
/* After an order: all are ended, or looked at anew (PASS: what was held back goes). */
void pair_all(struct pairs *ps, enum orders_act act);
/* Frees those that ended; not inside a callback. */
void pair_bury(struct pairs *ps);
