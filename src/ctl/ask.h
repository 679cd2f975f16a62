/* ctl/ask.h - one question to one control socket: HTTP/1.1, blocking, one connection each */
#pragma once
#include "base/arena.h"
#include <stdbool.h>

enum { ASK_WAIT_S = 10, ASK_BYTES_MAX = 1024 * 1024 + 4096, ASK_PATH_MAX = 108 };

struct ask {
    /* in */
    const char *socket;             /* the path of a Unix socket */
    const char *method, *target;
    struct text body;               /* JSON, or empty */
    struct arena *arena;
    /* out, in the arena */
    int status;                     /* of HTTP; 0: there was no answer */
    struct text answer;
    const char *why;                /* a sentence: what went wrong, and what to do; NULL: it is answered with 200 */
};

/* True: answered with 200. Waits for ASK_WAIT_S at most at each step. */
bool ask_now(struct ask *a);
