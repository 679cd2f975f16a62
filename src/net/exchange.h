/* net/exchange.h - one request and its answer, whatever HTTP version carries it */
#pragma once
#include "base/blob.h"
#include "base/err.h"

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE,
              METHOD_OPTIONS, METHOD_OTHER };

/* Everything borrowed from the exchange; a field that was not sent is empty (at NULL). */
struct exchange_head {
    enum method method;
    struct text path;               /* as sent, still percent-encoded, without the query */
    struct text query;              /* behind '?' */
    struct text authority, origin, authorization, cookie, content_type, accept,
                last_event_id, method_override, websocket_version, websocket_protocol;
    struct text protocol;           /* of an extended CONNECT (RFC 8441 4): websocket, or a link's */
    bool is_tls;
    bool is_http2;
    bool is_websocket;              /* asks for a WebSocket: Upgrade (RFC 6455 4.1), or CONNECT (RFC 8441 4) */
};

struct exchange;                    /* lives from the request to its answer or its end */

struct exchange_field { const char *name; struct text value; };     /* name in lower case */

/* The request is whole when the handler gets it: the body is here, at most LIMIT_JSON_BYTES. */
const struct exchange_head *exchange_head(const struct exchange *x);
struct text exchange_body(const struct exchange *x);
struct text exchange_peer(const struct exchange *x);    /* the peer's IP address, until the next call */

/* Answers; body's reference goes to the exchange (NULL: "{}"). Takes effect at the turn's flush; x is the
 * net's from here on and must not be used again. For HEAD the body is left out.
 * The net adds content-length and date, and, unless the fields name them, cache-control: no-store,
 * x-content-type-options: nosniff and content-type: application/json; charset=utf-8. The fields are copied;
 * at most EXCHANGE_FIELDS_MAX and EXCHANGE_FIELDS_BYTES, names in lower case, no CR, LF or NUL, and neither
 * content-length, date, connection nor transfer-encoding (all CHECKed). */
enum { EXCHANGE_FIELDS_MAX = 16, EXCHANGE_FIELDS_BYTES = 4096 };
void exchange_respond(struct exchange *x, int status, const struct exchange_field *fields,
                      size_t fields_count, struct blob *body);

/* Called at most once, inside net_flush() and so never inside a call of the handler, when the peer went away
 * (or the net gave up: LIMIT_REQUEST_MS) before the answer: x must not be used again. NULL forgets; without
 * one x stays until it is answered, into nothing. */
typedef void exchange_gone_fn(struct exchange *x, void *ctx);
void exchange_on_gone(struct exchange *x, exchange_gone_fn *gone, void *ctx);

/* The request's head and body are not needed any more: their memory goes, and what exchange_head() and
 * exchange_body() show is empty. For those who hold an exchange for long. Promising goes on to work. */
void exchange_forget(struct exchange *x);

/* An answer whose body comes in pieces. The fields are as for exchange_respond(), which must not be called then.
 * HTTP/1.1 sends chunks, 1.0 ends with the connection. */
void exchange_begin(struct exchange *x, int status, const struct exchange_field *fields, size_t fields_count);
/* One more piece; its reference goes to the exchange. Nothing is refused here: whoever writes looks at
 * exchange_unsent() first, and stops at LIMIT_UNSENT_BYTES. */
void exchange_write(struct exchange *x, struct blob *piece);
/* The body ends; x is the net's from here on and must not be used again. */
void exchange_finish(struct exchange *x);
/* Ends it in the middle: RST_STREAM(CANCEL), or the connection closes. x must not be used again; gone is not
 * called. Also before an answer. */
void exchange_abort(struct exchange *x);
/* Bytes written that the socket has not taken: of this exchange and of the answers to what was promised on it, and
 * whatever its connection has for the socket. While the worker as a whole has more than LIMIT_UNSENT_WORKER_BYTES,
 * whoever has anything unsent is told LIMIT_UNSENT_BYTES at least. */
size_t exchange_unsent(const struct exchange *x);
/* Called inside net_flush(), each time that exchange_unsent() has fallen to half of LIMIT_UNSENT_BYTES or less
 * after it was above. An answer that makes no progress for LIMIT_WRITE_STALL_MS is given up: gone. */
typedef void exchange_room_fn(struct exchange *x, void *ctx);
void exchange_on_room(struct exchange *x, exchange_room_fn *room, void *ctx);

/* A request with is_websocket, or of a link listener with its protocol, comes to the handler with its head. This answers 101 with Sec-WebSocket-Accept, or
 * 200 over HTTP/2, with the fields; from then on both sides speak freely: exchange_write() sends bytes as they
 * are, input gets the peer's, inside loop_wait(), valid during the call; at NULL: the peer said its end
 * (END_STREAM, FIN), once. Any other answer, by exchange_respond(), refuses the WebSocket. */
typedef void exchange_input_fn(struct exchange *x, struct text bytes, void *ctx);
void exchange_tunnel(struct exchange *x, const struct exchange_field *fields, size_t fields_count,
                     exchange_input_fn *input, void *ctx);
/* Stops or goes on taking input of a tunnel: what is under way still comes, at most 64 KiB. */
void exchange_pause(struct exchange *x, bool on);

/* Whether the connection may be promised responses: HTTP/2, and the peer left ENABLE_PUSH at 1. */
bool exchange_can_push(const struct exchange *x);
/* Whether we may speak for the request's :authority: the certificate that the connection was opened with names
 * it; in the clear, it is a loopback name or the address that the socket is bound to. */
bool exchange_is_authoritative(const struct exchange *x);
/* PUSH_PROMISE on x, which has begun and not ended: GET target at x's authority (RFC 9113 8.4). The new exchange
 * is to be answered with exchange_respond(), now or later; the answer leaves only after the peer has
 * acknowledged a PING behind the promise, so that the two never come in one read. gone: the peer refused it, or
 * x ended. NULL: the peer takes no pushes, or too many are open. */
struct exchange *exchange_promise(struct exchange *x, struct text target);
/* Whether as many promises are open as may be. If so, x's room is called when one more may be. */
bool exchange_is_crowded(struct exchange *x);

/* The name (CN) in the certificate that the peer of a link showed, ended by 0; empty: it showed none. False: it speaks in
 * the clear, by a socket of this host. */
enum { EXCHANGE_NAME_BYTES = 65 };
bool exchange_certificate(const struct exchange *x, char into[static EXCHANGE_NAME_BYTES]);

/* The first answer of a connection that knows who speaks, or that is public, ends the bound on
 * unauthenticated connections (LIMIT_UNAUTHENTICATED_MS). */
void exchange_trusted(struct exchange *x);
