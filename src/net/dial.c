/* net/dial.c - an outgoing stream of bytes to another node: extended CONNECT over HTTP/2 (RFC 8441, RFC 9113)
 *
 * LOOKUP (a name becomes an address), CONNECT, HANDSHAKE (TLS), SETTINGS (the peer has to say that it takes extended
 * CONNECT), ASKED, OPEN, CLOSED. Whatever goes wrong leads to CLOSED at once, and is told in the loop's next round:
 * so the owner never hears of it inside a call of its own. While bytes of the peer are worked on, nothing is freed
 * and nothing is sent; both happen behind it.
 */
#include "net/dial.h"
#include "base/log.h"
#include "limits.h"
#include "net/lookup.h"
#include "net/pieces.h"
#include "net/stream.h"
#include "net/tls.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

enum { AUTHORITY_BYTES = 264, READS_A_TURN = 4, DIAL_OUT_BYTES = 64 * 1024 };

enum dial_state {
    DIAL_LOOKUP,
    DIAL_CONNECT,
    DIAL_HANDSHAKE,
    DIAL_SETTINGS,
    DIAL_ASKED,
    DIAL_OPEN,
    DIAL_CLOSED,
};

struct dial {
    struct loop *loop;
    const struct dial_calls *calls;
    void *ctx;
    SSL_CTX *tls; /* NULL: in the clear */
    enum dial_state state;
    struct lookup *lookup;
    struct loop_io connecting; /* until the socket is the stream's */
    struct stream stream;
    nghttp2_session *session;
    int32_t stream_id;
    struct pieces out; /* what nghttp2 has not taken */
    size_t out_bytes;
    struct loop_timer timer; /* until it is open: the deadline; when it is closed: to say so */
    const char *why; /* of what is to be told */
    bool is_yes; /* the peer's :status */
    bool is_inside, is_freed; /* working on the peer's bytes; freed meanwhile */
    char authority[AUTHORITY_BYTES];
};

static void forget_socket(struct dial *d)
{
    lookup_free(&d->lookup);
    if (d->connecting.loop) {
        loop_io_fini(&d->connecting);
        close(d->connecting.fd);
        d->connecting.loop = NULL;
    }
    stream_fini(&d->stream);
}

static void fail(struct dial *d, const char *why)
{
    if (d->state == DIAL_CLOSED)
        return;
    d->state = DIAL_CLOSED;
    d->why = why;
    forget_socket(d);
    loop_timer_set(&d->timer, 0);
}

static void really_free(struct dial *d)
{
    nghttp2_session_del(d->session);
    pieces_clear(&d->out, loop_pool(d->loop));
    SSL_CTX_free(d->tls);
    free(d);
}

void dial_free(struct dial **at)
{
    struct dial *d = *at;

    if (!d)
        return;
    *at = NULL;
    d->state = DIAL_CLOSED;
    forget_socket(d);
    loop_timer_clear(&d->timer);
    d->is_freed = true;
    if (!d->is_inside)
        really_free(d);
}

static void on_timer(void *ctx)
{
    struct dial *d = ctx;

    if (d->state == DIAL_CLOSED)
        d->calls->closed(d->ctx, d->why);
    else
        fail(d, "timeout");
}

/* What nghttp2 and the queue have to say, as far as the socket takes it. */
static void send_all(struct dial *d)
{
    char out[DIAL_OUT_BYTES];
    struct iovec part = { out, 0 };
    const uint8_t *at = NULL;
    ssize_t bytes = 1;

    while (d->state != DIAL_CLOSED && bytes > 0 && stream_pending(&d->stream) <= LIMIT_OUT_BYTES / 2) {
        bytes = nghttp2_session_mem_send(d->session, &at);
        if (part.iov_len && (bytes <= 0 || part.iov_len + (size_t)bytes > sizeof(out))) {
            if (stream_write(&d->stream, &part, 1) == STREAM_FAILED)
                fail(d, "reset");
            part.iov_len = 0;
        }
        if (bytes < 0)
            fail(d, "protocol");
        if (bytes <= 0 || d->state == DIAL_CLOSED)
            return;
        CHECK((size_t)bytes <= sizeof(out));
        memcpy(out + part.iov_len, at, (size_t)bytes);
        part.iov_len += (size_t)bytes;
    }
    if (d->state != DIAL_CLOSED && part.iov_len && stream_write(&d->stream, &part, 1) == STREAM_FAILED)
        fail(d, "reset");
}

