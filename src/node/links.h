/* node/links.h - a stream of frames to every other node, and one from each of them
 *
 * Each node opens a stream to each other node (net/dial.h) and says HELLO; what it has to say goes there, numbered
 * in thought from 1 on for each incarnation of the two, kept until the peer acknowledged it, and said again when the
 * stream broke and came back. So a frame arrives once and in order, or the owner hears that some may be lost. Those
 * that are of use only at once (frame_is_perishable()) are lost by any break, before down() is told. A node that
 * stood still for longer than a silent link lives reads nothing of what was said to it meanwhile: it breaks the streams.
 * Frames queued in one turn go out in one write (links_flush()).
 */
#pragma once
#include "base/blob.h"
#include "base/config.h"
#include "base/loop.h"
#include "net/exchange.h"
#include "node/frame.h"

struct links;

struct links_peer {
    uint32_t node;
    uint64_t incarnation;
    char address[108 + 8];          /* "unix:/path", or "host:port" for HTTP/2 over mutual TLS */
    char host[EXCHANGE_NAME_BYTES]; /* what a certificate has to name, there and when it dials; empty: none will do */
};

/* Called inside loop_wait() or links_set(), never inside links_send(). */
struct links_events {
    void (*up)(void *ctx, uint32_t node);   /* what we say arrives there: WELCOME came */
    /* Our stream to it broke, or it is another incarnation, or it went from the peers. is_lost: what was said and not
     * acknowledged will never be said again. Otherwise it comes again when the stream is back. */
    void (*down)(void *ctx, uint32_t node, bool is_lost);
    /* A numbered frame of a peer, each once and in order; borrowed during the call. */
    void (*frame)(void *ctx, uint32_t from, const struct frame *f);
    /* A node that links_set() did not name, or not as this incarnation yet, dialled: it was refused, and dials again
     * in 50 ms at the least. Time to look who the others are. NULL: not told. */
    void (*stranger)(void *ctx, uint32_t node);
};

struct links_self {
    uint32_t node;
    uint64_t incarnation;
};

struct links_stats {
    uint64_t frames_out, frames_in, bytes_out, bytes_in, repeated, dropped, connects;
    uint32_t up, peers;
};

/* events and ctx must outlive it. tls_directory holds ca.pem, node.pem, node.key of the cluster (net/dial.h). */
struct links *links_new(struct loop *l, const struct config *c, struct links_self self, const struct links_events *events,
                        void *ctx);
void links_free(struct links **l);
/* Who the other nodes are now: streams are opened to those who are new (at once, then 50 ms to 1 s between two tries
 * with full jitter) and closed to those who are not there any more. */
void links_set(struct links *l, const struct links_peer *peers, uint32_t count);
bool links_is_up(const struct links *l, uint32_t node);
/* Queues frame (a reference is taken). False: dropped and counted, because the node is no peer, or because
 * LIMIT_LINK_UNACKNOWLEDGED_BYTES are on the way already. While the stream is down it is kept like any other. */
bool links_send(struct links *l, uint32_t node, struct blob *frame);
/* One write to each peer that has something to say, and one ACK on each stream that had something to hear. */
void links_flush(struct links *l);
/* The request of a peer that wants to say something: net_request_fn of the link listener; ctx is the struct links. */
void links_request(struct exchange *x, void *ctx);
void links_stats_read(const struct links *l, struct links_stats *into);
