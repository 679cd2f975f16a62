/* node/node.h - this node among the others: who hears of what was committed here, and where a send is best committed
 *
 * Alone, as it begins, everybody is at home here, and nothing of this costs anything. With other nodes (node_join())
 * a notice goes to the home of each recipient, and from there to the edges where its devices are. All of it is a hint:
 * what gets lost is found in Postgres (node/here.h).
 */
#pragma once
#include "chat/chat.h"
#include "chat/notices.h"
#include "live/hub.h"
#include "net/exchange.h"
#include "node/cluster.h"

struct node;

struct node_parts {
    struct chat *chat;
    struct hub *hub;
};

struct node_stats {
    uint64_t notices_local, notices_out, notices_in, delivered_out, delivered_in, signals_out, signals_in;
    uint64_t handed_on, inherited, forwarded, forward_lost, forwarded_in, doubts;
    uint64_t healed;                /* places found by asking, that nobody had told */
    uint64_t link_bytes_out, link_frames_out, link_frames_dropped;
    uint32_t links_up, nodes, registered, users_here;
};

/* parts live longer. */
struct node *node_new(const struct node_parts *parts);
/* First net_free(), then this, then ops run to their end, then node_free(). */
void node_stop(struct node *n);
void node_free(struct node **n);

/* Becomes one of many: self as in node/cluster.h, its texts live as long as the node. Once, before the loop runs. */
void node_join(struct node *n, const struct cluster_self *self);
/* Once a turn, between loop_wait() and ops_run(): what the loop brought may make everything at hand void. */
void node_look(struct node *n);
/* Once a turn, behind ops_run() and before net_flush(). */
void node_turn(struct node *n);
/* The handler of the link listener: net_request_fn, ctx is the node. */
void node_link_request(struct exchange *x, void *ctx);

/* Ops that are live as long as the node is. */
uint32_t node_standing(const struct node *n);

/* Told after the commit, never before: an event in the inboxes of many. Or, without an event, that one stands there of which
 * nobody knows whether it was told: the members' inboxes are looked at. */
void node_tell(struct node *n, const struct notices *notices);
/* A signal of a device to each of the members. */
void node_signal(struct node *n, const struct members *to, struct device_id from, struct blob *encoded);
/* A device's session ended; a conversation has other members now. */
void node_revoked(struct node *n, struct user_id user, struct device_id device);
void node_changed(struct node *n, struct conversation_id conversation);

/* Whether sends are accepted: always when alone, else while the lease holds. */
bool node_may_send(const struct node *n);
/* Others serve and it can't (node/cluster.h): who receives should do so elsewhere. */
bool node_is_left_behind(const struct node *n);
/* Whether it has its place: alone, or with a lease that holds and told by the table. */
bool node_is_ready(const struct node *n);
/* NULL when alone. */
const struct cluster *node_cluster(const struct node *n);
/* The node that is home to a conversation, if it is another one whose link is up; else false. */
bool node_is_elsewhere(const struct node *n, struct conversation_id conversation, uint32_t *home);
/* Hands a send on to a home of node_is_elsewhere(), see forwarder_start(). */
struct forwarder_send;
void node_forward(struct node *n, struct forwarder_send *s, uint32_t home, struct op *op);
/* How busy this node is, 0 to 1000: told to the others with the next beat. */
void node_load(struct node *n, uint32_t load);
/* Owns nothing any more, so that others take over; op is woken when that is so, or can't be had. Alone: at once. */
void node_drain(struct node *n, struct op *op);
/* The last word to the others. Alone: at once. */
void node_leave(struct node *n, struct op *op);
void node_stats_read(const struct node *n, struct node_stats *into);
