/* lib/h2.h - HTTP/2: many exchanges over one stream of bytes */
#pragma once
#include "lib/check.h"
#include "lib/exchange.h"

struct h2;

/* What happens on a session, told from within h2_begin(), h2_read() or h2_write(). */
struct h2_events {
    void (*ended)(void *context, struct exchange *x);       /* its end is set */
    void (*pushed)(void *context, struct exchange *x);      /* a new one, the caller's: it waits for its answer */
};

/* A client session. authority is borrowed. takes_pushes: the first SETTINGS leave pushes on; promises are
 * accepted on exchanges that have promised() set, for GET /v1/events of the same authority. */
struct h2 *h2_new(const char *authority, bool is_tls, bool takes_pushes, const struct h2_events *on,
                  void *context);
/* Begins an exchange; it stays the caller's, who calls h2_cancel() before he frees it unended. */
void h2_begin(struct h2 *h, struct exchange *x);
void h2_cancel(struct h2 *h, struct exchange *x);
/* Whether the server's SETTINGS have come: tunnels wait for them. */
bool h2_is_settled(const struct h2 *h);
/* A tunnel has more to send. */
void h2_resume(struct h2 *h, struct exchange *x);
/* Takes bytes from the server. False: they break the protocol, the connection is of no use any more. */
MUST_USE bool h2_read(struct h2 *h, const char *bytes, size_t count);
/* Adds what wants to be sent to *to, until that holds most bytes. False: as h2_read(). */
MUST_USE bool h2_write(struct h2 *h, struct buf *to, size_t most);
void h2_ping(struct h2 *h);
/* The server sent GOAWAY: begin nothing more here. */
bool h2_is_leaving(const struct h2 *h);
/* Neither side has anything more to say. */
bool h2_is_over(const struct h2 *h);
/* Forgets the session; the caller has cancelled what was open. */
void h2_free(struct h2 **h);
