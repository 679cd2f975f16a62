/* net/listen.c - listening sockets
 *
 * A turn takes a bounded number of connections from each. Without file descriptors left, accepting would spin
 * on a readable socket: it rests for a moment instead, and the kernel's queue waits.
 */
#include "net/listen.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ACCEPTS_A_TURN = 64, REST_MS = 100, HOST_BYTES = 256 };

struct listen_socket {
    struct listen_to to;
    struct loop_io io;
    struct loop_timer rest;
};

static void on_rested(void *ctx)
{
    struct listen_socket *s = ctx;

    loop_io_want(&s->io, LOOP_READ);
}

/* A peer that left the queue again, or a moment's trouble of the network: the next one may be fine. */
static bool is_passing(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
           error == EHOSTUNREACH || error == ENETUNREACH || error == EPERM;
}

static void accepted(struct listen_socket *s, int fd, const struct sockaddr *address)
{
    const struct listen_to *to = &s->to;

    conn_accept(to->set, fd, address,
                (struct conn_how){ .tls = to->tls ? *to->tls : NULL,
                                   .fn = to->fn,
                                   .ctx = to->ctx,
                                   .is_link = to->is_link,
                                   .is_proxied = to->proxy && proxy_trusts(*to->proxy, address) });
}

static void on_readable(void *ctx, unsigned what)
{
    struct listen_socket *s = ctx;

    (void)what;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage address = { 0 };
        socklen_t bytes = sizeof(address);
        int fd = accept4(s->io.fd, (struct sockaddr *)&address, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            accepted(s, fd, (const struct sockaddr *)&address);
        } else if (errno == EAGAIN) {
            break;
        } else if (!is_passing(errno)) {
            log_line(LOG_WARN, "net.accept.rest", "errno=%d wait_ms=%d", errno, REST_MS);
            loop_io_want(&s->io, 0);
            loop_timer_set(&s->rest, REST_MS);
            break;
        }
    }
}

/* Splits "host:port"; an empty host means all addresses. */
static bool split(const char *address, char host[static HOST_BYTES], const char **port)
{
    const char *colon = strrchr(address, ':'), *from = address;
    size_t bytes;

    if (!colon || colon[1] == 0 || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    bytes = (size_t)(colon - address);
    if (bytes >= 2 && from[0] == '[' && from[bytes - 1] == ']') {
        from++;
        bytes -= 2;
    } else if (memchr(from, ':', bytes)) {
        return false;
    }
    if (bytes >= HOST_BYTES)
        return false;
    memcpy(host, from, bytes);
    host[bytes] = 0;
    *port = colon + 1;
    return true;
}

/* Accepted sockets inherit it. A peer that vanished without a word is found by the kernel: behind unsent bytes after
 * as long as the net would wait for it, in silence after a minute and a half. */
static void keep_watch(int fd)
{
    int one = 1, idle_s = 60, between_s = 10, probes = 3, unacknowledged_ms = LIMIT_WRITE_STALL_MS;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof(between_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
               sizeof(one)); /* the flush gathers, Nagle would only wait */
}

/* Bound and listening, or -1 with errno. */
static int open_socket(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, zero = 0;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    keep_watch(fd);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    one = errno;
    close(fd);
    errno = one;
    return -1;
}

/* All addresses: IPv6's wildcard, which takes IPv4 too, then IPv4's where there is no IPv6. */
static int open_address(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int fd = -1;

    if (getaddrinfo(host[0] ? host : "::", port, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        found = NULL;
    }
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
        fd = open_socket(a);
    if (found)
        freeaddrinfo(found);
    if (fd < 0 && host[0] == 0 && errno != EADDRINUSE)
        return open_address("0.0.0.0", port);
    return fd;
}

/* Whether somebody answers there. */
static bool is_served(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is = fd >= 0 && (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN);

    if (fd >= 0)
        close(fd);
    return is;
}

/* Bound and listening, for its user alone, or -1 with errno. What a process that was killed left behind is removed. */
static int open_local(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd, error;

    errno = ENAMETOOLONG;
    if (path[0] == 0 || strlen(path) >= sizeof(at.sun_path))
        return -1;
    memcpy(at.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    error = bind(fd, (struct sockaddr *)&at, sizeof(at));
    if (error && errno == EADDRINUSE) {
        if (!is_served(&at))
            unlink(path);
        error = bind(fd, (struct sockaddr *)&at, sizeof(at));
    }
    if (!error && chmod(path, 0600) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = { 0 };
    socklen_t bytes = sizeof(address);

    CHECK(getsockname(fd, (struct sockaddr *)&address, &bytes) == 0);
    if (address.ss_family == AF_UNIX)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static struct listen_socket *make(int fd, struct listen_to to)
{
    struct listen_socket *s = calloc(1, sizeof(*s));

    CHECK(s);
    s->to = to;
    loop_io_init(&s->io, to.set->loop, fd, on_readable, s);
    loop_timer_init(&s->rest, to.set->loop, on_rested, s);
    loop_io_want(&s->io, LOOP_READ);
    return s;
}

enum err listen_new(const char *address, struct listen_to to, uint16_t *port, struct listen_socket **into)
{
    char host[HOST_BYTES], quoted[512];
    const char *service = NULL;
    int fd = -1;

    errno = EINVAL;
    if (strncmp(address, "unix:", 5) == 0)
        fd = open_local(address + 5);
    else if (split(address, host, &service))
        fd = open_address(host, service);
    if (fd < 0) {
        enum err err = errno == EADDRINUSE ? ERR_EXISTS : ERR_BAD_REQUEST;

        log_line(LOG_ERROR, "net.listen.failed", "errno=%d address=%s", errno,
                 log_quoted(quoted, sizeof(quoted), address));
        return err;
    }
    *into = make(fd, to);
    if (port)
        *port = port_of(fd);
    log_line(LOG_INFO, "net.listen", "port=%u tls=%d address=%s", (unsigned)port_of(fd), to.tls != NULL,
             log_quoted(quoted, sizeof(quoted), address));
    return ERR_OK;
}

enum err listen_adopt(int fd, struct listen_to to, struct listen_socket **into)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (own < 0) {
        log_line(LOG_ERROR, "net.adopt.failed", "errno=%d fd=%d", errno, fd);
        return ERR_BAD_REQUEST;
    }
    CHECK(fcntl(own, F_SETFL, fcntl(own, F_GETFL) | O_NONBLOCK) == 0);
    *into = make(own, to);
    log_line(LOG_INFO, "net.adopt", "port=%u tls=%d", (unsigned)port_of(own), to.tls != NULL);
    return ERR_OK;
}

void listen_free(struct listen_socket **at)
{
    struct listen_socket *s = *at;

    if (!s)
        return;
    loop_timer_clear(&s->rest);
    loop_io_fini(&s->io);
    close(s->io.fd);
    free(s);
    *at = NULL;
}
