/* net/wsframe.h - WebSocket frames without a socket: bytes in, messages out (RFC 6455 5, the server's side) */
#pragma once
#include "base/text.h"
#include "net/utf8.h"

enum wsframe_opcode { WSFRAME_CONTINUATION = 0, WSFRAME_TEXT = 1, WSFRAME_BINARY = 2, WSFRAME_CLOSE = 8,
                      WSFRAME_PING = 9, WSFRAME_PONG = 10 };
enum { WSFRAME_HEAD_BYTES = 10, WSFRAME_CONTROL_BYTES = 125, WSFRAME_REASON_BYTES = 123 };
/* Why a frame was refused, in the words of RFC 6455 7.4.1; NO_CODE: a Close frame without one. */
enum { WSFRAME_BROKEN = 1002, WSFRAME_NOT_TAKEN = 1003, WSFRAME_NO_CODE = 1005, WSFRAME_NO_TEXT = 1007,
       WSFRAME_TOO_BIG = 1009 };

/* What a frame, or the frames of a message, said. */
enum wsframe_what {
    WSFRAME_IS_MORE,                /* nothing yet: all bytes are used up */
    WSFRAME_IS_TEXT, WSFRAME_IS_BINARY,     /* a whole message */
    WSFRAME_IS_PING, WSFRAME_IS_PONG,
    WSFRAME_IS_CLOSE,               /* code, and the reason as payload; nothing comes behind it */
    WSFRAME_IS_BAD,                 /* code; nothing comes behind it */
};
struct wsframe_event {
    enum wsframe_what what;
    uint16_t code;
    struct text payload;            /* the reader's, until its next call */
};

/* The reader. Between messages it holds no memory but itself. */
struct wsframe {
    char *message;                  /* what came of the message, unmasked */
    char *control;                  /* of a control frame that did not come in one piece */
    uint32_t message_bytes, message_room;
    uint32_t left;                  /* bytes that the frame's payload still lacks */
    uint32_t fragments;             /* of the message; 0: none has begun */
    uint8_t head[14];               /* of the frame; its last four bytes are the mask */
    uint8_t head_bytes;             /* that came */
    uint8_t control_bytes;
    uint8_t mask_at;                /* which byte of the mask is the next one's */
    bool in_payload, takes_binary, is_text, is_given, is_over;
    struct utf8 utf8;
};

/* takes_binary: otherwise the head of a binary message is refused with WSFRAME_NOT_TAKEN. */
void wsframe_init(struct wsframe *f, bool takes_binary);
void wsframe_fini(struct wsframe *f);
/* Reads up to the end of the next message or control frame; returns how many bytes that took, and at least one
 * when there is one. Bounds: LIMIT_SOCKET_BYTES (looked at when a head claims more, but memory grows only with
 * what came) and LIMIT_SOCKET_FRAGMENTS for a message. Text is refused at its first byte that is no UTF-8. */
size_t wsframe_read(struct wsframe *f, struct text bytes, struct wsframe_event *e);
/* The last event's payload is not needed any more. */
void wsframe_taken(struct wsframe *f);
/* Whether it stands between two messages and holds nothing: as good as a new one. */
bool wsframe_is_idle(const struct wsframe *f);

/* Writes the head of a whole unmasked frame; returns its length. */
size_t wsframe_head(uint8_t into[static WSFRAME_HEAD_BYTES], enum wsframe_opcode opcode, size_t payload_bytes);
/* Whether a Close frame may carry it (RFC 6455 7.4, and what was registered since). */
bool wsframe_is_code(uint32_t code);
