/* base/die.c - a file is the order to die, once */
#include "base/die.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef DIE_AT_MOMENTS
void die_at(const char *moment)
{
    const char *directory = getenv("DIE_AT");
    char path[512];

    if (!directory || snprintf(path, sizeof path, "%s/%s", directory, moment) >= (int)sizeof path)
        return;
    if (unlink(path) == 0)
        kill(getpid(), SIGKILL);
}
#endif
