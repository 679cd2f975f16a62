/* lib/link.c - a non-blocking byte stream to a server: addresses in turn, perhaps a proxy's tunnel, then TLS if asked */
#include "lib/link.h"
#include "lib/tls.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(struct link *l, const char *why)
{
    if (l->why[0] == 0)
        snprintf(l->why, sizeof l->why, "%s", why);
    link_close(l);
}

void link_close(struct link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    SSL_free(l->ssl);
    l->ssl = NULL;
    if (l->addresses)
        freeaddrinfo(l->addresses);
    l->addresses = l->next = NULL;
    buf_fini(&l->out);
    buf_fini(&l->head);
    l->state = LINK_CLOSED;
}

/* Begins with the next address that takes a connect. */
static void connect_next(struct link *l, uint64_t now_ms)
{
    while (l->next) {
        struct addrinfo *a = l->next;
        l->next = a->ai_next;
        if (l->fd >= 0)
            close(l->fd);
        l->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
        if (l->fd < 0)
            continue;
        int on = 1;
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(l->fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS) {
            l->deadline_ms = now_ms + LINK_CONNECT_MS;
            return;
        }
        snprintf(l->why, sizeof l->why, "%s", strerror(errno));
    }
    fail(l, "no address to connect to");
}

void link_open(struct link *l, const struct url *u, const struct proxy *proxy, SSL_CTX *context,
               bool offers_h2, uint64_t now_ms)
{
    *l = (struct link){ .state = LINK_CONNECTING, .fd = -1, .proxy = proxy };
    const char *host = proxy->is_used ? proxy->host : u->host, *port = proxy->is_used ? proxy->port : u->port;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    int why = getaddrinfo(host, port, &hints, &l->addresses);
    if (why == EAI_NONAME || why == EAI_ADDRFAMILY) { /* a machine with loopback only configures no family */
        hints.ai_flags = 0;
        why = getaddrinfo(host, port, &hints, &l->addresses);
    }
    if (why) {
        l->addresses = NULL;
        snprintf(l->why, sizeof l->why, "%s%.120s: %s", proxy->is_used ? "the proxy " : "", host,
                 gai_strerror(why));
        link_close(l);
        return;
    }
    if (context)
        l->ssl = tls_session(context, u->host, offers_h2);
    l->next = l->addresses;
    connect_next(l, now_ms);
}

