/* lib/http.h - requests to one server: connections made, shared, replaced */
#pragma once
#include "lib/conn.h"
#include "lib/nodes.h"
#include <poll.h>

enum {
    HTTP_CONNS_MOST = 4, /* HTTP/1.1: one waits for events, others send */
    HTTP_QUEUED_MOST = 1024,
    HTTP_REST_MS = 500, /* nobody could be reached, while other connections last: the next attempt */
};

struct http;

/* For a server, through a proxy that is used or not; nodes and tls are borrowed, tls is NULL for cleartext. What
 * connections see of a node is told to nodes, and the next one is made to the node then in use. takes_pushes:
 * over HTTP/2 the server is told that pushed responses are welcome. */
struct http *http_new(struct nodes *nodes, const struct proxy *proxy, SSL_CTX *tls, enum conn_protocol wants,
                      bool takes_pushes);
/* Begins a request and takes it over; its done() is called once, from http_step(), whatever happens, by
 * deadline_ms (clock_ms()) at the latest. False: too many are queued; x stays the caller's. */
MUST_USE bool http_start(struct http *h, struct exchange *x, uint64_t deadline_ms);
/* Forgets a request that is not done; frees it without calling done(). */
void http_cancel(struct http *h, struct exchange *x);
/* Moves everything on without waiting, and calls done() of what ended. */
void http_step(struct http *h, uint64_t now_ms);
/* What to wait for: descriptors into at (room of them), answers how many. */
size_t http_fds(const struct http *h, struct pollfd *at, size_t room);
/* In how many ms http_step() must be called even if no descriptor is ready; -1: never. */
int http_timeout_ms(const struct http *h, uint64_t now_ms);
/* Why the last connection failed, in words; "" when none did. */
const char *http_why(const struct http *h);
/* The version in use: "2", "1.1", or "" before the first connection. */
const char *http_version(const struct http *h);
/* What is between: "direct", or "through the proxy host:port". */
const char *http_path(const struct http *h);
/* After a move: no new request goes over the connections that were made before it; what is open there may end. */
void http_retire(struct http *h);
/* PUT, PATCH and DELETE go as POST with X-HTTP-Method-Override, for networks that let only GET and POST
 * through. */
void http_override_methods(struct http *h, bool on);
bool http_overrides_method(const struct http *h);
/* Frees all; open requests are freed without done(). */
void http_free(struct http **h);
