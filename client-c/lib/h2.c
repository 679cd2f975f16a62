/* lib/h2.c - HTTP/2: many exchanges over one stream of bytes */
#include "lib/h2.h"
#include <nghttp2/nghttp2.h>
#include <string.h>

struct h2 {
    nghttp2_session *session;
    const char *authority;
    bool is_tls;
    bool is_leaving, is_settled;
    const struct h2_events *on;
    void *context;
    struct { /* the promise whose headers are being read */
        bool is_get, is_ours;
        char path[128];
    } promise;
};

enum { PUSHES_MOST = 4, STREAM_WINDOW = 1024 * 1024, CONNECTION_WINDOW = 4 * 1024 * 1024 };

static bool is_same(const char *text, const uint8_t *value, size_t bytes)
{
    return strlen(text) == bytes && memcmp(text, value, bytes) == 0;
}

static void promise_header(struct h2 *h, const uint8_t *name, size_t name_bytes, const uint8_t *value,
                           size_t value_bytes)
{
    if (is_same(":method", name, name_bytes))
        h->promise.is_get = is_same("GET", value, value_bytes);
    else if (is_same(":authority", name, name_bytes))
        h->promise.is_ours = is_same(h->authority, value, value_bytes);
    else if (is_same(":path", name, name_bytes) && value_bytes < sizeof h->promise.path)
        memcpy(h->promise.path, value, value_bytes);
}

static int on_begin(nghttp2_session *s, const nghttp2_frame *frame, void *context)
{
    (void)s;
    struct h2 *h = context;
    if (frame->hd.type == NGHTTP2_PUSH_PROMISE)
        memset(&h->promise, 0, sizeof h->promise);
    return 0;
}

/* Only what we asked for may be pushed: else a server could put words into another's mouth. */
static int take_promise(struct h2 *h, const nghttp2_push_promise *frame)
{
    static const char path[] = "/v1/events?";
    struct exchange *anchor = nghttp2_session_get_stream_user_data(h->session, frame->hd.stream_id);
    bool is_good = anchor && anchor->promised && h->promise.is_get && h->promise.is_ours &&
                   strncmp(h->promise.path, path, sizeof path - 1) == 0;
    if (!is_good)
        return nghttp2_submit_rst_stream(h->session, 0, frame->promised_stream_id, NGHTTP2_REFUSED_STREAM);
    struct exchange *x = exchange_new("GET", h->promise.path, NULL, NULL);
    x->stream = frame->promised_stream_id;
    x->was_requeued = true; /* it can't be asked for */
    x->deadline_ms = UINT64_MAX;
    if (!anchor->promised(anchor->context, x)) {
        exchange_free(&x);
        return nghttp2_submit_rst_stream(h->session, 0, frame->promised_stream_id, NGHTTP2_REFUSED_STREAM);
    }
    nghttp2_session_set_stream_user_data(h->session, x->stream, x);
    h->on->pushed(h->context, x);
    return 0;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t name_bytes,
                     const uint8_t *value, size_t value_bytes, uint8_t flags, void *context)
{
    (void)flags;
    if (frame->hd.type == NGHTTP2_PUSH_PROMISE) {
        promise_header(context, name, name_bytes, value, value_bytes);
        return 0;
    }
    struct exchange *x = nghttp2_session_get_stream_user_data(s, frame->hd.stream_id);
    if (!x)
        return 0;
    if (name_bytes == 7 && memcmp(name, ":status", 7) == 0) {
        int status = 0; /* nghttp2 has checked that it is three digits */
        for (size_t i = 0; i < value_bytes; i++)
            status = status * 10 + (value[i] - '0');
        x->response.status = status < 200 ? 0 : status;
    } else {
        exchange_header(&x->response, (const char *)name, name_bytes, (const char *)value, value_bytes);
    }
    return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t count,
                   void *context)
{
    (void)flags, (void)context;
    struct exchange *x = nghttp2_session_get_stream_user_data(s, stream);
    if (!x)
        return 0;
    if (!exchange_take(&x->response, (const char *)bytes, count))
        return nghttp2_submit_rst_stream(s, 0, stream, NGHTTP2_CANCEL);
    return 0;
}

