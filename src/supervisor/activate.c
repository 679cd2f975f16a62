/* supervisor/activate.c - descriptors from 3 on, named in $LISTEN_FDNAMES */
#include "supervisor/activate.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ACTIVATE_FIRST = 3, ACTIVATE_MOST = 64 };

static int activate_count(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

    if (!pid || !count || strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    long number = strtol(count, NULL, 10);
    return number > 0 && number <= ACTIVATE_MOST ? (int)number : 0;
}

bool activate_is_due(void)
{
    return activate_count() > 0;
}

int activate_find(const char *name)
{
    const char *at = getenv("LISTEN_FDNAMES");
    int count = activate_count();

    for (int k = 0; k < count && at; k++) {
        const char *end = strchr(at, ':');
        size_t bytes = end ? (size_t)(end - at) : strlen(at);
        if (bytes == strlen(name) && memcmp(at, name, bytes) == 0) {
            int fd = fcntl(ACTIVATE_FIRST + k, F_DUPFD_CLOEXEC, ACTIVATE_FIRST + count);
            if (fd >= 0)
                (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
            return fd;
        }
        at = end ? end + 1 : NULL;
    }
    return -1;
}

void activate_over(void)
{
    int count = activate_count();

    for (int k = 0; k < count; k++)
        close(ACTIVATE_FIRST + k);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}
