/* api/frame.h - the messages of a WebSocket: verbs and acknowledgements in, answers and signals out */
#pragma once
#include "api/receiver.h"
#include "base/arena.h"

#define FRAME_PROTOCOL "posthorn.v1"    /* the subprotocol's name (RFC 6455 1.9) */

enum { FRAME_FIELD_MAX = 80 };

/* {"id":7,"do":"POST","path":"/v1/...","body":{...}} or {"ack":"3.1045"}; texts in the arena, at NULL: not there. */
struct frame {
    uint64_t id;
    bool has_id;
    struct text method, path, body, ack;
};

/* Reads a message, at most LIMIT_SOCKET_BYTES. With an error (those of wire_read()) field says what it is about, or
 * is empty, and f has an id when that could be read. */
MUST_USE enum err frame_read(struct text message, struct arena *arena, struct frame *f,
                             char field[static FRAME_FIELD_MAX]);
/* {"id":7,"status":201,"body":...} */
struct blob *frame_answer(uint64_t id, int status, struct text body);
/* The answer to a frame that was refused: with its id as above, else {"error":{...}}. */
struct blob *frame_refusal(const struct frame *f, enum err err, const char *field);
/* {"signal":{"t":"head","cursor":...}} */
struct blob *frame_head(const struct receiver *r);
