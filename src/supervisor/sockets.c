/* supervisor/sockets.c - addresses to sockets */
#include "supervisor/sockets.h"
#include "base/log.h"
#include "supervisor/activate.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOCKETS_BACKLOG = 4096, SOCKETS_HOST_MAX = 256 };

static enum err sockets_failed(const char *address, const char *why, int fd)
{
    log_line(LOG_ERROR, "listen", "address=%s error=%s", address, why);
    if (fd >= 0)
        close(fd);
    return strcmp(why, "in use") == 0 ? ERR_EXISTS : ERR_BAD_REQUEST;
}

/* "host:port", "[v6]:port" or ":port", apart. */
static bool sockets_split(const char *address, char host[static SOCKETS_HOST_MAX], uint32_t *port)
{
    const char *colon = strrchr(address, ':');
    char *end;

    if (!colon || (size_t)(colon - address) >= SOCKETS_HOST_MAX)
        return false;
    size_t bytes = (size_t)(colon - address);
    if (bytes > 1 && address[0] == '[' && address[bytes - 1] == ']') {
        address++;
        bytes -= 2;
    }
    memcpy(host, address, bytes);
    host[bytes] = 0;
    unsigned long number = strtoul(colon + 1, &end, 10);
    *port = (uint32_t)number;
    return end != colon + 1 && *end == 0 && number <= UINT16_MAX;
}

static enum err sockets_bind(const struct addrinfo *to, const char *address, bool is_shared, int *into)
{
    int one = 1, fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);

    if (fd < 0)
        return sockets_failed(address, strerror(errno), fd);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (to->ai_family == AF_INET6) {
        int zero = 0;
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    }
    if (is_shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one))
        return sockets_failed(address, strerror(errno), fd);
    if (bind(fd, to->ai_addr, to->ai_addrlen) || listen(fd, SOCKETS_BACKLOG))
        return sockets_failed(address, errno == EADDRINUSE ? "in use" : strerror(errno), fd);
    *into = fd;
    return ERR_OK;
}

/* above: added to the port, unless that is 0. */
static enum err sockets_tcp(const char *address, uint32_t above, bool is_shared, int *into)
{
    struct addrinfo wanted = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *found;
    char host[SOCKETS_HOST_MAX], number[16];
    uint32_t port;

    if (!sockets_split(address, host, &port) || (port && port + above > UINT16_MAX))
        return sockets_failed(address, "not an address", -1);
    snprintf(number, sizeof number, "%u", port ? port + above : 0);
    if (!host[0])
        wanted.ai_family = AF_INET6; /* and IPv4 through it */
    if (getaddrinfo(host[0] ? host : NULL, number, &wanted, &found))
        return sockets_failed(address, "not an address", -1);
    enum err err = sockets_bind(found, address, is_shared, into);
    freeaddrinfo(found);
    return err;
}

/* Its parents too: var/run is the default, and nothing need be there yet. */
static bool sockets_directory(const char *directory)
{
    char path[PLACE_PATH_MAX];

    snprintf(path, sizeof path, "%s", directory);
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        if (mkdir(path, 0755) && errno != EEXIST)
            return false;
        *at = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* Whoever may write to the directory may speak to the worker, and nobody else. path: what the socket is called. */
static enum err sockets_local(const char *directory, const char *what, uint32_t worker,
                              char path[static PLACE_PATH_MAX], int *into)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int bytes = snprintf(path, PLACE_PATH_MAX, "%s/%s-%u", directory, what, worker);

    if (bytes < 0 || bytes >= PLACE_PATH_MAX)
        return sockets_failed(directory, "the path is too long", -1);
    if (!sockets_directory(directory))
        return sockets_failed(directory, strerror(errno), -1);
    memcpy(name.sun_path, path, (size_t)bytes + 1);
    unlink(path); /* of a supervisor before this one */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sockets_failed(path, strerror(errno), fd);
    mode_t before = umask(0177);
    int bound = bind(fd, (const struct sockaddr *)&name, sizeof name);
    umask(before);
    if (bound || listen(fd, SOCKETS_BACKLOG))
        return sockets_failed(path, strerror(errno), fd);
    *into = fd;
    return ERR_OK;
}

