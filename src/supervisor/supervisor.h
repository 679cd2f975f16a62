/* supervisor/supervisor.h - posthornd's parent process: it owns the listening sockets and the workers' lives
 *
 * It opens every listener before it drops its privileges, keeps them open over each worker's death, so that no
 * connection in a queue is lost, and forks the workers; a worker is all the rest of the program. It has no loop of
 * libevent's, no thread and no connection to Postgres.
 */
#pragma once
#include "base/config.h"
#include "supervisor/place.h"

/* The program of a worker, in its own process; its exit status. */
typedef int supervisor_worker_fn(const struct place *at, void *ctx);

/* How many workers the configuration asks for: server.workers, a number or "auto", one for each core; 0: no supervisor.
 * ERR_BAD_REQUEST: neither. */
MUST_USE enum err supervisor_workers(const struct config *c, uint32_t *workers);
/* Runs until it is told to end (SIGTERM, SIGINT; SIGHUP is passed on); the exit status of posthornd. */
int supervisor_run(const struct config *c, uint32_t workers, supervisor_worker_fn *worker, void *ctx);
