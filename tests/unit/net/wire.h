/* unit/net/wire.h - a net on loopback with a handler that does as the path says, and raw clients to it */
#pragma once
#include "net/net.h"

/* Paths: /now answers at once, /wait keeps the exchange in wire.waiting, /echo gives the body back, /big gives
 * BIG bytes, /trusted is /now and shows that the peer may stay. */
enum { WIRE_BIG_BYTES = 3 * 1000 * 1000, WIRE_WAITING_MAX = 16 };

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
/* Answers the oldest waiting exchange. */
void wire_answer(struct wire *w);
