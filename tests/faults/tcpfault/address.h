/* faults/tcpfault/address.h - sockets by 127.0.0.1:PORT or by an absolute path */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct address {
    bool is_tcp;
    socklen_t bytes;
    struct sockaddr_storage at;
};

/* false: text is no address. */
bool address_read(struct address *a, const char *text);
/* A nonblocking socket that listens; a path is made anew. type: SOCK_STREAM, SOCK_SEQPACKET. -1 and errno. */
int address_listen(const struct address *a, int type);
/* A nonblocking socket on its way there: it is writable when it is known how that ended. -1: refused at once. */
int address_connect(const struct address *a);
/* No waiting for more to send. slices: it is writable only when nothing of it waits in the kernel, which would send
 * several as one. Nothing for a path. */
void address_hurry(const struct address *a, int fd, bool slices);
