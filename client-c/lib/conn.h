/* lib/conn.h - one connection and the exchanges on it: HTTP/2 carries many, HTTP/1.1 one after the other */
#pragma once
#include "lib/exchange.h"
#include "lib/h1.h"
#include "lib/h2.h"
#include "lib/link.h"

enum {
    CONN_QUIET_MS = 15 * 1000,      /* silence with work outstanding: ask with a PING */
    CONN_PONG_MS = 10 * 1000,       /* and no byte after it: broken, whatever TCP says */
    CONN_PRIOR_MS = 3 * 1000,       /* HTTP/2 without being asked: the server's settings come by then */
    CONN_REUSE_MS = 30 * 1000,      /* HTTP/1.1: an older idle one may be closing right now */
};

enum conn_protocol { CONN_UNKNOWN, CONN_H1, CONN_H2 };

struct conn {
    struct link link;
    struct url url;
    unsigned moves;                 /* of the nodes, when it was made */
    bool has_left;                  /* it was told that this one ends, or fell silent */
    bool is_retired;                /* takes nothing more, and closes when it has nothing open */
    enum conn_protocol wants;       /* CONN_UNKNOWN: both are offered */
    bool takes_pushes;
    enum conn_protocol speaks;      /* known once the link is open */
    struct h2 *h2;
    struct h1 h1;
    struct exchange_list open;      /* on this connection */
    struct exchange_list *finished; /* where ended ones go */
    bool fell_silent;               /* not a byte came for an answer or a PING: closed for that */
    uint64_t heard_ms;              /* when bytes last came */
    uint64_t pinged_ms;             /* 0: no PING is out */
    LIST_ENTRY(conn) entry;
};

/* Begins to connect. Ended exchanges are moved to *finished. */
struct conn *conn_new(const struct url *u, const struct proxy *proxy, SSL_CTX *tls, enum conn_protocol wants,
                      bool takes_pushes, struct exchange_list *finished, uint64_t now_ms);
/* Whether it would take another exchange now. */
bool conn_has_room(const struct conn *c, uint64_t now_ms);
void conn_begin(struct conn *c, struct exchange *x);
/* Ends an open exchange with the given end. On HTTP/1.1 that costs the connection. */
void conn_end(struct conn *c, struct exchange *x, enum exchange_end end);
/* Reads, writes and keeps watch, without waiting. */
void conn_step(struct conn *c, uint64_t now_ms);
/* When conn_step() is due even if no byte comes; UINT64_MAX: never. */
uint64_t conn_due_ms(const struct conn *c);
bool conn_is_closed(const struct conn *c);
/* Whether the server said that this connection will end (RFC 9113, 6.8). */
bool conn_is_leaving(const struct conn *c);
/* Ends what is open (lost, or unsent when the link never opened) and closes. */
void conn_free(struct conn **c);
