/* load/cpu.h - CPU seconds of other processes */
#pragma once
#include <sys/types.h>

/* User and system time of a process with all its threads, in seconds; with_children: and of the processes it
 * started, living and waited for (a postmaster's backends). 0 when there is no such process. */
double cpu_of(pid_t pid, int with_children);
