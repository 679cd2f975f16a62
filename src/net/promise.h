/* net/promise.h - PUSH_PROMISE: made, acknowledged, and only then answered */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct conn;
struct exchange;

/* Whether the peer takes promises at all, and whether one more may be open. */
bool promise_can(const struct conn *c);
bool promise_has_room(const struct conn *c);
/* Says the promise; false: the peer does not take it any more. */
bool promise_say(struct exchange *x);
/* The frame is out: a ping follows it. Inside nghttp2's callbacks, as are the next two. */
void promise_said(struct conn *c, int32_t stream_id);
/* It could not be sent. */
void promise_failed(struct conn *c, int32_t stream_id);
/* An acknowledged ping: the answer of its promise may leave. */
void promise_acknowledged(struct conn *c, const uint8_t opaque[static 8]);
