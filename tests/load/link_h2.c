/* load/link_h2.c - a link's HTTP/2: nghttp2 says what the bytes mean */
#include "load/link_inner.h"

#include "base/check.h"
#include <stdio.h>
#include <stdlib.h>

/* A promised stream, from its promise to its end. */
struct link_push {
    struct link_push *next;
    struct link_ask *anchor;
    int32_t stream;
    struct buf answer;
};

static struct link_push **link_h2_push(struct link *l, int32_t stream)
{
    struct link_push **p = &l->pushes;

    while (*p && (*p)->stream != stream)
        p = &(*p)->next;
    return p;
}

static bool link_h2_is_push(int32_t stream)
{
    return stream % 2 == 0;
}

static int link_h2_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                             size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags,
                             void *ctx)
{
    struct link_ask *a = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags, (void)ctx;
    if (!a || frame->hd.type != NGHTTP2_HEADERS || link_h2_is_push(frame->hd.stream_id))
        return 0;
    if (name_bytes == 7 && memcmp(name, ":status", 7) == 0 && value_bytes == 3)
        a->status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
    return 0;
}

static int link_h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct link *l = ctx;

    if (frame->hd.type != NGHTTP2_PUSH_PROMISE)
        return 0;
    struct link_push *p = calloc(1, sizeof *p);
    CHECK(p);
    p->anchor = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    p->stream = frame->push_promise.promised_stream_id;
    buf_init(&p->answer, LINK_ANSWER_BYTES);
    p->next = l->pushes;
    l->pushes = p;
    return 0;
}

static int link_h2_on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                           size_t bytes, void *ctx)
{
    struct link_ask *a = nghttp2_session_get_stream_user_data(session, stream);

    (void)flags;
    if (link_h2_is_push(stream)) {
        struct link_push *p = *link_h2_push(ctx, stream);
        if (p)
            buf_put(&p->answer, data, bytes);
    } else if (a) {
        buf_put(&a->answer, data, bytes);
        if (a->more && a->status == 200)
            a->more(a);
    }
    return 0;
}

/* A pushed stream is over: its anchor's owner gets what came, or nothing when it was reset. */
static void link_h2_pushed(struct link *l, int32_t stream, bool is_whole)
{
    struct link_push **at = link_h2_push(l, stream), *p = *at;

    if (!p)
        return;
    *at = p->next;
    if (p->anchor && p->anchor->pushed)
        p->anchor->pushed(p->anchor, is_whole && !p->answer.overflowed ? buf_text(&p->answer) : TEXT(""));
    buf_fini(&p->answer);
    free(p);
}

static int link_h2_on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *ctx)
{
    struct link_ask *a = nghttp2_session_get_stream_user_data(session, stream);
    struct link *l = ctx;

    if (link_h2_is_push(stream)) {
        link_h2_pushed(l, stream, error == NGHTTP2_NO_ERROR);
        return 0;
    }
    if (!a)
        return 0;
    for (struct link_push *p = l->pushes; p; p = p->next)
        p->anchor = p->anchor == a ? NULL : p->anchor;
    link_ended(l, a, error == NGHTTP2_NO_ERROR && !a->answer.overflowed ? a->status : 0);
    return 0;
}

void link_h2_begin(struct link *l, bool takes_pushes)
{
    nghttp2_session_callbacks *calls;
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, takes_pushes },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, LINK_WINDOW },
    };

    CHECK(nghttp2_session_callbacks_new(&calls) == 0);
    nghttp2_session_callbacks_set_on_header_callback(calls, link_h2_on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, link_h2_on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, link_h2_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, link_h2_on_close);
    CHECK(nghttp2_session_client_new(&l->session, calls, l) == 0);
    nghttp2_session_callbacks_del(calls);
    CHECK(nghttp2_submit_settings(l->session, NGHTTP2_FLAG_NONE, settings, 2) == 0);
    CHECK(nghttp2_session_set_local_window_size(l->session, NGHTTP2_FLAG_NONE, 0, LINK_WINDOW) == 0);
}

void link_h2_fini(struct link *l)
{
    nghttp2_session_del(l->session);
    while (l->pushes) {
        struct link_push *p = l->pushes;
        l->pushes = p->next;
        buf_fini(&p->answer);
        free(p);
    }
}

/* The body, or what was told on a socket, which never ends. */
static ssize_t link_h2_body(nghttp2_session *session, int32_t stream, uint8_t *into, size_t room,
                            uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct link_ask *a = source->ptr;
    size_t bytes = a->is_socket ? a->tell.bytes : a->body.bytes - a->sent;

    (void)session, (void)stream, (void)ctx;
    if (a->is_socket && !bytes)
        return NGHTTP2_ERR_DEFERRED;
    if (bytes > room)
        bytes = room;
    memcpy(into, a->is_socket ? a->tell.at : a->body.at + a->sent, bytes);
    if (a->is_socket)
        buf_drop(&a->tell, bytes);
    else if ((a->sent += bytes) == a->body.bytes)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)bytes;
}

static nghttp2_nv link_h2_field(const char *name, const char *value)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value),
                         NGHTTP2_NV_FLAG_NONE };
}

void link_h2_ask(struct link *l, struct link_ask *a)
{
    nghttp2_nv fields[12];
    nghttp2_data_provider body = { .source.ptr = a, .read_callback = link_h2_body };
    char bearer[256], length[24];
    size_t count = 0;

    fields[count++] = link_h2_field(":method", a->is_socket ? "CONNECT" : a->method);
    fields[count++] = link_h2_field(":scheme", l->tls ? "https" : "http");
    fields[count++] = link_h2_field(":authority", l->target->authority);
    fields[count++] = link_h2_field(":path", a->path);
    if (a->is_socket) {
        fields[count++] = link_h2_field(":protocol", "websocket");
        fields[count++] = link_h2_field("sec-websocket-version", "13");
        fields[count++] = link_h2_field("sec-websocket-protocol", "posthorn.v1");
    }
    if (a->accept)
        fields[count++] = link_h2_field("accept", a->accept);
    if (a->token) {
        snprintf(bearer, sizeof bearer, "Bearer %s", a->token);
        fields[count++] = link_h2_field("authorization", bearer);
    }
    if (a->body.bytes) {
        snprintf(length, sizeof length, "%zu", a->body.bytes);
        fields[count++] = link_h2_field("content-type", "application/json");
        fields[count++] = link_h2_field("content-length", length);
    }
    a->stream = nghttp2_submit_request(l->session, NULL, fields, count,
                                       a->is_socket || a->body.bytes ? &body : NULL, a);
    CHECK(a->stream > 0);
}

void link_h2_tell(struct link *l, struct link_ask *a, struct text bytes)
{
    buf_put_text(&a->tell, bytes);
    nghttp2_session_resume_data(l->session, a->stream);
}

bool link_h2_take(struct link *l, struct text bytes)
{
    return nghttp2_session_mem_recv(l->session, (const uint8_t *)bytes.at, bytes.bytes) ==
           (ssize_t)bytes.bytes;
}

bool link_h2_give(struct link *l)
{
    const uint8_t *at;
    ssize_t bytes;

    while ((bytes = nghttp2_session_mem_send(l->session, &at)) > 0)
        buf_put(&l->out, at, (size_t)bytes);
    return bytes == 0;
}
