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

double cpu_of(pid_t pid, int with_children)
{
    struct cpu_times t;
    unsigned long ticks;

    if (pid <= 0 || !cpu_read(pid, &t))
        return 0;
    ticks = t.own;
    if (with_children) {
        DIR *processes = opendir("/proc");
        ticks += t.waited;
        for (struct dirent *d; processes && (d = readdir(processes));) {
            pid_t other = (pid_t)atoi(d->d_name);
            if (other > 0 && cpu_read(other, &t) && t.parent == pid)
                ticks += t.own;
        }
        if (processes)
            closedir(processes);
    }
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}
