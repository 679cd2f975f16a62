/* unit/net/wire.h - a net on loopback with a handler that does as the path says, and raw clients to it */
#pragma once
#include "net/net.h"

/* Paths: /now answers at once, /wait keeps the exchange in wire.waiting, /echo gives the body back, /big gives
 * BIG bytes, /trusted is /now and shows that the peer may stay. /stream begins an answer in pieces, /tunnel
 * accepts a WebSocket; both are then in wire.waiting. /later keeps a WebSocket's request there. */
enum { WIRE_BIG_BYTES = 3 * 1000 * 1000, WIRE_WAITING_MAX = 16, WIRE_INPUT_BYTES = 256 * 1024,
       WIRE_FRAMES_BYTES = 1024 * 1024 };

struct wire {
    struct loop *loop;
    struct net *net;
    struct config config;
    struct loop_timer tick;         /* so that no wait lasts */
    uint16_t port, tls_port;
    char directory[64];
    struct exchange *waiting[WIRE_WAITING_MAX];
    unsigned waiting_count, gone_count, handled_count;
    struct exchange *last_gone;
    unsigned room_count, ends_count;    /* ends: of a tunnel's input */
    char input[WIRE_INPUT_BYTES];   /* what came through tunnels, ended by 0 */
    size_t input_bytes;
    unsigned char frames_inbox[WIRE_FRAMES_BYTES];  /* for frames.c */
    bool answers_when_gone;         /* the handler of /wait: another waiting one is answered from gone() */
};

int wire_set_up(void **state);
int wire_tear_down(void **state);
/* Sets deadlines of ms for everything; the tests shorten what they want to see. */
struct net_deadlines wire_deadlines(uint32_t ms);
void wire_listen(struct wire *w);
/* Turns of the loop, for ms. */
void wire_run(struct wire *w, unsigned ms);
/* Turns until ok holds; fails after five seconds. */
#define WIRE_UNTIL(w, ok)                                                                                    \
    do {                                                                                                     \
        for (unsigned wire_ms_ = 0; !(ok) && wire_ms_ < 5000; wire_ms_ += 5)                                 \
            wire_run((w), 5);                                                                                \
        assert_true(ok);                                                                                     \
    } while (0)
/* A client's socket, non-blocking. */
int wire_connect(struct wire *w);
void wire_send(int fd, const char *z);
/* Turns until the text that came contains until, or the peer closed, or two seconds are over. What came since
 * the last call; static. *closed may be NULL. */
const char *wire_read(struct wire *w, int fd, const char *until, bool *closed);
struct net_stats wire_stats(struct wire *w);
/* The oldest waiting exchange; it waits no more. */
struct exchange *wire_take(struct wire *w);
/* Writes bytes of c to x, in one piece. */
void wire_write(struct exchange *x, char c, size_t bytes);
/* Accepts the WebSocket of x. */
void wire_tunnel(struct wire *w, struct exchange *x);
/* For wire.waiting: calls of gone are noticed. */
void wire_keep(struct wire *w, struct exchange *x);
/* Answers the oldest waiting exchange. */
void wire_answer(struct wire *w);