/* Whether somebody answers there: another server on the same machine with the same directory keeps it. */
static bool sockets_is_served(const char *path)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    bool is = fd >= 0 && (connect(fd, (const struct sockaddr *)&name, sizeof name) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return is;
}

void sockets_control(const struct config *c, struct place *at)
{
    at->control = -1;
    if (!c->server_control)
        return;
    int bytes = snprintf(at->control_path, sizeof at->control_path, "%s/control-%u", c->server_run_directory,
                         at->worker);
    bool is_free = bytes > 0 && bytes < PLACE_PATH_MAX && !sockets_is_served(at->control_path);
    if (!is_free ||
        sockets_local(c->server_run_directory, "control", at->worker, at->control_path, &at->control)) {
        log_line(LOG_WARN, "no_control", "worker=%u directory=%s error=%s", at->worker,
                 c->server_run_directory, is_free ? "see above" : "taken, or too long");
        at->control_path[0] = 0;
    }
}

/* One that all workers share: the service manager's, or each worker's of a group. */
static enum err sockets_public(const char *name, const char *address, int *into)
{
    *into = activate_find(name);
    return *into >= 0 ? ERR_OK : sockets_tcp(address, 0, true, into);
}

/* One that each worker has at a port of its own; the service manager's is the first one's. */
static enum err sockets_own(const char *name, const char *address, uint32_t worker, int *into)
{
    *into = worker == 0 ? activate_find(name) : -1;
    return *into >= 0 ? ERR_OK : sockets_tcp(address, worker, false, into);
}

static enum err sockets_of(const struct config *c, struct place *at)
{
    char own[SOCKETS_HOST_MAX + 16], host[SOCKETS_HOST_MAX];
    uint32_t port;
    enum err err = ERR_OK;

    if (c->server_listen[0])
        err = sockets_public("listen", c->server_listen, &at->tls);
    if (!err && c->server_cleartext[0])
        err = sockets_public("cleartext", c->server_cleartext, &at->cleartext);
    if (!err && c->server_admin[0])
        err = sockets_own("admin", c->server_admin, at->worker, &at->admin);
    if (!err && c->node_link[0])
        err = sockets_own("link", c->node_link, at->worker, &at->link);
    if (!err && at->workers > 1)
        err = sockets_local(c->server_run_directory, "link", at->worker, at->local_path, &at->link_local);
    if (!err && c->server_listen[0] && c->server_own_port && sockets_split(c->server_listen, host, &port)) {
        snprintf(own, sizeof own, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
                 (unsigned)c->server_own_port);
        err = sockets_tcp(own, at->worker, false, &at->own_tls);
    }
    return err;
}

enum err sockets_open(const struct config *c, uint32_t workers, struct place *at)
{
    enum err err = ERR_OK;

    for (uint32_t k = 0; k < workers; k++) {
        at[k] = (struct place){ .worker = k, .workers = workers };
        at[k].tls = at[k].cleartext = at[k].own_tls = at[k].admin = at[k].link = at[k].link_local =
            at[k].control = at[k].line = -1;
    }
    for (uint32_t k = 0; k < workers && !err; k++)
        err = sockets_of(c, &at[k]);
    for (uint32_t k = 0; k < workers && !err; k++)
        sockets_control(c, &at[k]);
    activate_over();
    for (uint32_t k = 0; k < workers && err; k++)
        sockets_close(&at[k]);
    return err;
}

void sockets_close(struct place *at)
{
    int *fd[] = {
        &at->tls, &at->cleartext, &at->own_tls, &at->admin, &at->link, &at->link_local, &at->control
    };

    for (unsigned k = 0; k < sizeof fd / sizeof *fd; k++) {
        if (*fd[k] >= 0)
            close(*fd[k]);
        *fd[k] = -1;
    }
}
