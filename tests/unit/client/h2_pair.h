/* unit/client/h2_pair.h - our HTTP/2 and a server in memory that says what the test wants */
#pragma once
#include "lib/h2.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

enum { BODIES = 300 };

/* What the server has to say on a stream. */
struct body {
    struct buf left;
    bool ends;
};

struct pair {
    struct h2 *h2;
    nghttp2_session *server;
    int32_t stream; /* of the last request that came */
    struct buf seen, closed; /* by the server: fields and data; "stream:code;" */
    struct body bodies[BODIES]; /* by stream number */
    struct exchange *ended[16];
    struct exchange *pushed[16];
    unsigned ended_count, pushed_count, promised_count;
    bool refuses; /* any promise */
    struct buf pieces;
    unsigned piece_count;
};

static inline int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name,
                            size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags,
                            void *context)
{
    struct pair *p = context;
    (void)s, (void)flags;
    p->stream = frame->hd.stream_id;
    buf_format(&p->seen, "%.*s: %.*s\n", (int)name_bytes, name, (int)value_bytes, value);
    return 0;
}

static inline int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *bytes,
                          size_t count, void *context)
{
    struct pair *p = context;
    (void)s, (void)flags, (void)stream;
    buf_add(&p->seen, bytes, count);
    return 0;
}

static inline int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *context)
{
    struct pair *p = context;
    (void)s;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        buf_format(&p->closed, "%d:%u;", frame->hd.stream_id, frame->rst_stream.error_code);
    return 0;
}

static inline ssize_t read_body(nghttp2_session *s, int32_t stream, uint8_t *into, size_t room,
                                uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct body *b = source->ptr;
    (void)s, (void)stream, (void)context;
    size_t count = b->left.bytes < room ? b->left.bytes : room;
    if (count)
        memcpy(into, b->left.at, count);
    buf_drop(&b->left, count);
    if (b->left.bytes == 0 && b->ends)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (count == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)count;
}

static inline void ended(void *context, struct exchange *x)
{
    struct pair *p = context;
    assert_true(p->ended_count < 16);
    p->ended[p->ended_count++] = x;
}

static inline void pushed(void *context, struct exchange *x)
{
    struct pair *p = context;
    assert_true(p->pushed_count < 16);
    p->pushed[p->pushed_count++] = x;
}

static inline bool promised(void *context, struct exchange *x)
{
    struct pair *p = context;
    assert_string_equal(x->path, "/v1/events?after=1.2");
    p->promised_count++;
    return !p->refuses;
}

static inline void piece(void *context, const char *bytes, size_t count)
{
    struct pair *p = context;
    buf_add(&p->pieces, bytes, count);
    p->piece_count++;
}

static inline struct pair *pair_new(bool takes_pushes, bool takes_tunnels)
{
    static const struct h2_events events = { ended, pushed };
    struct pair *p = buf_zeroed(1, sizeof *p);
    nghttp2_session_callbacks *calls;
    const nghttp2_settings_entry settings = { NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 };
    assert_int_equal(nghttp2_session_callbacks_new(&calls), 0);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    assert_int_equal(nghttp2_session_server_new(&p->server, calls, p), 0);
    nghttp2_session_callbacks_del(calls);
    assert_int_equal(nghttp2_submit_settings(p->server, 0, &settings, takes_tunnels), 0);
    p->h2 = h2_new("chat.example", true, takes_pushes, &events, p);
    return p;
}

static inline void pair_free(struct pair *p)
{
    for (unsigned n = 0; n < p->pushed_count; n++)
        if (p->pushed[n]->end == EXCHANGE_OPEN) {
            h2_cancel(p->h2, p->pushed[n]);
            exchange_free(&p->pushed[n]);
        }
    for (unsigned n = 0; n < p->ended_count; n++)
        exchange_free(&p->ended[n]);
    for (unsigned n = 0; n < BODIES; n++)
        buf_fini(&p->bodies[n].left);
    buf_fini(&p->seen);
    buf_fini(&p->closed);
    buf_fini(&p->pieces);
    h2_free(&p->h2);
    nghttp2_session_del(p->server);
    free(p);
}

/* Bytes to and fro until nobody has any. False: the client found them wrong. */
static inline bool pump(struct pair *p)
{
    bool is_good = true, moved = true;
    while (moved && is_good) {
        struct buf out = { 0 };
        const uint8_t *bytes;
        ssize_t count;
        assert_true(h2_write(p->h2, &out, 1 << 20));
        moved = out.bytes > 0;
        if (moved)
            assert_int_equal(nghttp2_session_mem_recv(p->server, (uint8_t *)out.at, out.bytes), out.bytes);
        buf_fini(&out);
        while (is_good && (count = nghttp2_session_mem_send(p->server, &bytes)) > 0) {
            is_good = h2_read(p->h2, (const char *)bytes, (size_t)count);
            moved = true;
        }
    }
    buf_add(&p->seen, "", 0);
    buf_add(&p->closed, "", 0);
    buf_add(&p->pieces, "", 0);
    return is_good;
}

static inline struct exchange *get(struct pair *p, const char *path)
{
    struct exchange *x = exchange_new("GET", path, "secret", NULL);
    x->response.piece = piece;
    x->response.piece_context = p;
    x->context = p;
    return x;
}

#define NV(name, value)                                                                                      \
    {                                                                                                        \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value), 0          \
    }

static inline void answer(struct pair *p, int32_t stream, const char *status, const char *text, bool ends)
{
    struct body *b = &p->bodies[stream];
    const nghttp2_nv fields[] = { NV(":status", status), NV("content-type", "text/x"),
                                  NV("sec-websocket-protocol", "posthorn.v1") };
    nghttp2_data_provider provider = { .source.ptr = b, .read_callback = read_body };
    buf_text(&b->left, text);
    b->ends = ends;
    assert_int_equal(nghttp2_submit_response(p->server, stream, fields, 3, &provider), 0);
}

static inline void say(struct pair *p, int32_t stream, const char *text, bool ends)
{
    buf_text(&p->bodies[stream].left, text);
    p->bodies[stream].ends = ends;
    assert_int_equal(nghttp2_session_resume_data(p->server, stream), 0);
}
