/* faults/tcpfault/address.c - sockets by 127.0.0.1:PORT or by an absolute path */
#include "tcpfault/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { ADDRESS_BACKLOG = 512 };

static bool address_read_path(struct address *a, const char *text)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&a->at;

    if (strlen(text) >= sizeof un->sun_path)
        return false;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, text, strlen(text) + 1);
    a->bytes = sizeof *un;
    return true;
}

bool address_read(struct address *a, const char *text)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&a->at;
    const char *colon = strrchr(text, ':');
    char host[INET_ADDRSTRLEN], *end;

    *a = (struct address){ .bytes = sizeof *in };
    if (text[0] == '/')
        return address_read_path(a, text);
    if (!colon || (size_t)(colon - text) >= sizeof host)
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (port == 0 || port > UINT16_MAX || *end || inet_pton(AF_INET, host, &in->sin_addr) != 1)
        return false;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    a->is_tcp = true;
    return true;
}

static int address_socket(const struct address *a, int type)
{
    return socket(a->at.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int address_listen(const struct address *a, int type)
{
    int fd = address_socket(a, type), on = 1;

    if (fd < 0)
        return -1;
    if (a->is_tcp)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    else
        unlink(((const struct sockaddr_un *)&a->at)->sun_path);
    if (bind(fd, (const struct sockaddr *)&a->at, a->bytes) == 0 && listen(fd, ADDRESS_BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int address_connect(const struct address *a)
{
    int fd = address_socket(a, SOCK_STREAM);

    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&a->at, a->bytes) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

void address_hurry(const struct address *a, int fd, bool slices)
{
    int on = 1, least = slices ? 1 : 0; /* 0: as the system has it */

    if (!a->is_tcp)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &least, sizeof least);
}
