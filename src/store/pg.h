/* store/pg.h - one connection to Postgres, asynchronous and always in pipeline mode
 *
 * It connects by itself, for ever: 50 ms to 5 s between two tries, with full jitter. The owner is told when it is up
 * and when it was lost; in between it sends statements and hears of their results in order. What stands between
 * two pg_sync() is one transaction: it commits when the sync is answered, and an error takes all of it back.
 */
#pragma once
#include "base/loop.h"
#include "store/encode.h"
#include "store/sql.h"
#include <libpq-fe.h>

/* What a connection is for decides its session settings. */
enum pg_role {
    PG_COMMITS,                     /* the group commit: plans that lock in the order of their arrays */
    PG_READS,                       /* REPEATABLE READ, read only: a transaction sees one moment */
    PG_WRITES,                      /* everything else that writes */
};

enum { PG_BEHIND_MAX = 31 };

enum pg_state { PG_DOWN, PG_CONNECTING, PG_PREPARING, PG_UP };

/* Called from inside loop_wait() only. Each may send, and may pg_drop(). */
struct pg_calls {
    void (*up)(void *ctx);
    void (*result)(void *ctx, const PGresult *r);   /* one a statement; also errors, and what they aborted */
    void (*synced)(void *ctx);
    void (*lost)(void *ctx);                        /* what was not answered never will be */
};

struct pg {
    struct loop *loop;
    const char *conninfo;           /* the caller's, as long as this lives */
    enum pg_role role;
    const struct pg_calls *calls;
    void *ctx;

    PGconn *conn;                   /* NULL while down */
    struct loop_io io;
    struct loop_timer timer;        /* down: try again; up: the deadline of what was sent; else: of connecting */
    enum pg_state state;
    uint32_t awaited;               /* statements and syncs of the oldest transaction without an answer */
    bool is_synced;                 /* the last of them is a sync */
    uint32_t behind;                /* transactions behind it, and of each what is awaited, from behind_first on */
    uint32_t behind_first, behind_awaited[PG_BEHIND_MAX];
    uint32_t failures;              /* tries in a row that led to nothing */
    uint64_t ups;                   /* how often it came up */
    bool is_broken;                 /* a send failed: lost as soon as the stack is unwound */
    bool warned;                    /* since pg_begin(): the commit may stand here alone (class 01 or 57) */
};

void pg_init(struct pg *pg, struct loop *l, const char *conninfo, enum pg_role role, const struct pg_calls *calls,
             void *ctx);
void pg_fini(struct pg *pg);        /* tells nobody */

/* A transaction begins; it is lost when it is not over within wait_ms. Only when up and nothing is awaited. */
void pg_begin(struct pg *pg, uint64_t wait_ms);
/* One more is sent while others are not answered: of statements that are all sent, and synced, before anything else is,
 * so without pg_flush(). At most PG_BEHIND_MAX, and only when the last one was synced. */
void pg_begin_behind(struct pg *pg);
/* The one that is the oldest now is lost when it is not over within wait_ms. */
void pg_wait(struct pg *pg, uint64_t wait_ms);
void pg_send(struct pg *pg, enum sql q, const struct encode *e);
void pg_flush(struct pg *pg);       /* asks for the results so far; the transaction goes on */
void pg_sync(struct pg *pg);        /* the transaction ends here */
void pg_end(struct pg *pg);         /* its owner has heard everything: no deadline any more */
/* Gives the connection up (the owner hears lost), and connects again. why is a word for the log. */
void pg_drop(struct pg *pg, const char *why);

/* The statement that makes the session of a role what it is. */
const char *pg_session(enum pg_role role);
/* The five characters of an error result; "" for one without. */
const char *pg_sqlstate(const PGresult *r);
