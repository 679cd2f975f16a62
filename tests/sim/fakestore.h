/* sim/fakestore.h - store/store.h and its neighbours on the database in memory
 *
 * Every question goes to the database and comes back, each way takes its time, and may be cut. store_new() takes
 * config.node_id for the number of the process.
 */
#pragma once
#include "sim/database.h"
#include "store/conversation.h"
#include "store/inbox.h"
#include "store/store.h"

struct store {
    struct loop *loop;
    struct snowflake *ids;
    struct database *database;
    uint32_t process;
    uint64_t era;                   /* of the process */
    struct append *first, **last;   /* waiting for a lane */
    struct fakestore_lane {
        bool is_busy;
        uint64_t down_until_us;
        struct append **at;         /* in flight */
        uint32_t count;
    } lane[3];
    uint64_t timeline, down_since_ms;
    struct loop_timer look, tick;
    struct store_stats stats;
};

/* Whether the process is still the one that made it. */
bool fakestore_is_alive(const struct store *s);
/* The database of all stores from here on. */
void fakestore_use(struct database *d);

/* A question: asked at the database, answered at the node. Made with calloc(), first in a struct of its kind. */
struct fakestore_question {
    struct store *store;
    struct op *op;
    uint64_t deadline_us;
    enum err err;
    enum err (*ask)(struct fakestore_question *q, struct database *d);      /* at the database */
    void (*tell)(struct fakestore_question *q);                     /* at the node, unless err; with ERR_EXISTS too */
};
void fakestore_ask(struct store *s, struct fakestore_question *q, struct op *op);
