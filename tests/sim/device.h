/* sim/device.h - clients: an outbox whose messages keep their key until they are answered, and a cursor */
#pragma once
#include "sim/database.h"
#include "sim/edge.h"

enum { DEVICES_MAX = 16, DEVICE_OUTBOX = 4 };

struct device_sent {                /* a message that somebody wanted to send */
    uint64_t from, conversation, device;
    struct key key;
    char text[32];
    bool is_answered, is_refused, is_under_way;
    uint64_t seq, id, timeline, answered_us;
    uint64_t floor;                 /* the highest place acknowledged to anybody when it was sent first */
    uint64_t floor_timeline;
    uint32_t attempts;
};

struct device_log {                 /* the event at place base + 1 + its number */
    uint64_t id, conversation, seq;
};

struct device {
    uint64_t user, id;
    uint32_t number, process, way;  /* process: it receives there; way: what it sends goes there */
    uint64_t connection, opened_us;
    bool is_open, is_poll, has_begun;
    struct cursor cursor;
    uint64_t base;
    struct device_log *log;
    uint32_t count, room;
    struct device_sent *outbox[DEVICE_OUTBOX];
};

struct devices {
    struct database *database;
    struct device device[DEVICES_MAX];
    uint32_t count, processes;
    struct device_sent **sent;
    uint32_t sent_count, sent_room;
    uint64_t highest[DATABASE_CONVERSATIONS], highest_timeline;     /* place acknowledged, of each conversation */
    uint64_t calm_us;               /* from then on nobody begins anything new */
    bool is_wild;                   /* devices move, vanish and are impatient */
    uint64_t events, events_live, resyncs, retries, lag_most_us;
    uint64_t lag_bound_us;          /* 0: none */
};

void devices_begin(struct devices *all, struct database *d, uint32_t processes, bool is_wild);
void devices_add(struct devices *all, uint64_t user);
void devices_go(struct devices *all);
/* Everybody has everything, and every message is answered. */
bool devices_are_done(const struct devices *all);
/* What must hold when they are. */
void devices_check(const struct devices *all);
