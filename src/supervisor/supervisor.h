/* supervisor/supervisor.h - posthornd's parent process: it owns the listening sockets and the workers' lives
 *
 * It opens every listener before it drops its privileges, keeps them open over each worker's death, and forks the
 * workers; a worker is all the rest of the program. It has no loop of libevent's and no connection to Postgres of its
 * own while workers live (what it must say there, a dead worker, it says in a short-lived child).
 */
#pragma once
#include "base/config.h"
#include "supervisor/place.h"

/* The program of a worker, in its own process; its exit status. */
typedef int supervisor_worker_fn(const struct config *c, const struct place *at, void *ctx);

/* Runs until it is told to end; the exit status of posthornd. argv: for SIGUSR2, which starts it anew. */
int supervisor_run(const struct config *c, char **argv, supervisor_worker_fn *worker, void *ctx);
