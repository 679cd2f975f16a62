/* lib/client.h - the inside of struct posthorn, and what its parts ask of each other */
#pragma once
#include "lib/backoff.h"
#include "lib/cursor.h"
#include "lib/http.h"
#include "lib/lanes.h"
#include "lib/outbox.h"
#include "lib/session.h"
#include "lib/nodes.h"
#include "lib/wire.h"

/* Of the requests, of the way in use and of one beside it; each of these two has one or none. */
enum { CLIENT_FDS_MOST = HTTP_CONNS_MOST + 4 };

enum client_note_kind { NOTE_SENT, NOTE_REFUSED, NOTE_ONLINE, NOTE_WAY, NOTE_TYPING };

/* Something to tell the program at the next dispatch. */
struct client_note {
    enum client_note_kind kind;
    char key[ULID_BYTES + 1];
    char conversation[24];
    char id[24];            /* of the message; of who types */
    uint64_t seq;
    bool is_online;
    char way[200];
    struct posthorn_problem why;
    TAILQ_ENTRY(client_note) entry;
};

TAILQ_HEAD(client_notes, client_note);

struct deliver {
    struct backoff backoff;
    uint64_t not_before_ms;     /* clock_ms() */
    unsigned sending;           /* requests under way */
    bool is_stopped;            /* logged out: nothing is sent until the next login */
    bool has_hurried;           /* once since the last answer: sent again without waiting, as a connection broke */
};

enum receive_state {
    RECEIVE_OFF,
    RECEIVE_DUE,                /* the cursor is of no use: asks for a snapshot when at_ms has come */
    RECEIVE_ASKING,             /* for the snapshot */
    RECEIVE_RESYNC,             /* a snapshot waits for the dispatch */
    RECEIVE_ON,                 /* events come, by the ways of `lanes` */
};

struct receive_batch {
    struct posthorn_answer *answer;
    size_t bytes;
    TAILQ_ENTRY(receive_batch) entry;
};

TAILQ_HEAD(receive_batches, receive_batch);

struct receive {
    enum receive_state state;
    int lock;                   /* descriptor of the lock file; -1: none */
    uint64_t at_ms;             /* RECEIVE_DUE: when */
    uint32_t hold_s;            /* how long a poll waits now: halved when the network cuts it */
    unsigned gaps;              /* in a row */
    struct backoff backoff;     /* of snapshots and gaps */
    struct exchange *request;   /* RECEIVE_ASKING */
    struct posthorn_answer *snapshot;   /* RECEIVE_RESYNC */
    struct receive_batches queue;       /* for the dispatch */
    size_t queued_bytes;
    bool is_behind;             /* more came than may wait: nothing is open until the queue is empty */
    bool is_unsaved;            /* the cursor went on since it was written */
    unsigned unacked;           /* events that were handed on since the last word about it */
    uint64_t unacked_ms;        /* since when */
    char head[64];              /* the newest cursor that the server spoke of; "": ours is */
    uint64_t head_ms;
    struct lanes lanes;
};

struct posthorn {
    struct nodes nodes;
    struct exchange *discovery; /* the question for the nodes that is under way; NULL: none */
    char server[280];           /* scheme and authority */
    SSL_CTX *tls;
    struct http *http;          /* of the requests; often of the events, too */
    enum conn_protocol wants, http_wants;       /* what was chosen; what http was made for */
    bool is_http_failing;       /* its last request got no answer */
    bool knows_h2;              /* it has been answered over HTTP/2 */
    bool avoids_h2;             /* over cleartext what answers does not understand it */
    bool borrows_http;          /* a better connection may be open: see lanes_lend() */
    unsigned asking;            /* calls that wait for an answer */
    struct proxy proxy;
    char *state_dir;            /* NULL: nothing is kept */
    uint32_t request_ms, poll_s;
    struct posthorn_callbacks on;
    struct session session;
    struct cursor cursor;
    struct outbox outbox;
    struct ulid_source keys;
    struct deliver deliver;
    struct receive receive;
    struct client_notes notes;
    bool is_online, knows_online;
    bool is_dispatching;
    struct posthorn_problem why;
};

/* Everything but the callbacks: sockets, outbox, receiving. */
void client_pump(struct posthorn *p);
/* client_pump() is due in so many ms; -1: only by descriptors. */
int client_due_ms(const struct posthorn *p);
/* Descriptors to wait for; at most room, answers how many. */
size_t client_fds(const struct posthorn *p, struct pollfd *at, size_t room);
/* Waits for descriptors and timeouts, at most wait_ms. */
void client_poll(struct posthorn *p, uint32_t wait_ms);
/* Fills p->why with a problem of our own and answers status. */
enum posthorn_status client_fail(struct posthorn *p, enum posthorn_status status, const char *code,
                                 const char *detail);
/* How an ended exchange is to be told; *why is filled unless it is POSTHORN_OK. */
enum posthorn_status client_verdict(const struct posthorn *p, const struct exchange *x,
                                    struct posthorn_problem *why);
/* The way to the server works, or does not: noted when that is news. */
void client_online(struct posthorn *p, bool is_online, const struct posthorn_problem *why);
struct client_note *client_note(struct posthorn *p, enum client_note_kind kind);
const char *client_token(const struct posthorn *p);     /* NULL: no session */
/* An id of the server: 1..20 digits. */
bool client_is_id(const char *text);
/* New connections to the server. takes_pushes: they say so. */
struct http *client_http(struct posthorn *p, enum conn_protocol wants, bool takes_pushes);
/* A connection that h made broke before an answer. Over cleartext nobody negotiates: true if HTTP/1.1 is to be
 * tried from now on. */
bool client_fall_back(struct posthorn *p, const struct http *h);
/* Fresh connections for the requests; none may be under way. */
void client_renew_http(struct posthorn *p);
/* Whether no request is under way on p->http, but what the ways opened there. */
bool client_is_idle(const struct posthorn *p);
