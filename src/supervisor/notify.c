/* supervisor/notify.c - one datagram, as the environment says */
#include "supervisor/notify.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool notify_is_due(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}

void notify_say(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t bytes = path ? strlen(path) : 0;

    if (bytes < 2 || bytes >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, bytes);
    if (to.sun_path[0] == '@') /* an abstract name */
        to.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes));
    close(fd);
}

uint64_t notify_watchdog_ms(void)
{
    const char *text = getenv("WATCHDOG_USEC");

    return text ? strtoull(text, NULL, 10) / 2000 : 0;
}
