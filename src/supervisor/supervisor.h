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
/* How many there are already, when the program before this one left them (supervisor/handover.h); 0: there was none. */
uint32_t supervisor_inherits(void);
/* They were this program's own before: another one that could not go on gave them back, and nothing is to be prepared. */
bool supervisor_is_back(void);
/* Runs until it is told to end (SIGTERM, SIGINT; SIGHUP is passed on); the exit status of posthornd. SIGUSR2: becomes
 * argv[0] as it is now, which goes on with the same sockets. */
int supervisor_run(const struct config *c, uint32_t workers, supervisor_worker_fn *worker, void *ctx, char **argv);
/* When this program was to be the next one and can't: back to the one before. Returns when there was none. */
void supervisor_give_up(char **argv);
