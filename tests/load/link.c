/* load/link.c - one HTTP/2 connection of a client
 *
 * nghttp2 says what the bytes mean; this file moves them. Readiness is level-triggered: what the socket does not
 * take stays in out, and epoll is asked for writability until it is gone.
 */
#include "load/link.h"

#include "base/check.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { LINK_WINDOW = 1 << 20, LINK_CONNECT_S = 10, LINK_OUT_BYTES = 64 << 20, LINK_OPEN_MAX = 256 };

struct link {
    int fd, epoll;
    SSL *tls;
    nghttp2_session *session;
    const struct link_target *target;
    struct buf out;
    bool wants_write; /* as epoll knows it */
    bool is_lost;
    struct link_ask *open[LINK_OPEN_MAX];
    uint32_t open_count;
};

bool link_target_parse(struct link_target *t, const char *url)
{
    char host[32];
    unsigned port;
    bool is_tls = strncmp(url, "https://", 8) == 0;
    int end = 0;

    memset(t, 0, sizeof *t);
    if (!is_tls && strncmp(url, "http://", 7) != 0)
        return false;
    url += is_tls ? 8 : 7;
    if (sscanf(url, "%31[0-9.]:%5u%n", host, &port, &end) != 2 || (url[end] && strcmp(url + end, "/") != 0))
        return false;
    if (port > 65535 || inet_pton(AF_INET, host, &t->address.sin_addr) != 1)
        return false;
    t->address.sin_family = AF_INET;
    t->address.sin_port = htons((uint16_t)port);
    snprintf(t->authority, sizeof t->authority, "localhost:%u", port);
    if (!is_tls)
        return true;
    t->tls = SSL_CTX_new(TLS_client_method());
    CHECK(t->tls && SSL_CTX_set_alpn_protos(t->tls, (const unsigned char *)"\x02h2", 3) == 0);
    SSL_CTX_set_mode(t->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return true;
}

void link_target_fini(struct link_target *t)
{
    SSL_CTX_free(t->tls);
    t->tls = NULL;
}

void link_ask_init(struct link_ask *a)
{
    memset(a, 0, sizeof *a);
    buf_init(&a->answer, LINK_ANSWER_BYTES);
}

void link_ask_fini(struct link_ask *a)
{
    buf_fini(&a->answer);
}

static void link_ended(struct link *l, struct link_ask *a, int status)
{
    for (uint32_t n = 0; n < l->open_count; n++) {
        if (l->open[n] == a) {
            l->open[n] = l->open[--l->open_count];
            break;
        }
    }
    a->status = status;
    a->done(a);
}

static int link_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                          size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags,
                          void *ctx)
{
    struct link_ask *a = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags, (void)ctx;
    if (a && name_bytes == 7 && memcmp(name, ":status", 7) == 0 && value_bytes == 3)
        a->status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
    return 0;
}

static int link_on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                        size_t bytes, void *ctx)
{
    struct link_ask *a = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)flags, (void)ctx;
    if (a)
        buf_put(&a->answer, data, bytes);
    return 0;
}

static int link_on_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *ctx)
{
    struct link_ask *a = nghttp2_session_get_stream_user_data(session, stream_id);

    if (a)
        link_ended(ctx, a, error == NGHTTP2_NO_ERROR && !a->answer.overflowed ? a->status : 0);
    return 0;
}

static void link_begin_session(struct link *l)
{
    nghttp2_session_callbacks *calls;
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, LINK_WINDOW },
    };

    CHECK(nghttp2_session_callbacks_new(&calls) == 0);
    nghttp2_session_callbacks_set_on_header_callback(calls, link_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, link_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, link_on_close);
    CHECK(nghttp2_session_client_new(&l->session, calls, l) == 0);
    nghttp2_session_callbacks_del(calls);
    CHECK(nghttp2_submit_settings(l->session, NGHTTP2_FLAG_NONE, settings, 2) == 0);
    CHECK(nghttp2_session_set_local_window_size(l->session, NGHTTP2_FLAG_NONE, 0, LINK_WINDOW) == 0);
}

static bool link_connect(struct link *l)
{
    const struct timeval wait = { LINK_CONNECT_S, 0 };
    const int one = 1;

    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(l->fd >= 0);
    setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(l->fd, (const struct sockaddr *)&l->target->address, sizeof l->target->address) != 0)
        return false;
    if (l->target->tls) {
        l->tls = SSL_new(l->target->tls);
        CHECK(l->tls && SSL_set_fd(l->tls, l->fd) == 1);
        if (SSL_connect(l->tls) != 1)
            return false;
    }
    return fcntl(l->fd, F_SETFL, O_NONBLOCK) == 0;
}

