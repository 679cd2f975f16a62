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
                last_event_id, method_override;
    bool is_tls;
    bool is_http2;
};

struct exchange;                    /* lives from the request to its answer or its end */

struct exchange_field { const char *name; struct text value; };     /* name in lower case */

/* The request is whole when the handler gets it: the body is here, at most LIMIT_JSON_BYTES. */
const struct exchange_head *exchange_head(const struct exchange *x);
struct text exchange_body(const struct exchange *x);
struct text exchange_peer(const struct exchange *x);    /* the peer's IP address as text */

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

/* The first answer of a connection that knows who speaks, or that is public, ends the bound on
 * unauthenticated connections (LIMIT_UNAUTHENTICATED_MS). */
void exchange_trusted(struct exchange *x);
