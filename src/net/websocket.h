/* net/websocket.h - WebSocket on an exchange: messages in and out, pings, the closing handshake (RFC 6455) */
#pragma once
#include "net/exchange.h"

struct websocket;

/* The peer's side of it. Called inside loop_wait() or net_flush(), never inside a call of websocket_*(). */
struct websocket_events {
    /* A whole message, valid during the call; text is checked to be UTF-8. */
    void (*message)(struct websocket *w, bool is_text, struct text message, void *ctx);
    /* websocket_unsent() has fallen to half of LIMIT_UNSENT_BYTES or less after it was above. */
    void (*room)(struct websocket *w, void *ctx);
    /* Once, the last call: it is over. code: the peer's, 1002, 1003, 1007 or 1009 when the peer broke the rules,
     * 1006 when the connection was lost. w is freed after it. */
    void (*closed)(struct websocket *w, uint16_t code, void *ctx);
};

enum websocket_code {
    WEBSOCKET_NORMAL = 1000, WEBSOCKET_GOING = 1001, WEBSOCKET_PROTOCOL = 1002, WEBSOCKET_UNSUPPORTED = 1003,
    WEBSOCKET_LOST = 1006, WEBSOCKET_BAD_UTF8 = 1007, WEBSOCKET_POLICY = 1008, WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_RESTART = 1012, WEBSOCKET_TRY_LATER = 1013,
};

/* Accepts the request of x (is_websocket; version and protocol were looked at by the caller), which is the
 * websocket's from here on. protocol: the subprotocol that is chosen, or empty. takes_binary: binary messages
 * are messages; otherwise they close with 1003. */
struct websocket *websocket_accept(struct exchange *x, struct text protocol, bool takes_binary,
                                   const struct websocket_events *events, void *ctx);
/* Sends a text message; the blob's reference goes to the websocket. Nothing after websocket_close(). */
void websocket_send(struct websocket *w, struct blob *message);
void websocket_send_binary(struct websocket *w, struct blob *message);
/* A ping without data. */
void websocket_ping(struct websocket *w);
/* Begins the closing handshake; reason: at most 123 bytes of UTF-8. Nothing comes from w any more but closed(),
 * when the peer answered, or after 5 s without an answer. Twice is fine. */
void websocket_close(struct websocket *w, enum websocket_code code, const char *reason);
/* Ends at once, without closed(); frees w. Not inside its own callbacks. */
void websocket_drop(struct websocket **w);
/* Stops or goes on taking messages; what is under way is kept, at most 64 KiB and one message. */
void websocket_pause(struct websocket *w, bool on);
size_t websocket_unsent(const struct websocket *w);
/* When bytes last came from the peer, in the loop's time. */
uint64_t websocket_heard_ms(const struct websocket *w);
