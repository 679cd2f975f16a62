/* store/request.h - reads and small writes: each a transaction of a few stages, on the next free lane
 *
 * A kind says what to send in each stage, and takes the results. A stage is sent when the results of the one before
 * it are there; the last one carries the sync. A read whose connection breaks is tried again on another one; a write
 * whose commit may have happened ends with ERR_STORE_DOWN.
 */
#pragma once
#include "base/op.h"
#include "store/pg.h"

struct request;
struct request_kind {
    const char *name;               /* for logs */
    uint32_t stages;
    bool is_split;                  /* reads: each stage is a transaction of its own, and may go behind others */
    bool (*needs)(const struct request *r, uint32_t stage);     /* of a split one: whether that stage, not the first, is due */
    enum err conflict;              /* what a violated unique key of conflict_table means; of others: our bug */
    const char *conflict_table;
    void (*send)(struct request *r, struct pg *pg, struct encode *e, uint32_t stage);
    /* The nth result of a stage. Anything but ERR_OK rolls back, unless it is the last stage's, and ends the
     * request; it is not called again then. */
    enum err (*take)(struct request *r, uint32_t stage, uint32_t nth, const PGresult *result);
    void (*ended)(struct request *r, enum err err);     /* of a request without an op */
};

/* Begins the struct of every request: from request_new(), freed by request.c. */
struct request {
    const struct request_kind *kind;
    struct request *next;
    struct op *op;
    uint64_t deadline_ms;
    uint32_t tries;
    uint32_t stage;                 /* of a split one: where it goes on */
};

enum { REQUEST_LANES_MAX = 16 };

struct request_lane {
    struct pg pg;
    struct request_pool *pool;
    struct request *at;             /* what runs here, or NULL */
    struct request *behind, **behind_last;  /* and what was sent behind it, in order */
    struct encode encode;
    uint32_t stage, nth;
    enum err err;
    bool is_synced;                 /* its sync was sent: a write may stand from here on */
    bool is_retry;                  /* it lost against another transaction: again */
};

struct request_pool {
    struct loop *loop;
    struct request *first, **last;
    struct loop_timer timer;        /* looks after deadlines while something waits */
    uint64_t down_ms;               /* since when no lane was up; 0: one is */
    uint32_t queued, queued_max, lanes_count;
    uint64_t done;
    struct request_lane lane[REQUEST_LANES_MAX];
};

void request_pool_init(struct request_pool *p, struct loop *l, const char *conninfo, enum pg_role role,
                       uint32_t lanes, uint32_t queued_max);
/* What waits or runs ends with ERR_STORE_DOWN. */
void request_pool_fini(struct request_pool *p);
uint32_t request_pool_up(const struct request_pool *p);     /* lanes */

/* A zeroed request of bytes, which begin with a struct request. */
void *request_new(size_t bytes, const struct request_kind *kind);
/* Queues r, which is the pool's from here on; wakes op (or calls ended) with its end: what take() said, or ERR_STORE_DOWN,
 * ERR_TIMEOUT, ERR_BUSY, ERR_INTERNAL. */
void request_start(struct request_pool *p, struct request *r, struct op *op);