/* The server said all that it has to say in a tunnel: nothing of ours is wanted there any more. */
static int end_tunnel(nghttp2_session *s, int32_t stream)
{
    const struct exchange *x = nghttp2_session_get_stream_user_data(s, stream);
    if (!x || !x->response.wants_tunnel)
        return 0;
    return nghttp2_submit_rst_stream(s, 0, stream, NGHTTP2_NO_ERROR);
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *context)
{
    struct h2 *h = context;
    bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return end_tunnel(s, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_GOAWAY)
        h->is_leaving = true;
    if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK))
        h->is_settled = true;
    if (frame->hd.type == NGHTTP2_PUSH_PROMISE)
        return take_promise(h, &frame->push_promise);
    return 0;
}

static int on_close(nghttp2_session *s, int32_t stream, uint32_t code, void *context)
{
    struct h2 *h = context;
    struct exchange *x = nghttp2_session_get_stream_user_data(s, stream);
    if (!x)
        return 0;
    nghttp2_session_set_stream_user_data(s, stream, NULL);
    x->stream = 0;
    /* RFC 9113 8.1: a complete answer may be followed by NO_ERROR when the body was not needed. */
    if (x->response.status && code == NGHTTP2_NO_ERROR)
        x->end = EXCHANGE_ANSWERED;
    else
        x->end = code == NGHTTP2_REFUSED_STREAM ? EXCHANGE_UNSENT : EXCHANGE_LOST;
    h->on->ended(h->context, x);
    return 0;
}

static int on_unsent(nghttp2_session *s, const nghttp2_frame *frame, int code, void *context)
{
    (void)code;
    struct h2 *h = context;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct exchange *x = nghttp2_session_get_stream_user_data(s, frame->hd.stream_id);
    if (!x)
        return 0;
    nghttp2_session_set_stream_user_data(s, frame->hd.stream_id, NULL);
    x->stream = 0;
    x->end = EXCHANGE_UNSENT;
    h->on->ended(h->context, x);
    return 0;
}

static ssize_t read_body(nghttp2_session *s, int32_t stream, uint8_t *into, size_t room, uint32_t *flags,
                         nghttp2_data_source *source, void *context)
{
    (void)s, (void)stream, (void)context;
    struct exchange *x = source->ptr;
    size_t left = x->body.bytes - x->body_sent;
    size_t count = left < room ? left : room;
    if (count)
        memcpy(into, x->body.at + x->body_sent, count);
    x->body_sent += count;
    if (x->body_sent == x->body.bytes)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)count;
}

/* A tunnel's bytes, as far as there are some. */
static ssize_t read_tunnel(nghttp2_session *s, int32_t stream, uint8_t *into, size_t room, uint32_t *flags,
                           nghttp2_data_source *source, void *context)
{
    (void)s, (void)stream, (void)flags, (void)context;
    struct exchange *x = source->ptr;
    size_t count = x->out.bytes < room ? x->out.bytes : room;
    if (count == 0)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(into, x->out.at, count);
    buf_drop(&x->out, count);
    return (ssize_t)count;
}

static void set_calls(nghttp2_session_callbacks *calls)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(calls, on_unsent);
}

struct h2 *h2_new(const char *authority, bool is_tls, bool takes_pushes, const struct h2_events *on,
                  void *context)
{
    struct h2 *h = buf_zeroed(1, sizeof *h);
    *h = (struct h2){ .authority = authority, .is_tls = is_tls, .on = on, .context = context };
    nghttp2_session_callbacks *calls;
    nghttp2_option *options;
    if (nghttp2_session_callbacks_new(&calls) || nghttp2_option_new(&options))
        abort();
    set_calls(calls);
    nghttp2_option_set_max_settings(options, 64);
    nghttp2_option_set_max_send_header_block_length(options, 16 * 1024);
    nghttp2_option_set_max_reserved_remote_streams(options, PUSHES_MOST); /* SETTINGS don't bound those */
    if (nghttp2_session_client_new2(&h->session, calls, h, options))
        abort();
    nghttp2_session_callbacks_del(calls);
    nghttp2_option_del(options);
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, takes_pushes },
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, PUSHES_MOST },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 16 * 1024 },
    };
    if (nghttp2_submit_settings(h->session, 0, settings, sizeof settings / sizeof settings[0]) ||
        nghttp2_session_set_local_window_size(h->session, 0, 0, CONNECTION_WINDOW))
        abort();
    return h;
}

