/* lib/websocket.h - WebSocket frames (RFC 6455) as a client reads and writes them */
#pragma once
#include "lib/buf.h"
#include "lib/check.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    WEBSOCKET_MESSAGE_MOST = 4 * 1024 * 1024,
    WEBSOCKET_FRAGMENTS_MOST = 1024, /* of a message */
    WEBSOCKET_CONTROL_MOST = 125,
    WEBSOCKET_NO_CODE = 1005, /* a Close without one */
};

enum websocket_kind {
    WEBSOCKET_MORE = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

struct websocket {
    unsigned char head[10]; /* of the frame being read */
    unsigned head_bytes;
    uint64_t left; /* of its payload */
    bool in_payload;
    unsigned fragments; /* of a message that goes on; 0: the next frame begins one */
    bool is_over; /* a Close came, or nonsense */
    unsigned broke; /* after nonsense: the code that our Close should say */
    struct buf message, control;
};

struct websocket_events {
    void (*text)(void *context, const char *bytes, size_t count); /* a whole message; bytes[count] is 0 */
    void (*ping)(void *context, const char *bytes, size_t count);
    void (*closed)(void *context, unsigned code, const char *reason); /* nothing comes after it */
};

/* Reads what came; after a Close it is ignored. False: it breaks the protocol or a bound (w->broke says which),
 * the connection is of no use any more. */
MUST_USE bool websocket_read(struct websocket *w, const char *bytes, size_t count,
                             const struct websocket_events *on, void *context);
void websocket_fini(struct websocket *w);
/* Adds one frame, masked with fresh random bytes. A control frame has at most WEBSOCKET_CONTROL_MOST. */
void websocket_write(struct buf *to, enum websocket_kind kind, const char *bytes, size_t count);
/* A fresh Sec-WebSocket-Key, and whether an answer's Sec-WebSocket-Accept belongs to it. */
void websocket_key(char key[28]);
bool websocket_accepts(const char *key, const char *accept);
