/* faults/tcpfault/orders.h - what the proxy was told to do to connections */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The two directions: what clients send, what they are answered. */
enum { ORDERS_UP, ORDERS_DOWN, ORDERS_WAYS };
enum { ORDERS_LINE_BYTES = 256, ORDERS_NAME_BYTES = 64 };

enum orders_moment { ORDERS_NEVER, ORDERS_BEFORE, ORDERS_AFTER, ORDERS_REPLY, ORDERS_HOLD };

struct orders_commit {
    enum orders_moment moment;      /* NEVER when none is left */
    uint64_t left, hold_ms, struck; /* struck: how many so far, of all orders */
    char statement[ORDERS_NAME_BYTES];  /* "": every transaction */
};
struct orders_cut {                 /* the connection that carries the last of so many bytes ends there */
    bool is_armed, is_reset;
    uint64_t left;
};

struct orders {                     /* all zero: everything passes */
    bool refuses;
    bool swallows[ORDERS_WAYS], stalls[ORDERS_WAYS];
    size_t slice_bytes;             /* 0: as they come */
    uint64_t delay_ms;
    struct orders_cut cut[ORDERS_WAYS];
    struct orders_commit commit;
};

/* What remains to be done at once, to all connections. */
enum orders_act { ORDERS_NOTHING, ORDERS_PASS, ORDERS_CUT, ORDERS_RESET, ORDERS_STATUS };

/* Takes one order (tcpfault.c says the words) in line, which it takes apart. NULL: it is one, and *act is what to do;
 * else why it is none, and nothing changed. */
const char *orders_take(struct orders *o, char *line, enum orders_act *act);
/* One more commit was struck. */
void orders_struck(struct orders_commit *c);
