/* load/receiver.h - events by one of the ways, from now on */
#pragma once
#include "load/link.h"

enum receiver_way { RECEIVER_POLL, RECEIVER_LONGPOLL, RECEIVER_SSE, RECEIVER_WS, RECEIVER_PUSH };
/* poll, longpoll, sse, ws, push; false: none of these. */
bool receiver_way_parse(const char *word, enum receiver_way *way);
const char *receiver_way_name(enum receiver_way way);
/* What its connection has to be; http: "1.1" or "2". False: this way does not exist there. */
bool receiver_version(enum receiver_way way, const char *http, enum link_version *version);

struct receiver {
    struct link *link;
    const char *token;
    enum receiver_way way;
    /* Events in a row: JSON that holds objects which begin with "i", and nothing else that does. */
    void (*events)(struct receiver *r, struct text json);
    /* JSON that may hold signals, objects which begin with "t"; NULL: not looked at. */
    void (*signals)(struct receiver *r, struct text json);
    void (*answered)(struct receiver *r, struct text json);     /* ws: {"id":..,"status":..,..} */
    void (*ended)(struct receiver *r, struct text why);         /* once; nothing comes any more */
    void *ctx;
    bool drains;                    /* poll: asks again at once until is_over */
    bool is_open;                   /* its place is known: what is sent from now on must come */
    bool is_over;                   /* set by its owner too: then it does not ask again */
    bool is_waiting;                /* long poll: the server has, or gets, an ask that waits */
    uint32_t wait_s;                /* of long polls */
    uint64_t first_i;               /* where it began */
    uint32_t unacknowledged;
    uint64_t acknowledged_ns, now_ns;       /* now: its owner's */
    char cursor[44], path[128];
    struct link_ask ask;
};

/* r: link, token, way, wait_s and the calls are set, all else is zero. Goes out with the next link_flush(). */
void receiver_open(struct receiver *r);
/* The same from a place on: "3.1045", and all behind it comes. */
void receiver_open_after(struct receiver *r, const char *cursor);
/* ws: one verb; path and body are JSON already. */
void receiver_do(struct receiver *r, uint32_t id, const char *path, struct text body);
void receiver_fini(struct receiver *r);     /* after its link */