static ssize_t read_out(nghttp2_session *session, int32_t stream_id, uint8_t *into, size_t room,
                        uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct dial *d = ctx;
    size_t bytes = pieces_copy(&d->out, into, room);

    (void)session;
    (void)stream_id;
    (void)flags;
    (void)source;
    if (bytes == 0)
        return NGHTTP2_ERR_DEFERRED;
    pieces_drop(&d->out, loop_pool(d->loop), bytes);
    d->out_bytes -= bytes;
    return (ssize_t)bytes;
}

#define DIAL_FIELD(name, value, value_bytes)                                                                 \
    {                                                                                                        \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1, (value_bytes), 0      \
    }

/* RFC 8441 4. The body is what is written, for as long as both live. */
static void ask(struct dial *d)
{
    const char *scheme = d->tls ? "https" : "http";
    const nghttp2_nv fields[] = {
        DIAL_FIELD(":method", "CONNECT", 7),
        DIAL_FIELD(":protocol", "posthorn-link", 13),
        DIAL_FIELD(":scheme", scheme, strlen(scheme)),
        DIAL_FIELD(":path", "/link", 5),
        DIAL_FIELD(":authority", d->authority, strlen(d->authority)),
    };
    nghttp2_data_provider provider = { { .ptr = d }, read_out };

    d->state = DIAL_ASKED;
    d->stream_id =
        nghttp2_submit_request(d->session, NULL, fields, sizeof(fields) / sizeof(*fields), &provider, d);
    if (d->stream_id < 0)
        fail(d, "protocol");
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags, void *ctx)
{
    struct dial *d = ctx;

    (void)session;
    (void)flags;
    if (frame->hd.stream_id == d->stream_id && name_bytes == 7 && memcmp(name, ":status", 7) == 0)
        d->is_yes = value_bytes == 3 && memcmp(value, "200", 3) == 0;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct dial *d = ctx;
    bool is_settings = frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK);
    bool is_ours = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    bool is_last = is_ours && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);

    if (d->state == DIAL_SETTINGS && is_settings) {
        if (nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1)
            ask(d);
        else
            fail(d, "settings");
    } else if (d->state == DIAL_ASKED && frame->hd.type == NGHTTP2_HEADERS &&
               frame->headers.cat == NGHTTP2_HCAT_RESPONSE) {
        if (!d->is_yes) {
            fail(d, "status");
            return 0;
        }
        loop_timer_clear(&d->timer);
        d->state = DIAL_OPEN;
        d->calls->open(d->ctx);
    }
    if (is_last) /* we would not end it: nothing is left to say it for */
        fail(d, "ended");
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *at,
                   size_t bytes, void *ctx)
{
    struct dial *d = ctx;

    (void)session;
    (void)flags;
    (void)stream_id;
    if (d->state == DIAL_OPEN)
        d->calls->input(d->ctx, (struct text){ (const char *)at, bytes });
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *ctx)
{
    struct dial *d = ctx;

    (void)session;
    (void)error;
    if (stream_id == d->stream_id)
        fail(d, d->state == DIAL_OPEN ? "ended" : "refused");
    return 0;
}

static void begin_session(struct dial *d)
{
    static const nghttp2_settings_entry entries[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 }, { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LIMIT_HEAD_BYTES }
    };
    nghttp2_session_callbacks *callbacks = NULL;

    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    CHECK(nghttp2_session_client_new(&d->session, callbacks, d) == 0);
    nghttp2_session_callbacks_del(callbacks);
    CHECK(nghttp2_submit_settings(d->session, 0, entries, sizeof(entries) / sizeof(*entries)) == 0);
    d->state = DIAL_SETTINGS;
}

static void input(struct dial *d)
{
    char in[STREAM_CHUNK_BYTES];
    size_t bytes = 0;

    for (int i = 0; i < READS_A_TURN && d->state != DIAL_CLOSED; i++) {
        enum stream_result result = stream_read(&d->stream, in, &bytes);

        if (result == STREAM_EOF || result == STREAM_FAILED)
            fail(d, d->state == DIAL_SETTINGS && d->tls ? "certificate" : "reset");
        else if (result == STREAM_OK && nghttp2_session_mem_recv(d->session, (const uint8_t *)in, bytes) < 0)
            fail(d, "protocol");
        if (result != STREAM_OK || (!d->tls && bytes < sizeof(in)))
            return;
    }
}

static void handshake(struct dial *d)
{
    enum stream_result result = stream_handshake(&d->stream);

    if (result == STREAM_FAILED)
        fail(d, "certificate");
    else if (result == STREAM_OK && d->tls && !text_equal(stream_protocol(&d->stream), TEXT("h2")))
        fail(d, "protocol");
    else if (result == STREAM_OK)
        begin_session(d);
}

