/* net/h2mem.c - the memory of nghttp2's sessions: one frame buffer for all of them
 *
 * A session keeps 16 KiB to build the next frame in, which is more than everything else that an idle one has. What
 * is inside counts only between nghttp2_session_mem_send() and the copying of what it gave, and one session is
 * flushed after the other: so all of them are given the same bytes. This holds as long as
 *  - what mem_send() gives is copied before anything else is called (h2.c does), and no flush begins inside another;
 *  - no header block needs a second buffer: nghttp2 is told to refuse those beyond 8 KiB;
 *  - nghttp2 asks for it as we think. So a session is tried at the start: unless it takes exactly one block of about
 *    this size, nothing is shared. The size must be met to the byte; no frame that a peer sends has it.
 */
#include "net/h2mem.h"
#include "base/check.h"
#include <stdlib.h>
#include <string.h>

enum { FRAME_BYTES_MIN = 16 * 1024, FRAME_BYTES_MAX = 20 * 1024 };

struct h2mem {
    nghttp2_mem hooks;
    struct pool *pool; /* of what sessions give back between requests */
    char *shared; /* NULL: nothing is shared */
    size_t shared_bytes;
    size_t tried_bytes; /* while a session is tried: the last block of that size */
    unsigned tried_count;
};

static bool is_frame(struct h2mem *m, size_t bytes)
{
    if (m->shared)
        return bytes == m->shared_bytes;
    if (bytes >= FRAME_BYTES_MIN && bytes <= FRAME_BYTES_MAX) {
        m->tried_bytes = bytes;
        m->tried_count++;
    }
    return false;
}

static void *on_malloc(size_t bytes, void *ctx)
{
    struct h2mem *m = ctx;

    return is_frame(m, bytes) ? m->shared : pool_take(m->pool, bytes);
}

static void on_free(void *p, void *ctx)
{
    struct h2mem *m = ctx;

    if (p != m->shared)
        pool_give(m->pool, p);
}

static void *on_calloc(size_t count, size_t bytes, void *ctx)
{
    struct h2mem *m = ctx;
    size_t total = 0;

    CHECK(!__builtin_mul_overflow(count, bytes, &total));
    return pool_take_zeroed(m->pool, total);
}

static void *on_realloc(void *old, size_t bytes, void *ctx)
{
    struct h2mem *m = ctx;
    void *p;

    if (!old)
        return on_malloc(bytes, ctx);
    if (!m->shared || old != m->shared) {
        p = realloc(old, bytes);
        CHECK(p || bytes == 0);
        return p;
    }
    p = malloc(bytes);
    CHECK(p);
    memcpy(p, old, bytes < m->shared_bytes ? bytes : m->shared_bytes);
    return p;
}

struct h2mem *h2mem_new(const nghttp2_session_callbacks *callbacks, const nghttp2_option *options,
                        struct pool *pool)
{
    struct h2mem *m = calloc(1, sizeof(*m));
    nghttp2_session *tried;

    CHECK(m);
    m->pool = pool;
    m->hooks = (nghttp2_mem){ m, on_malloc, on_free, on_calloc, on_realloc };
    CHECK(nghttp2_session_server_new3(&tried, callbacks, NULL, options, &m->hooks) == 0);
    nghttp2_session_del(tried);
    if (m->tried_count != 1)
        return m;
    m->shared_bytes = m->tried_bytes;
    m->shared = malloc(m->shared_bytes);
    CHECK(m->shared);
    return m;
}

void h2mem_free(struct h2mem **m)
{
    if (!*m)
        return;
    free((*m)->shared);
    free(*m);
    *m = NULL;
}

nghttp2_mem *h2mem_hooks(struct h2mem *m)
{
    return &m->hooks;
}

bool h2mem_is_shared(const struct h2mem *m)
{
    return m->shared != NULL;
}
