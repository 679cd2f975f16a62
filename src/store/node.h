/* store/node.h - who the nodes are and who is home to what, as Postgres knows it
 *
 * A node is a row with a lease that only Postgres's clock judges; the table of slots is one row under an epoch. The
 * calls are like those of store.h: asynchronous, what they are given lives until the op is woken, and each ends within
 * LIMIT_STORE_MS with ERR_STORE_DOWN, ERR_TIMEOUT or ERR_BUSY when it can't.
 */
#pragma once
#include "base/arena.h"
#include "base/op.h"
#include "base/text.h"
#include "model/ring.h"

struct store;

enum node_state {
    NODE_JOINING = 0,               /* not in a table yet */
    NODE_MEMBER = 1,
    NODE_DRAINING = 2,              /* serves who is there, and owns nothing in the next table */
    NODE_DEAD = 3,                  /* said so itself, or its supervisor did; or it was evicted */
};

struct node_row {
    uint32_t id;                    /* 0 to SNOWFLAKE_NODE_MAX; the ring's member id too */
    uint64_t incarnation;           /* of a sequence: another for each start */
    enum node_state state;
    struct text name;               /* "host/worker": what has the same name gets the same id again */
    struct text url;                /* for clients */
    struct text link;               /* for nodes, at a TCP address; empty: only its own host reaches it */
    struct text link_local;         /* for nodes of the same host: "unix:/path" */
    struct text host, region;
    uint32_t weight;                /* RING_WEIGHT is a plain node */
    uint32_t load;                  /* 0 to 1000, as the node last said */
    uint32_t version_least, version;        /* of frames */
    uint64_t age_ms;                /* since it joined, by Postgres's clock */
    int64_t lease_ms;               /* until it ends; below 0: it has ended so long ago */
    uint32_t deaths;                /* unclean ends lately, as model/census.h counts */
    uint64_t death_ms;              /* since the last of all; UINT64_MAX: there was none */
    bool is_member;                 /* it has a place in the table, alive or not */
};

/* Takes a node id: the one that had the name before (whoever had it is fenced from then on), or the lowest that was never
 * used, or the one whose lease ended longest ago, at least NODE_REUSE_MS. ERR_BUSY: all are taken. */
struct node_join {
    /* in */
    struct text name, url, link, link_local, host, region;
    uint32_t weight, version_least, version, lease_ms;
    /* in, out: snowflakes up to here may be given out before the first beat; raised to lie above id_above */
    uint64_t id_reserved;
    /* out */
    uint32_t id;
    uint64_t incarnation;
    uint64_t replaced;              /* the incarnation that had this id before, when its end was not clean; 0: none */
    uint64_t id_above;              /* snowflakes of this id up to here may have been given out: begin above */
};
enum { NODE_REUSE_MS = 10 * 60 * 1000 };
void store_node_join(struct store *s, struct node_join *j, struct op *op);

/* One beat of the heart. Not durable by itself (synchronous_commit off in its transaction): a lost one is an earlier end.
 * ERR_NOT_FOUND: this incarnation was fenced, evicted or replaced. */
struct node_renew {
    /* in */
    uint32_t id;
    uint64_t incarnation;
    uint32_t load, lease_ms;
    uint64_t id_reserved;           /* snowflakes up to here may be given out before the next beat */
    /* out */
    uint64_t epoch, timeline;       /* of the table, of the database */
    uint64_t nodes_version;         /* rises when a row of a node changes in anything but its lease and load */
    bool is_expired;                /* there is a member whose lease has ended, or one that has joined and is not in
                                     * the table, or is in it and should not be: look (store_ring_nodes) */
};
void store_node_renew(struct store *s, struct node_renew *r, struct op *op);

/* All rows that are not NODE_DEAD or have a place in the table, and those that died less than a minute ago; in order of
 * their ids; texts in the arena. */
struct node_list {
    struct arena *arena;            /* in */
    struct node_row *at;
    uint32_t count;
    uint64_t epoch, nodes_version;
    uint64_t postmaster_ms;         /* since Postgres started */
    uint32_t evicted;               /* members whose lease had ended and who lost their place lately */
};
void store_ring_nodes(struct store *s, struct node_list *l, struct op *op);

/* The table of the newest epoch; *ring is the caller's. Epoch 0 and NULL: there was none yet. */
struct node_ring {
    struct ring *ring;
    uint64_t epoch;
};
void store_ring_read(struct store *s, struct node_ring *r, struct op *op);

/* The next table by the rules of model/census.h, made inside the transaction that raises the epoch, under an advisory
 * lock. Members that lose their place because their lease ended become NODE_DEAD. ERR_EXISTS: nothing is to change
 * (again_ms says when to look again), perhaps because somebody else did it. ERR_BUSY: somebody is at it, or joins just
 * now; at again_ms it may have been done, or not. */
enum { NODE_EVICTED_MAX = 64 };
struct node_change {
    /* in */
    uint32_t lease_ms;
    /* out */
    struct node_ring made;          /* the caller's */
    uint64_t again_ms;              /* somebody waits for a place until then; 0: nobody */
    uint32_t evicted_count;
    struct node_evicted {
        uint32_t id;
        uint64_t incarnation;
    } evicted[NODE_EVICTED_MAX];    /* whose lease had ended: see store_node_inherit() */
};
void store_ring_change(struct store *s, struct node_change *c, struct op *op);

/* A clean end: state becomes NODE_DEAD if the row is still this incarnation's. No snowflake above id_last was given out. */
void store_node_leave(struct store *s, uint32_t id, uint64_t incarnation, uint64_t id_last, struct op *op);
/* It becomes NODE_DRAINING. ERR_NOT_FOUND as for renewing. op may be NULL: nobody waits. */
void store_node_drain(struct store *s, uint32_t id, uint64_t incarnation, struct op *op);

/* What an operator wants of the node of that name: its weight (0 to RING_WEIGHT_MAX), or that it is NODE_DRAINING, or not
 * any more (NODE_JOINING). Stored; it stays so until the node joins anew, but for the weight, which outlives that. Nodes
 * read it within a beat, and one of them makes the next table. ERR_NOT_FOUND: no node that is alive has that name. */
struct node_order {
    struct text name;
    bool is_weight;
    uint32_t weight;                /* if is_weight */
    enum node_state state;          /* else */
};
void store_node_order(struct store *s, const struct node_order *o, struct op *op);
/* All cursors become void, everybody is told to resync; what it is now, when op is woken. */
void store_node_timeline(struct store *s, uint64_t *timeline, struct op *op);

/* Post mortem: places of inboxes that node id wrote less than back_ms ago, by this node's clock and its, newest first,
 * at most room (more says that there were more). By a BRIN index on inbox.id: only the newest blocks are read. */
struct node_inherit {
    /* in */
    uint32_t id, back_ms, room;
    /* out, room the caller's */
    struct { uint64_t user, i; } *at;
    uint32_t count;
    bool more;
};
void store_node_inherit(struct store *s, struct node_inherit *n, struct op *op);

/* The heads of many mailboxes: i[k] of user[k] (0: no such account). count <= 1000. */
struct heads_read {
    /* in */
    const uint64_t *user;
    uint32_t count;
    /* out; room for count, the caller's */
    uint64_t *i;
    uint64_t timeline;
};
void store_heads(struct store *s, struct heads_read *h, struct op *op);
