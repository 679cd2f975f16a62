/* load/link.h - one connection of a client over HTTP/2 or HTTP/1.1: many asks at a time, none of them blocking */
#pragma once
#include "base/buf.h"
#include <netinet/in.h>
#include <openssl/ssl.h>

struct link;

/* Where links go. */
struct link_target {
    struct sockaddr_in address;
    char authority[64];
    SSL_CTX *tls;                   /* NULL: cleartext, HTTP/2 by prior knowledge */
};
/* Reads http://A.B.C.D:P or https://A.B.C.D:P; false: it is neither. Certificates are not looked at: load goes to
 * servers of one's own. */
bool link_target_parse(struct link_target *t, const char *url);
void link_target_fini(struct link_target *t);

enum link_version { LINK_H2, LINK_H2_PUSHED, LINK_H1 };         /* PUSHED: takes pushed responses */

/* A request and its answer. The caller's, from link_ask() until done is called; what is inside it too. */
struct link_ask {
    const char *method, *path, *token;      /* token: NULL for none */
    const char *accept;                     /* NULL: none */
    bool is_socket;                         /* a WebSocket is wanted */
    struct text body;                       /* none when bytes is 0 */
    void (*done)(struct link_ask *a);       /* may ask again at once */
    void (*more)(struct link_ask *a);       /* NULL, or: the answer has grown; takes what it can off its start */
    void (*pushed)(struct link_ask *a, struct text answer);     /* a response was pushed on it; NULL: not looked at */
    void *ctx;
    int status;                             /* 0: the connection was lost */
    struct buf answer;                      /* emptied by link_ask() */
    struct buf tell;                        /* the link's own: a socket's bytes that have not left */
    size_t sent;                            /* the link's own: bytes of body that left */
    int32_t stream;                         /* the link's own */
};
enum { LINK_ANSWER_BYTES = 1 << 20 };
void link_ask_init(struct link_ask *a);
void link_ask_fini(struct link_ask *a);

/* Connects and shakes hands, blocking, at most some seconds; NULL: not possible. Its socket is watched by epoll,
 * whose data.ptr is the link. */
struct link *link_new(const struct link_target *t, int epoll, enum link_version version);
/* The same without waiting: what is asked leaves when hands are shaken. resume: a session of an earlier link, or NULL;
 * stays the caller's. */
struct link *link_begin(const struct link_target *t, int epoll, enum link_version version, SSL_SESSION *resume);
bool link_is_connected(const struct link *l);
bool link_is_resumed(const struct link *l);
/* To resume with; NULL: no TLS, or no ticket has come yet. The caller's, SSL_SESSION_free(). */
SSL_SESSION *link_session(const struct link *l);
void link_free(struct link **l);            /* done of what is open is called with status 0 */
/* Goes out with the next link_flush() or link_ready(). HTTP/1.1: one at a time. */
void link_ask(struct link *l, struct link_ask *a);
/* Bytes on an open WebSocket; go out as an ask does. */
void link_tell(struct link *l, struct link_ask *a, struct text bytes);
/* Epoll has said something of it. False: it is lost, and every open ask was told so. */
bool link_ready(struct link *l);
bool link_flush(struct link *l);
