/* lib/feed_inner.h - what the parts of a feed share: its ends, and its memory */
#pragma once
#include "lib/feed.h"
#include "lib/sse.h"
#include "lib/websocket.h"
#include "lib/wire.h"

struct feed_inner {
    struct feed feed;           /* first */
    struct http *http;
    enum feed_way way;
    char *cursor;               /* polls: of the last answer */
    char *token;
    uint32_t hold_s;
    const struct feed_events *on;
    void *context;
    struct exchange *request;   /* the stream, or the poll under way; NULL: none */
    uint64_t opened_ms, heard_ms;
    uint64_t due_ms;            /* polls: the next one */
    uint32_t asked_s;           /* polls: the wait of the one under way */
    unsigned quiet;             /* polls: empty answers in a row */
    unsigned early;             /* polls: ... that came long before their time */
    bool is_live, is_over;
    bool is_checked;            /* streams: the head is what it should be */
    struct websocket ws;
    struct sse sse;
    struct buf line;            /* of an anchor */
    struct buf batch;           /* events that came in one piece; "": none */
    char batch_cursor[64];
    struct exchange **pushed;   /* under way; places may be NULL */
    unsigned pushed_room;
};

/* Ends it and tells; later calls do nothing. detail may be NULL. */
void feed_inner_end(struct feed_inner *f, enum feed_end end, const char *detail);
/* By the problem document of an answer, or by what stands in its place. */
void feed_inner_refused(struct feed_inner *f, const struct exchange *x);
/* An exchange ended that was not answered. */
void feed_inner_failed(struct feed_inner *f, const struct exchange *x);
/* By a word of the server: "revoked", "replaced", "slow", "resync", "refused"; "" or NULL: it is drained. */
void feed_inner_bye(struct feed_inner *f, const char *code, uint64_t retry_ms);
/* {"events":...,"cursor":...} came; takes a over. */
void feed_inner_batch(struct feed_inner *f, struct posthorn_answer *a);

/* feed_poll.c */
void feed_poll_step(struct feed_inner *f, uint64_t now_ms);
/* feed_stream.c: WebSocket, server-sent events and the push anchor. */
void feed_stream_begin(struct feed_inner *f);