static void on_io(void *ctx, unsigned what)
{
    struct dial *d = ctx;

    d->is_inside = true;
    if (d->state == DIAL_HANDSHAKE) {
        handshake(d);
    } else {
        if (what & LOOP_READ)
            input(d);
        if (d->state != DIAL_CLOSED && (what & LOOP_WRITE) && stream_drain(&d->stream) == STREAM_FAILED)
            fail(d, "reset");
    }
    if (d->session)
        send_all(d);
    d->is_inside = false;
    if (d->is_freed)
        really_free(d);
}

/* The socket is there: the stream takes it over. */
static void connected(struct dial *d, int fd)
{
    stream_init_dialled(&d->stream, d->loop, fd, d->tls, on_io, d);
    d->state = DIAL_HANDSHAKE;
    d->is_inside = true;
    handshake(d);
    if (d->session)
        send_all(d);
    d->is_inside = false;
}

static void on_connecting(void *ctx, unsigned what)
{
    struct dial *d = ctx;
    int error = 0, fd = d->connecting.fd;
    socklen_t bytes = sizeof(error);

    (void)what;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 || error) {
        fail(d, "connect");
        return;
    }
    loop_io_fini(&d->connecting);
    d->connecting.loop = NULL;
    connected(d, fd);
}

static void connect_to(struct dial *d, const struct sockaddr *address, socklen_t bytes)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0) {
        fail(d, "connect");
        return;
    }
    if (address->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* the flush gathers */
    loop_io_init(&d->connecting, d->loop, fd, on_connecting, d);
    d->state = DIAL_CONNECT;
    if (connect(fd, address, bytes) == 0 || errno == EINPROGRESS)
        loop_io_want(&d->connecting, LOOP_WRITE);
    else
        fail(d, "connect");
}

static void on_address(void *ctx, const struct sockaddr *address, socklen_t bytes)
{
    struct dial *d = ctx;

    lookup_free(&d->lookup);
    if (bytes == 0)
        fail(d, "lookup");
    else
        connect_to(d, address, bytes);
}

static void start_local(struct dial *d, const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    snprintf(d->authority, sizeof(d->authority), "localhost");
    if (strlen(path) >= sizeof(at.sun_path)) {
        fail(d, "address");
        return;
    }
    memcpy(at.sun_path, path, strlen(path));
    connect_to(d, (struct sockaddr *)&at, sizeof(at));
}

struct dial *dial_new(struct loop *l, const char *address, SSL_CTX *tls, const struct dial_calls *calls,
                      void *ctx)
{
    struct dial *d = calloc(1, sizeof(*d));
    bool is_local = strncmp(address, "unix:", 5) == 0;
    char host[256];
    const char *port = NULL;

    CHECK(d && (is_local || tls));
    d->loop = l;
    d->calls = calls;
    d->ctx = ctx;
    d->tls = is_local ? NULL : tls;
    if (d->tls)
        SSL_CTX_up_ref(d->tls);
    pieces_init(&d->out);
    loop_timer_init(&d->timer, l, on_timer, d);
    loop_timer_set(&d->timer, LIMIT_LINK_CONNECT_MS);
    if (is_local) {
        start_local(d, address + 5);
    } else if (lookup_split(address, host, sizeof(host), &port)) {
        snprintf(d->authority, sizeof(d->authority), "%s", address);
        d->lookup = lookup_new(l, host, port, on_address, d);
    } else {
        fail(d, "address");
    }
    return d;
}

void dial_write(struct dial *d, struct blob *bytes)
{
    CHECK(d->state == DIAL_OPEN || d->state == DIAL_CLOSED);
    if (d->state == DIAL_CLOSED) /* it is about to be told */
        return;
    d->out_bytes += pieces_add(&d->out, loop_pool(d->loop), blob_ref(bytes), false);
}

void dial_flush(struct dial *d)
{
    if (d->state != DIAL_OPEN || d->out_bytes == 0)
        return;
    nghttp2_session_resume_data(d->session, d->stream_id); /* not deferred: it goes on by itself */
    if (!d->is_inside)
        send_all(d);
}

size_t dial_unsent(const struct dial *d)
{
    return d->out_bytes + (d->state == DIAL_CLOSED ? 0 : stream_pending(&d->stream));
}

void dial_certificate(const struct dial *d, char *into, size_t room)
{
    CHECK(d->state == DIAL_OPEN && room);
    stream_peer_name(&d->stream, into, room);
}

enum err dial_tls_new(const char *directory, SSL_CTX **into)
{
    return tls_new_link(directory, into);
}
