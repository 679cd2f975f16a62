/* load/cpu.c - CPU seconds of other processes, from /proc */
#include "load/cpu.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cpu_times {
    pid_t parent;
    unsigned long own, waited; /* ticks */
};

static bool cpu_read(pid_t pid, struct cpu_times *t)
{
    char path[64], line[1024];
    unsigned long user, kernel;
    long user_waited, kernel_waited;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t bytes = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[bytes] = 0;
    const char *rest = strrchr(line, ')'); /* a name may hold anything */
    if (!rest || sscanf(rest + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &t->parent,
                        &user, &kernel, &user_waited, &kernel_waited) != 5)
        return false;
    t->own = user + kernel;
    t->waited = (unsigned long)(user_waited + kernel_waited);
    return true;
}

/* Of the processes that pid started and that live. */
static unsigned long cpu_children(pid_t pid)
{
    DIR *processes = opendir("/proc");
    struct cpu_times t;
    unsigned long ticks = 0;

    for (struct dirent *d; processes && (d = readdir(processes));) {
        pid_t other = (pid_t)atoi(d->d_name);
        if (other > 0 && cpu_read(other, &t) && t.parent == pid)
            ticks += t.own;
    }
    if (processes)
        closedir(processes);
    return ticks;
}

double cpu_of(pid_t pid, int with_children)
{
    struct cpu_times before, after;
    unsigned long ticks = 0;

    if (pid <= 0 || !cpu_read(pid, &after))
        return 0;
    /* A child that is waited for while the others are looked at would be counted in neither place: look again. */
    for (int tries = 0; tries < 20; tries++) {
        before = after;
        ticks = before.own;
        if (with_children)
            ticks += before.waited + cpu_children(pid);
        if (!with_children || !cpu_read(pid, &after) || after.waited == before.waited)
            break;
    }
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}
