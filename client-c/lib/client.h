/* lib/client.h - the inside of struct posthorn, and what its parts ask of each other */
#pragma once
#include "lib/backoff.h"
#include "lib/cursor.h"
#include "lib/http.h"
#include "lib/outbox.h"
#include "lib/session.h"
#include "lib/url.h"
#include "lib/wire.h"

enum client_note_kind { NOTE_SENT, NOTE_REFUSED, NOTE_ONLINE };

/* Something to tell the program at the next dispatch. */
struct client_note {
    enum client_note_kind kind;
    char key[ULID_BYTES + 1];
    char conversation[24];
    char id[24];
    uint64_t seq;
    bool is_online;
    struct posthorn_problem why;
    TAILQ_ENTRY(client_note) entry;
};

TAILQ_HEAD(client_notes, client_note);

struct deliver {
    struct backoff backoff;
    uint64_t not_before_ms;     /* clock_ms() */
    unsigned sending;           /* requests under way */
    bool is_stopped;            /* logged out: nothing is sent until the next login */
};

enum receive_state {
    RECEIVE_OFF,
    RECEIVE_DUE,                /* asks when at_ms has come */
    RECEIVE_ASKING,             /* a poll or a snapshot is under way */
    RECEIVE_BATCH,              /* events wait for the dispatch */
    RECEIVE_RESYNC,             /* a snapshot waits for the dispatch */
};

struct receive {
    enum receive_state state;
    bool needs_snapshot;        /* the cursor is of no use */
    int lock;                   /* descriptor of the lock file; -1: none */
    uint64_t at_ms;             /* RECEIVE_DUE: when; RECEIVE_ASKING: since when */
    uint32_t hold_s;            /* how long a poll waits now: halved when proxies cut it */
    unsigned gaps;              /* in a row */
    struct backoff backoff;
    struct exchange *request;   /* RECEIVE_ASKING */
    struct posthorn_answer *answer;     /* RECEIVE_BATCH, RECEIVE_RESYNC */
};

struct posthorn {
    struct url url;
    char server[280];           /* scheme and authority */
    SSL_CTX *tls;
    struct http *http;
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
/* Adds text to a URL, percent-encoded. */
void client_escape(struct buf *to, const char *text);