static nghttp2_nv field(const char *name, const char *value, uint8_t flags)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value),
                         flags };
}

/* The fields of a request; answers how many. bearer holds what must live until they are submitted. */
static size_t make_fields(const struct h2 *h, const struct exchange *x, struct buf *bearer, char length[24],
                          nghttp2_nv fields[16])
{
    size_t count = 0;
    bool is_tunnel = x->response.wants_tunnel;
    snprintf(length, 24, "%zu", x->body.bytes);
    fields[count++] = field(":method", is_tunnel ? "CONNECT" : x->method, 0);
    if (is_tunnel)
        fields[count++] = field(":protocol", "websocket", 0);
    fields[count++] = field(":scheme", h->is_tls ? "https" : "http", 0);
    fields[count++] = field(":authority", h->authority, 0);
    fields[count++] = field(":path", x->path, 0);
    fields[count++] = field("user-agent", "libposthorn/" POSTHORN_VERSION, 0);
    fields[count++] = field("accept", x->accept ? x->accept : "application/json", 0);
    if (is_tunnel) {
        fields[count++] = field("sec-websocket-version", "13", 0);
        fields[count++] = field("sec-websocket-protocol", "posthorn.v1", 0);
    }
    if (x->overridden)
        fields[count++] = field("x-http-method-override", x->overridden, 0);
    if (x->token) {
        buf_format(bearer, "Bearer %s", x->token);
        /* The token is worth a table entry: it comes with every request of the connection. */
        fields[count++] = field("authorization", bearer->at, 0);
    }
    if (x->body.bytes) {
        fields[count++] = field("content-type", "application/json", 0);
        fields[count++] = field("content-length", length, 0);
    }
    return count;
}

void h2_begin(struct h2 *h, struct exchange *x)
{
    nghttp2_nv fields[16];
    struct buf bearer = { 0 };
    char length[24];
    bool is_tunnel = x->response.wants_tunnel;
    x->is_waiting = is_tunnel && !h->is_settled;
    if (x->is_waiting)
        return;
    if (is_tunnel &&
        !nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL)) {
        x->was_requeued = true;
        x->end = EXCHANGE_UNFIT;
        h->on->ended(h->context, x);
        return;
    }
    size_t count = make_fields(h, x, &bearer, length, fields);
    nghttp2_data_provider body = { .source.ptr = x, .read_callback = is_tunnel ? read_tunnel : read_body };
    x->body_sent = 0;
    x->stream =
        nghttp2_submit_request(h->session, NULL, fields, count, x->body.bytes || is_tunnel ? &body : NULL, x);
    buf_fini(&bearer);
    if (x->stream < 0) {
        x->stream = 0;
        x->end = EXCHANGE_UNSENT; /* stream numbers ran out: another connection will do */
        h->is_leaving = true;
        h->on->ended(h->context, x);
    }
}

bool h2_is_settled(const struct h2 *h)
{
    return h->is_settled;
}

void h2_resume(struct h2 *h, struct exchange *x)
{
    nghttp2_session_resume_data(h->session, x->stream);
}

void h2_cancel(struct h2 *h, struct exchange *x)
{
    if (x->stream == 0)
        return;
    nghttp2_session_set_stream_user_data(h->session, x->stream, NULL);
    nghttp2_submit_rst_stream(h->session, 0, x->stream, NGHTTP2_CANCEL);
    x->stream = 0;
}

bool h2_read(struct h2 *h, const char *bytes, size_t count)
{
    return nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes, count) == (ssize_t)count;
}

bool h2_write(struct h2 *h, struct buf *to, size_t most)
{
    while (to->bytes < most) {
        const uint8_t *bytes;
        ssize_t count = nghttp2_session_mem_send(h->session, &bytes);
        if (count < 0)
            return false;
        if (count == 0)
            break;
        buf_add(to, bytes, (size_t)count);
    }
    return true;
}

void h2_ping(struct h2 *h)
{
    nghttp2_submit_ping(h->session, 0, NULL);
}

bool h2_is_leaving(const struct h2 *h)
{
    return h->is_leaving;
}

bool h2_is_over(const struct h2 *h)
{
    return !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
}

void h2_free(struct h2 **h)
{
    if (!*h)
        return;
    nghttp2_session_del((*h)->session);
    free(*h);
    *h = NULL;
}
