/* fake/websocket.h - a WebSocket made by hand, linked in place of the net's */
#pragma once
#include "base/buf.h"
#include "net/websocket.h"

struct websocket {
    struct exchange *x;
    const struct websocket_events *events;
    void *ctx;
    struct buf said; /* out: messages, one a line; the test takes them away */
    size_t unsent;   /* in */
    uint64_t heard_ms; /* in */
    uint32_t pings;  /* out */
    bool is_paused;  /* out */
    unsigned code;   /* out: of our Close frame; 0: none */
    char reason[128];
};

/* The one that was accepted last; NULL: it is over. */
struct websocket *fake_websocket(void);
/* The peer says something; closes, or is lost. */
void fake_websocket_say(struct websocket *w, const char *text);
void fake_websocket_end(struct websocket *w);
void fake_websocket_room(struct websocket *w);
