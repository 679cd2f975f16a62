/* load/link_inner.h - what a link's two versions of HTTP share with its socket; nobody else looks inside */
#pragma once
#include "load/link.h"
#include <nghttp2/nghttp2.h>

enum { LINK_WINDOW = 1 << 20, LINK_OUT_BYTES = 64 << 20, LINK_OPEN_MAX = 256 };

/* Where an HTTP/1.1 answer is. */
enum link_h1_state { LINK_H1_HEAD, LINK_H1_LENGTH, LINK_H1_CHUNK_HEAD, LINK_H1_CHUNK, LINK_H1_TRAILER,
                     LINK_H1_SOCKET };
struct link_h1 {
    enum link_h1_state state;
    uint64_t left;                  /* of the body, or of the chunk */
    struct buf in;
};

struct link_push;                   /* a pushed response that is under way */

struct link {
    int fd, epoll;
    SSL *tls;
    nghttp2_session *session;       /* NULL: HTTP/1.1 */
    struct link_h1 h1;
    struct link_push *pushes;
    const struct link_target *target;
    struct buf out;
    bool wants_write;               /* as epoll knows it */
    bool is_lost;
    bool is_dialing, is_h1;         /* hands are not shaken yet; what is to be agreed on */
    struct link_ask *open[LINK_OPEN_MAX];
    uint32_t open_count;
};

/* The ask is over. */
void link_ended(struct link *l, struct link_ask *a, int status);

void link_h2_begin(struct link *l, bool takes_pushes);
void link_h2_fini(struct link *l);
void link_h2_ask(struct link *l, struct link_ask *a);
void link_h2_tell(struct link *l, struct link_ask *a, struct text bytes);
bool link_h2_take(struct link *l, struct text bytes);   /* from the socket; false: this is no HTTP/2 */
bool link_h2_give(struct link *l);                      /* into l->out */

void link_h1_begin(struct link *l);
void link_h1_fini(struct link *l);
void link_h1_ask(struct link *l, struct link_ask *a);
bool link_h1_take(struct link *l, struct text bytes);   /* false: not an answer as our server writes them */
