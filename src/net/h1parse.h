/* net/h1parse.h - strict HTTP/1.1: the head of a request, and the chunks of a body (RFC 9112) */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include "limits.h"
#include <stdint.h>

struct h1parse_field {
    struct text name, value;        /* name as sent, value without the spaces around it */
};

struct h1parse_head {
    struct text method, target;
    struct h1parse_field fields[LIMIT_HEAD_FIELDS];
    uint32_t fields_count;
    bool keep_alive;                /* the connection may serve another request */
    bool is_10;                     /* HTTP/1.0 */
    bool expects_continue;
    bool is_chunked;
    bool is_websocket;              /* RFC 6455 4.1: GET that wants to become one, and has no body */
    struct text websocket_key;
    uint64_t content_length;        /* 0 when absent */
};

/* Looks for the end of a head in the bytes that came so far. *scanned starts at 0 for each head and is kept
 * by the caller, so that a head that comes byte by byte is looked at once. On ERR_OK *head_bytes is the length
 * with the empty line, or 0: more is needed. Errors: ERR_BAD_REQUEST (no request starts like this, bare LF),
 * ERR_URI_TOO_LONG, ERR_HEAD_TOO_LARGE (LIMIT_HEAD_BYTES). */
MUST_USE enum err h1parse_find(const char *at, size_t bytes, size_t *scanned, size_t *head_bytes);

/* Takes a whole head apart, the empty line included; h borrows from head. Errors: ERR_BAD_REQUEST,
 * ERR_URI_TOO_LONG, ERR_HEAD_TOO_LARGE (LIMIT_HEAD_FIELDS), ERR_NOT_IMPLEMENTED (a transfer coding other than
 * chunked, CONNECT; a WebSocket without exactly one key is a bad request), ERR_EXPECTATION_FAILED,
 * ERR_BAD_VERSION. After any of them the framing is not to be trusted: answer and close. */
MUST_USE enum err h1parse_head(struct text head, struct h1parse_head *h);

/* A request target that we serve: absolute path with an optional query, or "*" for OPTIONS. Shared with
 * HTTP/2. Errors: ERR_BAD_REQUEST, ERR_URI_TOO_LONG. */
MUST_USE enum err h1parse_target(struct text method, struct text target);

/* A Host or :authority value: characters of a name or an address and a port only. */
bool h1parse_authority(struct text authority);

/* All zero is the start of a chunked body. */
struct h1parse_chunks {
    uint8_t state;
    uint8_t digits;                 /* of the size line so far */
    uint32_t extension_bytes;       /* of the whole body */
    uint64_t left_bytes;            /* of the chunk */
};

/* Decodes up to the next piece of payload: *used bytes are done with, *data (may be empty) borrows from at.
 * Call again with the rest until h1parse_chunks_done() or nothing is left. Errors: ERR_BAD_REQUEST. */
MUST_USE enum err h1parse_chunks(struct h1parse_chunks *c, const char *at, size_t bytes, size_t *used,
                                 struct text *data);
bool h1parse_chunks_done(const struct h1parse_chunks *c);
