/* node/here.h - the users who are here: registered at their homes, and compared with what those and Postgres know
 *
 * Who enters is registered first and reads then (live/channel.h waits for it). Who moves to another home, or whose home
 * may have forgotten, is registered again and checked. Whoever is doubted is checked in Postgres: a mailbox's head that
 * is above what was delivered wakes who waits, and the gap is read. So notices may be lost.
 */
#pragma once
#include "base/loop.h"
#include "live/hub.h"
#include "model/ring.h"
#include "node/links.h"

struct heads;
struct here;

struct here_parts {
    struct loop *loop;
    struct hub *hub;
    struct heads *heads;            /* who is doubted is asked for there */
    struct links *const *links;     /* where the current ones stand: they are others after the node joined anew */
};

struct here_stats {
    uint64_t registered, unsure, doubted, checked, healed;      /* healed: heads above what was known here */
    uint32_t users;
};

/* parts live longer. */
struct here *here_new(const struct here_parts *parts);
void here_free(struct here **h);
/* Once a turn, before links_flush(). */
void here_turn(struct here *h);
/* Which node this is, now. */
void here_self(struct here *h, uint32_t self);
/* There are no others any more: everybody is forgotten here, and enters again when there are. */
void here_alone(struct here *h);
/* The newest table, borrowed until the next call; NULL: everybody is at home here. */
void here_table(struct here *h, const struct ring *now);
/* What links tell of our stream to a node. */
void here_link_up(struct here *h, uint32_t node);
void here_link_down(struct here *h, uint32_t node, bool is_lost);
/* FRAME_REGISTERED and FRAME_HEADS of a home. */
void here_registered(struct here *h, uint32_t from, const struct frame *f);
void here_heads(struct here *h, const struct frame *f);
/* Notices may have been missed: of those who are at home there, of all. */
void here_doubt_home(struct here *h, uint32_t node);
void here_doubt_all(struct here *h);
void here_stats_read(const struct here *h, struct here_stats *into);
