/* net/h2mem.h - the memory of nghttp2's sessions: one frame buffer for all of them */
#pragma once
#include "base/pool.h"
#include <nghttp2/nghttp2.h>
#include <stdbool.h>

struct h2mem;

/* Tries a session with callbacks and options, to learn what nghttp2 takes its frame buffer as. Small blocks come from
 * pool, which must outlive it. */
struct h2mem *h2mem_new(const nghttp2_session_callbacks *callbacks, const nghttp2_option *options,
                        struct pool *pool);
void h2mem_free(struct h2mem **m);          /* no session may be left */
/* For nghttp2_session_server_new3(). */
nghttp2_mem *h2mem_hooks(struct h2mem *m);
/* Whether the frame buffer is shared; otherwise each session has its own. */
bool h2mem_is_shared(const struct h2mem *m);
