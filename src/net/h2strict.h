/* net/h2strict.h - what nghttp2 lets pass, as it forgets streams that ended: late frames, and priorities unread */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Bit k of a map is the client's stream newest - 2k. */
struct h2strict {
    uint64_t opened; /* the client has begun it */
    uint64_t ended; /* the client has ended or reset it, and may say nothing more on it */
    uint32_t newest; /* the highest stream of the client; 0: none yet */
    uint32_t skip_bytes; /* of a frame's payload, or of the preface */
    uint8_t have_bytes, head[13]; /* of the next frame's head, and of what a PRIORITY depends on */
};

enum h2strict_offence {
    H2STRICT_NONE,
    H2STRICT_ENDED, /* HEADERS or DATA on a stream that the client has ended: STREAM_CLOSED (RFC 9113 5.1) */
    H2STRICT_SKIPPED, /* on one that was never begun, though a later one was: PROTOCOL_ERROR (RFC 9113 5.1.1) */
    H2STRICT_LOOP, /* a PRIORITY makes a stream depend on itself: PROTOCOL_ERROR (RFC 7540 5.3.1) */
};

void h2strict_init(struct h2strict *s);
/* What a client says, from its preface on, in any pieces. The first offence is the last thing that is looked at. */
enum h2strict_offence h2strict_input(struct h2strict *s, const char *at, size_t bytes);
