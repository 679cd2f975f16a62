/* load/link.c - the socket of a client's connection
 *
 * link_h2.c and link_h1.c say what the bytes mean; this file moves them. Readiness is level-triggered: what the socket
 * does not take stays in out, and epoll is asked for writability until it is gone.
 */
#include "load/link_inner.h"

#include "base/check.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { LINK_CONNECT_S = 10 };

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
    CHECK(t->tls);
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
    buf_init(&a->tell, LINK_ANSWER_BYTES);
}

void link_ask_fini(struct link_ask *a)
{
    buf_fini(&a->answer);
    buf_fini(&a->tell);
}

void link_ended(struct link *l, struct link_ask *a, int status)
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

static bool link_agreed(const struct link *l)
{
    const char *wanted = l->is_h1 ? "http/1.1" : "h2";
    const unsigned char *agreed;
    unsigned bytes;

    SSL_get0_alpn_selected(l->tls, &agreed, &bytes);
    return bytes == strlen(wanted) && memcmp(agreed, wanted, bytes) == 0;
}

static void link_prepare_tls(struct link *l, SSL_SESSION *resume)
{
    const char *protocol = l->is_h1 ? "\x08http/1.1" : "\x02h2";

    l->tls = SSL_new(l->target->tls);
    CHECK(l->tls && SSL_set_fd(l->tls, l->fd) == 1);
    CHECK(SSL_set_alpn_protos(l->tls, (const unsigned char *)protocol, (unsigned)strlen(protocol)) == 0);
    if (resume)
        CHECK(SSL_set_session(l->tls, resume) == 1);
    SSL_set_connect_state(l->tls);
}

static struct link *link_alloc(const struct link_target *t, int epoll, enum link_version version, int flags)
{
    struct link *l = calloc(1, sizeof *l);
    const int one = 1;

    CHECK(l);
    l->target = t;
    l->epoll = epoll;
    l->is_h1 = version == LINK_H1;
    buf_init(&l->out, LINK_OUT_BYTES);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    CHECK(l->fd >= 0);
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (l->is_h1)
        link_h1_begin(l);
    else
        link_h2_begin(l, version == LINK_H2_PUSHED);
    return l;
}

static bool link_connect(struct link *l)
{
    const struct timeval wait = { LINK_CONNECT_S, 0 };

    setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (connect(l->fd, (const struct sockaddr *)&l->target->address, sizeof l->target->address) != 0)
        return false;
    if (l->target->tls) {
        link_prepare_tls(l, NULL);
        if (SSL_connect(l->tls) != 1 || !link_agreed(l))
            return false;
    }
    return fcntl(l->fd, F_SETFL, O_NONBLOCK) == 0;
}

struct link *link_new(const struct link_target *t, int epoll, enum link_version version)
{
    struct link *l = link_alloc(t, epoll, version, 0);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = l };

    if (!link_connect(l)) {
        l->is_lost = true;
        link_free(&l);
        return NULL;
    }
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, l->fd, &event) == 0);
    return l;
}

struct link *link_begin(const struct link_target *t, int epoll, enum link_version version,
                        SSL_SESSION *resume)
{
    struct link *l = link_alloc(t, epoll, version, SOCK_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT, .data.ptr = l };

    l->is_dialing = l->wants_write = true;
    if (connect(l->fd, (const struct sockaddr *)&t->address, sizeof t->address) != 0 &&
        errno != EINPROGRESS) {
        l->is_lost = true;
        link_free(&l);
        return NULL;
    }
    if (t->tls)
        link_prepare_tls(l, resume);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, l->fd, &event) == 0);
    return l;
}

bool link_is_connected(const struct link *l)
{
    return !l->is_dialing && !l->is_lost;
}

bool link_is_resumed(const struct link *l)
{
    return l->tls && SSL_session_reused(l->tls) == 1;
}

SSL_SESSION *link_session(const struct link *l)
{
    SSL_SESSION *s = l->tls ? SSL_get1_session(l->tls) : NULL;

    if (s && !SSL_SESSION_is_resumable(s)) {
        SSL_SESSION_free(s);
        s = NULL;
    }
    return s;
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
    link_h2_fini(l);
    link_h1_fini(l);
    if (l->tls) /* else OpenSSL takes the session for broken, and it can't be resumed */
        SSL_set_shutdown(l->tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(l->tls);
    if (l->fd >= 0)
        close(l->fd);
    buf_fini(&l->out);
    free(l);
}

void link_ask(struct link *l, struct link_ask *a)
{
    a->status = 0;
    a->sent = 0;
    buf_drop(&a->answer, a->answer.bytes);
    buf_drop(&a->tell, a->tell.bytes);
    a->answer.overflowed = false;
    if (l->is_lost || l->open_count == LINK_OPEN_MAX) {
        a->done(a);
        return;
    }
    l->open[l->open_count++] = a;
    if (l->session)
        link_h2_ask(l, a);
    else
        link_h1_ask(l, a);
}

void link_tell(struct link *l, struct link_ask *a, struct text bytes)
{
    if (l->is_lost)
        return;
    if (l->session)
        link_h2_tell(l, a, bytes);
    else
        buf_put_text(&l->out, bytes);
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

/* Epoll listens for writability only while there is a use for it. */
static void link_want_write(struct link *l, bool wants)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = l };

    if (wants == l->wants_write)
        return;
    l->wants_write = wants;
    if (wants)
        event.events |= EPOLLOUT;
    CHECK(epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->fd, &event) == 0);
}

/* One step of connecting: 1 it is done, 0 not yet, -1 lost. */
static ssize_t link_dial(struct link *l)
{
    int err = 0;
    socklen_t bytes = sizeof err;

    if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &err, &bytes) != 0 || err)
        return -1;
    if (l->tls) {
        int n = SSL_connect(l->tls);
        if (n != 1) {
            bool wants_write = SSL_get_error(l->tls, n) == SSL_ERROR_WANT_WRITE;
            ssize_t did = link_did(l, n < 0 ? n : -1);
            if (did == 0)
                link_want_write(l, wants_write);
            return did;
        }
        if (!link_agreed(l))
            return -1;
    }
    l->is_dialing = false;
    return 1;
}

static bool link_write(struct link *l)
{
    if (l->is_dialing)
        return true;
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
    link_want_write(l, l->out.bytes > 0);
    return true;
}

bool link_flush(struct link *l)
{
    if (l->is_lost)
        return false;
    if ((l->session && !link_h2_give(l)) || l->out.overflowed || !link_write(l)) {
        link_tell_lost(l);
        return false;
    }
    return true;
}

bool link_ready(struct link *l)
{
    static const size_t chunk = 64 * 1024;
    char in[64 * 1024];

    if (l->is_dialing) {
        ssize_t n = link_dial(l);
        if (n < 0)
            link_tell_lost(l);
        if (n <= 0)
            return n == 0;
    }
    for (int turn = 0; turn < 16 && !l->is_lost; turn++) {
        ssize_t n = l->tls ? SSL_read(l->tls, in, (int)chunk) : recv(l->fd, in, chunk, 0);
        n = link_did(l, n);
        if (n == 0)
            break;
        struct text bytes = { in, n < 0 ? 0 : (size_t)n };
        if (n < 0 || !(l->session ? link_h2_take(l, bytes) : link_h1_take(l, bytes))) {
            link_tell_lost(l);
            return false;
        }
        if (!l->tls && bytes.bytes < chunk)
            break;
    }
    return link_flush(l);
}