struct link *link_new(const struct link_target *t, int epoll)
{
    struct link *l = calloc(1, sizeof *l);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = l };

    CHECK(l);
    l->target = t;
    l->epoll = epoll;
    buf_init(&l->out, LINK_OUT_BYTES);
    if (!link_connect(l)) {
        link_free(&l);
        return NULL;
    }
    link_begin_session(l);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, l->fd, &event) == 0);
    return l;
}

static void link_tell_lost(struct link *l)
{
    if (l->is_lost)
        return;
    l->is_lost = true;
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->fd, NULL);
    while (l->open_count)
        link_ended(l, l->open[l->open_count - 1], 0);
}

void link_free(struct link **link)
{
    struct link *l = *link;

    *link = NULL;
    if (!l)
        return;
    link_tell_lost(l);
    nghttp2_session_del(l->session);
    SSL_free(l->tls);
    if (l->fd >= 0)
        close(l->fd);
    buf_fini(&l->out);
    free(l);
}

static ssize_t link_body(nghttp2_session *session, int32_t stream_id, uint8_t *into, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct link_ask *a = source->ptr;
    size_t bytes = a->body.bytes - a->sent;

    (void)session, (void)stream_id, (void)ctx;
    if (bytes > room)
        bytes = room;
    memcpy(into, a->body.at + a->sent, bytes);
    a->sent += bytes;
    if (a->sent == a->body.bytes)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)bytes;
}

static nghttp2_nv link_field(const char *name, const char *value)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value),
                         NGHTTP2_NV_FLAG_NONE };
}

void link_ask(struct link *l, struct link_ask *a)
{
    nghttp2_nv fields[8];
    nghttp2_data_provider body = { .source.ptr = a, .read_callback = link_body };
    char bearer[256], length[24];
    size_t count = 0;

    a->status = 0;
    a->sent = 0;
    buf_drop(&a->answer, a->answer.bytes);
    a->answer.overflowed = false;
    if (l->is_lost || l->open_count == LINK_OPEN_MAX) {
        a->done(a);
        return;
    }
    fields[count++] = link_field(":method", a->method);
    fields[count++] = link_field(":scheme", l->tls ? "https" : "http");
    fields[count++] = link_field(":authority", l->target->authority);
    fields[count++] = link_field(":path", a->path);
    if (a->token) {
        snprintf(bearer, sizeof bearer, "Bearer %s", a->token);
        fields[count++] = link_field("authorization", bearer);
    }
    if (a->body.bytes) {
        snprintf(length, sizeof length, "%zu", a->body.bytes);
        fields[count++] = link_field("content-type", "application/json");
        fields[count++] = link_field("content-length", length);
    }
    l->open[l->open_count++] = a;
    CHECK(nghttp2_submit_request(l->session, NULL, fields, count, a->body.bytes ? &body : NULL, a) > 0);
}

/* Bytes moved, 0: not now, -1: lost. */
static ssize_t link_did(struct link *l, ssize_t n)
{
    if (n > 0)
        return n;
    if (l->tls) {
        int why = SSL_get_error(l->tls, (int)n);
        ERR_clear_error();
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static bool link_write(struct link *l)
{
    while (l->out.bytes) {
        ssize_t n = l->tls
                        ? SSL_write(l->tls, l->out.at, l->out.bytes > 1 << 20 ? 1 << 20 : (int)l->out.bytes)
                        : send(l->fd, l->out.at, l->out.bytes, MSG_NOSIGNAL);
        n = link_did(l, n);
        if (n < 0)
            return false;
        if (n == 0)
            break;
        buf_drop(&l->out, (size_t)n);
    }
    if ((l->out.bytes > 0) != l->wants_write) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = l };
        l->wants_write = l->out.bytes > 0;
        if (l->wants_write)
            event.events |= EPOLLOUT;
        CHECK(epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->fd, &event) == 0);
    }
    return true;
}

bool link_flush(struct link *l)
{
    const uint8_t *at;
    ssize_t bytes;

    if (l->is_lost)
        return false;
    while ((bytes = nghttp2_session_mem_send(l->session, &at)) > 0)
        buf_put(&l->out, at, (size_t)bytes);
    if (bytes < 0 || l->out.overflowed || !link_write(l)) {
        link_tell_lost(l);
        return false;
    }
    return true;
}

bool link_ready(struct link *l)
{
    static const size_t chunk = 64 * 1024;
    uint8_t in[64 * 1024];

    for (int turn = 0; turn < 16 && !l->is_lost; turn++) {
        ssize_t n = l->tls ? SSL_read(l->tls, in, (int)chunk) : recv(l->fd, in, chunk, 0);
        n = link_did(l, n);
        if (n < 0 || (n > 0 && nghttp2_session_mem_recv(l->session, in, (size_t)n) != n)) {
            link_tell_lost(l);
            return false;
        }
        if (n == 0 || (!l->tls && (size_t)n < chunk))
            break;
    }
    return link_flush(l);
}
