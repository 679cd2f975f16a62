/* sim/edge.h - a process of the ring: the code under test, and the few lines between it and a client that api/ has */
#pragma once
#include "chat/membership.h"
#include "chat/roster.h"
#include "chat/send.h"
#include "live/channel.h"
#include "node/node.h"
#include "sim/database.h"

struct device;

/* What devices say; each is a copy, made by the device and freed here. */
struct edge_request {
    uint32_t process;
    struct device *device;
    uint64_t connection;            /* of the device: answers to an older one are not for it */
    uint64_t user, device_id, conversation, whom;
    struct key key;
    char text[32];
    struct cursor after;
    bool is_poll, is_put;
};
/* What they hear. */
struct edge_answer {
    struct device *device;
    uint64_t connection;
    struct key key;
    enum err err;
    uint64_t seq, id;
    bool is_duplicate;
};
enum { EDGE_EVENTS_MAX = 64 };
struct edge_delivery {
    struct device *device;
    uint64_t connection;
    struct cursor cursor;
    uint32_t count;
    struct {
        uint64_t id, conversation, seq;
    } event[EDGE_EVENTS_MAX];
};

struct edge_calls {                 /* all happen outside of the nodes; what they are given is freed by them */
    void (*answered)(void *answer);
    void (*delivered)(void *delivery);
    void (*ended)(void *answer);    /* the stream: err says why */
};

void edge_use(const struct edge_calls *calls, uint32_t processes, bool is_ring);
void edge_start(uint32_t process);
/* It is no more, at once or in the middle of its next turn. */
void edge_kill(uint32_t process, bool in_turn);
/* It leaves as on SIGTERM, and is gone then. */
void edge_drain(uint32_t process);
bool edge_is_up(uint32_t process);
/* Each an event of the node (world_at()); the request is theirs. */
void edge_open(void *request);
void edge_close(void *request);
void edge_room(void *request);
void edge_send(void *request);
void edge_change(void *request);
/* When all is quiet, all go by the newest table. */
void edge_check_tables(const struct database *d);
/* Of all that ever were. */
void edge_stats(struct node_stats *into);
