/* unit/net/frames.h - an HTTP/2 client, frame by frame */
#pragma once
#include "wire.h"

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, KINDS };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };
enum { FRAMES_STREAMS = 16, FRAMES_BLOCKS = 8 };

/* What the server said. */
struct frames_said {
    unsigned frames[KINDS];
    size_t data_bytes;
    unsigned ends;                  /* frames with END_STREAM */
    uint32_t last_reset, goaway_code, goaway_last[4], goaways;
    uint32_t reset_stream;
    bool closed, has_connect_protocol;
    char body[4096];                /* of all streams */
    char bodies[FRAMES_STREAMS][512];
    size_t stream_bytes[FRAMES_STREAMS];
    bool stream_ended[FRAMES_STREAMS];
    char order[1024];               /* "H1 D1 G0 ...": first letter and stream; p: PING, u: PUSH_PROMISE, k: an ack */
    uint32_t promised;              /* the last one */
    unsigned char ping[8];          /* the last one */
    struct { unsigned char at[256]; size_t bytes; } blocks[FRAMES_BLOCKS];  /* header blocks of HEADERS and PUSH */
    unsigned blocks_count;
};

void frames_send(int fd, unsigned kind, unsigned flags, uint32_t stream, const void *payload, size_t bytes);
/* window_bytes: what the client lets a stream have. */
int frames_connect(struct wire *w, bool takes_pushes, uint32_t window_bytes);
/* :method GET or POST, :scheme http, :path, :authority localhost, without Huffman or indexing of our own. */
void frames_request(int fd, uint32_t stream, bool is_post, const char *path, unsigned flags);
/* CONNECT with :protocol (NULL: without). */
void frames_websocket(int fd, uint32_t stream, const char *protocol, const char *path, unsigned flags);
/* Turns for at most ms, or until ends streams ended. */
struct frames_said frames_hear(struct wire *w, int fd, unsigned ms, unsigned ends);
/* Turns until frames of this kind came, or five seconds are over. */
struct frames_said frames_hear_until(struct wire *w, int fd, unsigned kind, unsigned count);