/* To the socket as much as it takes. MSG_NOSIGNAL: a library leaves the program's signals alone. */
static void flush(struct link *l)
{
    while (l->state != LINK_CLOSED && l->out.bytes) {
        ssize_t put = send(l->fd, l->out.at, l->out.bytes, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (put < 0) {
            fail(l, strerror(errno));
            return;
        }
        buf_drop(&l->out, (size_t)put);
    }
}

static void take_ciphertext(struct link *l)
{
    char part[16 * 1024];
    int got;
    while ((got = BIO_read(SSL_get_wbio(l->ssl), part, sizeof part)) > 0)
        buf_add(&l->out, part, (size_t)got);
}

/* One recv(); true when something came. */
static bool receive_once(struct link *l, void *into, size_t room, size_t *got)
{
    *got = 0;
    if (l->state == LINK_CLOSED || l->is_ended)
        return false;
    ssize_t n;
    do
        n = recv(l->fd, into, room, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        *got = (size_t)n;
        return true;
    }
    if (n == 0)
        l->is_ended = true;
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        fail(l, strerror(errno));
    return false;
}

static void feed_tls(struct link *l)
{
    char part[16 * 1024];
    size_t got;
    if (receive_once(l, part, sizeof part, &got))
        BIO_write(SSL_get_rbio(l->ssl), part, (int)got);
}

static void handshake(struct link *l, uint64_t now_ms)
{
    feed_tls(l);
    if (l->state == LINK_CLOSED)
        return;
    int done = SSL_do_handshake(l->ssl);
    take_ciphertext(l);
    if (done == 1) {
        const unsigned char *name;
        unsigned bytes;
        SSL_get0_alpn_selected(l->ssl, &name, &bytes);
        l->is_h2 = bytes == 2 && memcmp(name, "h2", 2) == 0;
        l->state = LINK_OPEN;
    } else if (SSL_get_error(l->ssl, done) != SSL_ERROR_WANT_READ || l->is_ended) {
        flush(l); /* the alert tells the server why */
        if (l->ssl)
            tls_reason(l->ssl, l->why, sizeof l->why);
        fail(l, "TLS failed");
        return;
    }
    flush(l);
    if (l->state == LINK_HANDSHAKE && now_ms >= l->deadline_ms)
        fail(l, "the TLS handshake took too long");
}

static void proxy_done(struct link *l, uint64_t now_ms)
{
    l->state = l->ssl ? LINK_HANDSHAKE : LINK_OPEN;
    l->deadline_ms = now_ms + LINK_HANDSHAKE_MS;
    buf_fini(&l->head);
}

/* Reads the head of the proxy's answer and not a byte more: what follows it is the server's. */
static void ask_proxy(struct link *l, uint64_t now_ms)
{
    char part[1024];
    flush(l);
    if (l->state == LINK_CLOSED)
        return;
    ssize_t seen = recv(l->fd, part, sizeof part, MSG_PEEK);
    if (seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        if (now_ms >= l->deadline_ms)
            fail(l, "the proxy does not answer");
        return;
    }
    if (seen <= 0) {
        fail(l, "the proxy closed the connection");
        return;
    }
    size_t before = l->head.bytes;
    buf_add(&l->head, part, (size_t)seen);
    const char *end = memmem(l->head.at, l->head.bytes, "\r\n\r\n", 4);
    size_t used = end ? (size_t)(end - l->head.at) + 4 - before : (size_t)seen;
    if (recv(l->fd, part, used, 0) != (ssize_t)used) {
        fail(l, "the proxy closed the connection");
        return;
    }
    if (end && proxy_answer(l->proxy, l->head.at, l->why, sizeof l->why))
        proxy_done(l, now_ms);
    else if (end || l->head.bytes > PROXY_HEAD_MOST)
        fail(l, "the proxy's answer is too long");
}

static void finish_connect(struct link *l, const struct url *u, uint64_t now_ms)
{
    struct pollfd p = { .fd = l->fd, .events = POLLOUT };
    int error = 0;
    socklen_t bytes = sizeof error;
    if (poll(&p, 1, 0) == 0) {
        if (now_ms < l->deadline_ms)
            return;
        error = ETIMEDOUT;
    } else {
        getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
    }
    if (error) {
        snprintf(l->why, sizeof l->why, "can't connect to %s%.120s: %s",
                 l->proxy->is_used ? "the proxy " : "", l->proxy->is_used ? l->proxy->host : u->authority,
                 strerror(error));
        connect_next(l, now_ms);
        return;
    }
    l->why[0] = 0;
    if (!l->proxy->is_used) {
        proxy_done(l, now_ms);
        return;
    }
    struct buf request = { 0 };
    proxy_write(l->proxy, u, &request);
    buf_add(&l->out, request.at, request.bytes);
    explicit_bzero(request.at, request.bytes); /* a password, perhaps */
    buf_fini(&request);
    l->state = LINK_PROXY;
    l->deadline_ms = now_ms + LINK_PROXY_MS;
}

void link_step(struct link *l, const struct url *u, uint64_t now_ms)
{
    if (l->state == LINK_CONNECTING)
        finish_connect(l, u, now_ms);
    if (l->state == LINK_PROXY)
        ask_proxy(l, now_ms);
    if (l->state == LINK_HANDSHAKE)
        handshake(l, now_ms);
    if (l->state == LINK_OPEN)
        flush(l);
}

static size_t read_tls(struct link *l, void *into, size_t room)
{
    for (int round = 0; round < 2; round++) {
        int got = SSL_read(l->ssl, into, (int)room);
        if (got > 0)
            return (size_t)got;
        int error = SSL_get_error(l->ssl, got);
        if (error == SSL_ERROR_ZERO_RETURN) {
            fail(l, "");
            return 0;
        }
        if (error != SSL_ERROR_WANT_READ) {
            tls_reason(l->ssl, l->why, sizeof l->why);
            fail(l, "TLS failed");
            return 0;
        }
        if (round == 0)
            feed_tls(l);
        if (l->state == LINK_CLOSED)
            return 0;
    }
    if (l->is_ended)
        fail(l, "the server closed the connection");
    return 0;
}

size_t link_read(struct link *l, void *into, size_t room)
{
    size_t got = 0;
    if (l->state != LINK_OPEN)
        return 0;
    if (l->ssl) {
        got = read_tls(l, into, room);
        if (l->ssl)
            take_ciphertext(l); /* answers to key updates */
        return got;
    }
    receive_once(l, into, room, &got);
    if (l->is_ended && l->state == LINK_OPEN)
        fail(l, "the server closed the connection");
    return got;
}

void link_write(struct link *l, const void *bytes, size_t count)
{
    if (l->state != LINK_OPEN || count == 0)
        return;
    if (!l->ssl) {
        buf_add(&l->out, bytes, count);
    } else if (SSL_write(l->ssl, bytes, (int)count) == (int)count) {
        take_ciphertext(l); /* memory takes all of it at once */
    } else {
        tls_reason(l->ssl, l->why, sizeof l->why);
        fail(l, "TLS failed");
        return;
    }
    flush(l);
}

short link_events(const struct link *l)
{
    if (l->state == LINK_CLOSED)
        return 0;
    if (l->state == LINK_CONNECTING)
        return POLLOUT;
    return (short)(POLLIN | (l->out.bytes ? POLLOUT : 0));
}
