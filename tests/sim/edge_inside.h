/* sim/edge_inside.h - what a process is made of, for edge*.c */
#pragma once
#include "sim/edge.h"
#include <sys/queue.h>

struct edge_life { /* from a start to a death */
    uint32_t process;
    struct loop *loop;
    struct ops ops;
    struct snowflake ids;
    struct config config;
    struct chat chat;
    struct hub *hub;
    struct channel_place place;
    struct node *node;
    struct cluster_self self;
    char name[24], link[24];
    struct op leaving;
    bool is_draining, is_closed, dies_in_turn;      /* closed: nothing new begins */
    struct loop_timer empty;
    TAILQ_HEAD(edge_streams, edge_stream) streams;
};

struct edge_stream {
    struct channel channel; /* first */
    struct edge_life *life;
    struct device *device;
    uint64_t connection, last_us;
    bool is_poll;
    struct loop_timer deadline;
    TAILQ_ENTRY(edge_stream) all;
};

/* The process as it lives now; NULL: it does not. */
struct edge_life *edge_life_of(uint32_t process);
const struct edge_calls *edge_calls_of(void);
/* What a client that is connected sees of it. */
void edge_say_ended(struct edge_stream *s, enum err why, uint64_t delay_us);
/* An op_done for who needs no answer. */
void edge_done(struct op *op, enum err err, void *asker);
