/* net/conn.h - one connection from accept to burial, and the set of all of them */
#pragma once
#include "net/exchange_inner.h"
#include "net/h1.h"
#include "net/h2.h"
#include "net/net.h"
#include "net/peers.h"
#include "net/stream.h"

enum conn_phase {
    CONN_PROXY,                     /* the header of a proxy that we trust, before everything else */
    CONN_HANDSHAKE,                 /* TLS */
    CONN_SNIFF,                     /* in the clear: HTTP/2's preface, or a request line? */
    CONN_H1,
    CONN_H2,
    CONN_LINGER,                    /* we said our end, and read what the peer had sent meanwhile */
    CONN_DEAD,                      /* freed at the end of the turn */
};

struct conn_proxy;

struct conn {
    struct conn_set *set;
    struct stream stream;
    enum conn_phase phase;
    struct loop_timer timer;        /* one for all deadlines: fires, looks what is really due, sets again */
    uint64_t timer_at_ms;           /* UINT64_MAX: not set */
    uint64_t accepted_ms;           /* in LINGER: since when */
    uint64_t stalled_ms;            /* since when; 0: not */
    struct exchange_list exchanges, ready;  /* ready: have something to say at the flush */
    uint32_t begun_count;           /* exchanges that the handler writes pieces to */
    net_request_fn *fn;
    void *ctx;
    union {                         /* by is_http2 */
        struct h1 h1;
        struct h2 *h2;
    };
    struct peer *peer;              /* NULL: not known yet, or it was one too many */
    struct conn_proxy *proxy;       /* in that phase */
    uint8_t sniffed;                /* bytes of the preface that came */
    uint32_t lingered_bytes;
    bool is_http2, is_tls, is_trusted, is_dirty, is_draining, is_resuming;
    bool is_refused;                /* was one too many; is not counted as a connection */
    bool is_finishing;              /* end it when everything is sent */
    bool is_link;
    uint8_t address[PEERS_ADDRESS_BYTES];
    TAILQ_ENTRY(conn) link;         /* of the set's live or dead */
    TAILQ_ENTRY(conn) dirty;
};
TAILQ_HEAD(conn_list, conn);

struct conn_set {
    struct loop *loop;
    struct pool *pool;              /* the loop's: what a request takes comes from there */
    struct net_deadlines deadlines;
    struct net_stats stats;
    struct peers *peers;
    struct conn_list live, dirty, dead;
    struct exchange_list lost, ended;
    uint32_t connections_max, connections_per_ip_max, exchanges_max;
    uint32_t refused_count;         /* that were one too many and are told so */
    uint32_t handshakes;            /* steps of this turn */
    bool is_draining;
    bool is_over;                   /* more is unsent than unsent_max: whoever writes has to wait */
    uint64_t unsent_max;
    struct h2peer_settings *h2;     /* nghttp2's callbacks and options, the same for all */
    char peer_text[PEERS_TEXT_BYTES];       /* of the last conn_peer() */
    char date[96];                  /* of date_s, as the Date field wants it */
    uint64_t date_s;
    char in[STREAM_CHUNK_BYTES];    /* one for all: what is not used at once is copied */
    char out[64 * 1024];
};

struct conn_set *conn_set_new(struct loop *l, const struct config *c);
void conn_set_free(struct conn_set **set);
void conn_set_flush(struct conn_set *set);
void conn_set_drain(struct conn_set *set);

/* How a listener wants its connections. */
struct conn_how {
    SSL_CTX *tls;                   /* NULL: in the clear */
    net_request_fn *fn;
    void *ctx;
    bool is_link;                   /* to another node: neither counted nor turned away, and no drain ends it */
    bool is_proxied;                /* address is a proxy's, whose header comes first and names the peer */
};
/* Takes over fd. Closes when there are too many; in the clear it says so. */
void conn_accept(struct conn_set *set, int fd, const struct sockaddr *address, struct conn_how how);
/* Writes what is due, and looks for room. */
void conn_flush(struct conn *c);
/* Something is to be written, or to be done at the flush. */
void conn_touch(struct conn *c);
/* A wait begins that ends in wait_ms at the latest. */
void conn_due_in(struct conn *c, uint32_t wait_ms);
/* Goes on with what came already, in the loop's next round. */
void conn_resume(struct conn *c);
/* Ends it when everything is sent; reads nothing more meanwhile. */
void conn_finish(struct conn *c);
/* Closes at once; its exchanges are lost. Never inside nghttp2's callbacks. */
void conn_kill(struct conn *c);
/* Sends parts and keeps time of refused bytes; false: the connection is dead. */
bool conn_write(struct conn *c, const struct iovec *parts, int count);
/* Sends parts and keeps time of refused bytes; of what the socket does not take only the first keep_bytes are
 * kept here, and *taken says how much the caller is rid of. Only when nothing is kept. False: dead. */
bool conn_offer(struct conn *c, const struct iovec *parts, int count, size_t keep_bytes, size_t *taken);
/* "Date" of this second. */
struct text conn_set_date(struct conn_set *set);
uint64_t conn_now(const struct conn *c);
/* The peer's address as text, until the next call. */
const char *conn_peer(const struct conn *c);
