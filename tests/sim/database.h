/* sim/database.h - the Postgres that all nodes share: a log of what was committed, and what follows from it
 *
 * It never forgets by itself. A failover that loses its tail cuts the log, and everything else follows.
 */
#pragma once
#include "sim/world.h"
#include "store/append.h"
#include "store/node.h"

enum {
    DATABASE_USERS = 12, DATABASE_CONVERSATIONS = 24, DATABASE_BODY = 48, DATABASE_EFFECTS = 2,
    DATABASE_DEATHS = 8, DATABASE_EVICTED = 64,
};

struct database_row {               /* what one append left behind */
    enum event_kind kind;
    uint64_t conversation, from, seq, id, hash, at_us;
    struct key key;
    uint32_t node;
    char body[DATABASE_BODY];
    uint32_t body_bytes;
    uint32_t users;                 /* recipients */
    uint64_t user[DATABASE_USERS], i[DATABASE_USERS];
    uint32_t effects;
    struct {
        enum append_effect_kind kind;
        uint64_t user;
        enum role role;
    } effect[DATABASE_EFFECTS];
};

struct database_conversation {
    uint64_t id, last_seq, last_id;
    enum conversation_kind kind;
    uint32_t epoch, count;
    struct member member[DATABASE_USERS];   /* in rising order of user */
};

struct database_box {               /* an inbox: which rows stand in it */
    uint32_t *row;
    uint32_t count, room;
};

struct database_lost {              /* was acknowledged perhaps, and went with a failover */
    uint64_t from;
    struct key key;
};

struct database_node {
    struct node_row row;            /* texts: borrowed from below */
    char name[32], link[32], host[32];
    uint64_t joined_us, lease_us;   /* lease: until then */
    uint64_t reserved;
    uint64_t death_us[DATABASE_DEATHS];     /* the last unclean ends, newest first; 0: none */
};

struct database {
    struct database_row *row;
    uint32_t count, room;
    struct database_conversation conversation[DATABASE_CONVERSATIONS], first[DATABASE_CONVERSATIONS];
    uint32_t conversations;
    struct database_box box[DATABASE_USERS + 1];    /* by user, from 1 */
    uint32_t users;
    uint64_t timeline, down_until_us, started_us;
    struct database_lost *lost;
    uint32_t lost_count;
    uint64_t failover_us;           /* the last one that lost something */
    uint64_t cut_until_us[WORLD_NODES];     /* a node can't reach it until then; by number of the process */
    uint32_t unknown;               /* of a thousand commits, the answer gets lost */

    struct database_node node[WORLD_NODES + 1];
    uint32_t nodes;
    uint64_t incarnations, epoch, nodes_version;
    struct ring *ring;
    struct {                        /* of all that, as a standby may have it: before the last change */
        struct database_node node[WORLD_NODES + 1];
        uint32_t nodes;
        uint64_t epoch, nodes_version;
        struct ring *ring;
    } behind;
    uint64_t evicted_us[DATABASE_EVICTED];
    uint32_t evicted;               /* ever */
};

/* What an append is told. */
struct database_answer {
    enum err err;
    bool is_duplicate;
    uint64_t seq, id;
    uint64_t i[DATABASE_USERS];
};

struct database *database_new(void);
uint64_t database_user(struct database *d);
uint64_t database_conversation(struct database *d, enum conversation_kind kind, const uint64_t *users, uint32_t count);
struct database_conversation *database_find(struct database *d, uint64_t conversation);
/* One item of a transaction, by node, with a fresh id: the checks of store/append.h, and the rows if they hold. */
void database_append(struct database *d, const struct append *a, uint64_t id, uint32_t node, struct database_answer *out);
/* The row at place i of a user's inbox; NULL: there is none. */
const struct database_row *database_at(const struct database *d, uint64_t user, uint64_t i);
/* A standby without the newest rows takes over, with another timeline: at most so many are lost. */
void database_fail_over(struct database *d, uint32_t lost_most);
/* The standby has what stands now; the next change it may miss. */
void database_note_nodes(struct database *d);
bool database_is_lost(const struct database *d, uint64_t from, struct key key);
/* The row of a key; NULL: it was never committed, or is lost. */
const struct database_row *database_by_key(const struct database *d, uint64_t from, struct key key);
