/* api/api.h - what every route needs, and the door for requests from the net */
#pragma once
#include "chat/chat.h"
#include "chat/notices.h"
#include "live/channel.h"
#include "net/exchange.h"
#include "node/node.h"

struct api_stats {
    uint64_t calls, refused, sent, polls, events;
    uint64_t streams, sockets, anchors, frames;
    uint64_t signals, signals_dropped;  /* handed to connections; for want of room there not */
};

/* Made by main. */
struct api {
    struct chat *chat;
    struct hub *hub;
    struct channel_place place;     /* where channels run */
    struct node *node;              /* this one, alone or among others */
    struct limiter *limiter;
    struct seen *seen;              /* what devices acknowledged, on its way to the store */
    const char *url;                /* of this node, for discovery and as an Origin */
    const char *invite;             /* the invite code, or NULL */
    struct net *net;                /* for the numbers of the admin listener */
    uint64_t started_ms;            /* by the loop's clock */
    bool is_draining;               /* whoever receives is sent away, and told when to come back */
    bool is_away;                   /* the same, as others can serve and this node can't */
    struct api_stats stats;
};

/* A request of the public listeners, and of the admin listener. net_request_fn; ctx is the struct api. */
void api_request(struct exchange *x, void *ctx);
/* Nobody should begin to receive here. */
bool api_sends_away(const struct api *api);
/* Tells live what an operation left behind, after its commit. */
void api_tell(struct api *api, const struct notices *n);
