/* ctl/ask.c - a connection, a request, all of the answer */
#include "ctl/ask.h"
#include "base/buf.h"
#include "model/wire.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *ask_trouble(struct ask *a, int error)
{
    if (error == ENOENT || error == ECONNREFUSED)
        return arena_printf(a->arena,
                            "nobody listens at %s: is posthornd running, with server.control = 1 and this"
                            " server.run_directory? (--config FILE or --socket PATH says where)",
                            a->socket);
    if (error == EACCES || error == EPERM)
        return arena_printf(a->arena, "no permission for %s: run it as posthornd's user, or as root",
                            a->socket);
    if (error == EAGAIN || error == EWOULDBLOCK)
        return arena_printf(a->arena, "no answer from %s within %d s: the worker is stuck or stopped",
                            a->socket, ASK_WAIT_S);
    return arena_printf(a->arena, "%s: %s", a->socket, strerror(error));
}

/* -1, with errno. */
static int ask_connect(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct timeval wait = { .tv_sec = ASK_WAIT_S };

    errno = ENAMETOOLONG;
    if (strlen(path) >= sizeof at.sun_path)
        return -1;
    memcpy(at.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool ask_send(int fd, struct text t)
{
    while (t.bytes) {
        ssize_t n = send(fd, t.at, t.bytes, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            t.at += n;
            t.bytes -= (size_t)n;
        }
    }
    return true;
}

/* To the end of the connection. */
static bool ask_receive(int fd, struct buf *into)
{
    char piece[4096];

    for (;;) {
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            buf_put(into, piece, (size_t)n);
        if (into->overflowed) {
            errno = EMSGSIZE;
            return false;
        }
    }
}

/* Status line, fields, body; the server ends the connection behind it. */
static void ask_read(struct ask *a, struct text t)
{
    static const char version[] = "HTTP/1.1 ";
    const char *end = t.bytes ? memmem(t.at, t.bytes, "\r\n\r\n", 4) : NULL;

    if (!end || t.bytes < sizeof version + 3 || memcmp(t.at, version, sizeof version - 1) != 0) {
        a->why = arena_printf(a->arena, "%s: the answer was cut off, or is not posthornd's", a->socket);
        return;
    }
    a->status = atoi(t.at + sizeof version - 1);
    a->answer = arena_copy(a->arena, (struct text){ end + 4, t.bytes - (size_t)(end + 4 - t.at) });
}

/* What the server says of it, or that it says nothing. */
static const char *ask_refusal(struct ask *a)
{
    struct refusal {
        struct text error;
    } said;
    static const struct wire_field fields[] = {
        { "error", WIRE_STRING, true, 1, 1024, offsetof(struct refusal, error), 0, NULL }, { 0 }
    };
    static const struct wire_schema schema = { sizeof(struct refusal), fields };
    struct wire_error why;

    if (a->status == 200)
        return NULL;
    if (wire_read(&schema, a->answer, a->arena, &said, &why))
        return arena_printf(a->arena, "%s answered %d to %s: is it another version?", a->socket, a->status,
                            a->target);
    return said.error.at;
}

bool ask_now(struct ask *a)
{
    struct buf b;
    int fd = ask_connect(a->socket);

    a->status = 0;
    a->why = NULL;
    a->answer = (struct text){ 0 };
    if (fd < 0) {
        a->why = ask_trouble(a, errno);
        return false;
    }
    char *head = arena_printf(a->arena,
                              "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                              "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                              a->method, a->target, a->body.bytes);
    buf_init(&b, ASK_BYTES_MAX);
    if (!ask_send(fd, text_of(head)) || !ask_send(fd, a->body) || !ask_receive(fd, &b))
        a->why = ask_trouble(a, errno);
    else
        ask_read(a, buf_text(&b));
    if (!a->why)
        a->why = ask_refusal(a);
    buf_fini(&b);
    close(fd);
    return !a->why;
}
