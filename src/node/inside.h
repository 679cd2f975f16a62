/* node/inside.h - what a node is made of, for the files of this folder */
#pragma once
#include "node/forwarder.h"
#include "node/heads.h"
#include "node/heir.h"
#include "node/here.h"
#include "node/node.h"
#include "node/registry.h"

enum { NODE_DOUBT_HOME = 1, NODE_DOUBT_EDGE = 2 };

struct node {
    struct node_parts parts;
    struct heads *heads;
    uint64_t timeline;                      /* that the numbers here are of; 0: not known yet */

    /* only among others: NULL before node_join(), and links, here and forwarder before it has an id */
    struct cluster *cluster;
    struct links *links;
    struct registry *registry;
    struct here *here;
    struct forwarder *forwarder;
    struct heir *heir;
    const struct cluster_self *joined_as;
    uint32_t self, peers;
    uint64_t incarnation, replaced;         /* replaced: who had the id before, and has not been told of yet; 0: none */
    bool is_peer[REGISTRY_NODES];
    uint64_t peer_incarnation[REGISTRY_NODES];
    uint8_t doubts[REGISTRY_NODES];         /* notices or deliveries to it were dropped: to be told when there is room */
    bool has_doubts, is_stopped;
    struct loop_timer sweep;
    struct node_stats stats;
};
