/* supervisor/supervisor.c - a table of workers, and a loop that waits for signals, words of life, and moments
 *
 * A worker that ends is started again: at once, then after 0.1, 1, 5 and 30 s; one that lived for a minute begins that
 * anew. One that is silent is told to abort, and then killed. If none of them ever served, the start has failed.
 */
#include "base/log.h"
#include "supervisor/inside.h"
#include "supervisor/notify.h"
#include "supervisor/sockets.h"
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    SUPERVISOR_TICK_MS = 200,
    SUPERVISOR_LIFE_MS = 60 * 1000,
    SUPERVISOR_END_MS = 35 * 1000,
    SUPERVISOR_ABORT_MS = 2000
};

uint64_t supervisor_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

enum err supervisor_workers(const struct config *c, uint32_t *workers)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    char *end;

    if (strcmp(c->server_workers, "auto") == 0) {
        *workers = cores < 1 ? 1 : cores > PLACE_WORKERS_MAX ? PLACE_WORKERS_MAX : (uint32_t)cores;
        return ERR_OK;
    }
    unsigned long number = strtoul(c->server_workers, &end, 10);
    if (end == c->server_workers || *end || number > PLACE_WORKERS_MAX)
        return ERR_BAD_REQUEST;
    *workers = (uint32_t)number;
    return ERR_OK;
}

/* The worker's process: only its own sockets, its own line, and signals as ever. Does not return. */
static void supervisor_become_worker(struct supervisor *s, struct supervisor_child *me)
{
    for (uint32_t k = 0; k < s->workers; k++) {
        if (s->child[k].line >= 0)
            close(s->child[k].line);
        if (&s->child[k] != me)
            sockets_close(&s->child[k].place);
    }
    close(s->signals);
    if (s->former >= 0)
        close(s->former);
    sigprocmask(SIG_SETMASK, &s->before, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody would start it again */
    exit(s->worker(&me->place, s->ctx));
}

/* now_ms is the tick's own: a start may not lie behind the moment that it is measured by. */
static void supervisor_start(struct supervisor *s, struct supervisor_child *c, uint64_t now_ms)
{
    int pair[2];

    c->started_ms = c->heard_ms = now_ms;
    c->is_ready = c->is_aborting = false;
    c->due_ms = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        c->due_ms = c->started_ms + SUPERVISOR_ABORT_MS;
        return;
    }
    c->place.line = pair[1];
    c->pid = fork();
    if (c->pid == 0) {
        close(pair[0]);
        supervisor_become_worker(s, c);
    }
    close(pair[1]);
    c->place.line = -1;
    if (c->pid < 0) { /* no memory, no processes: perhaps later */
        log_line(LOG_ERROR, "fork", "worker=%u error=%s", c->place.worker, strerror(errno));
        close(pair[0]);
        c->pid = 0;
        c->due_ms = c->started_ms + SUPERVISOR_ABORT_MS;
        return;
    }
    c->line = pair[0];
    s->running++;
    log_line(LOG_INFO, "worker_started", "worker=%u pid=%d failures=%u", c->place.worker, (int)c->pid,
             c->failures);
}

static void supervisor_ended(struct supervisor *s, struct supervisor_child *c, int status)
{
    static const uint32_t wait_ms[] = { 0, 100, 1000, 5000, 30000 };
    uint64_t now_ms = supervisor_now_ms();
    uint32_t most = sizeof wait_ms / sizeof *wait_ms - 1;

    log_line(s->is_stopping ? LOG_INFO : LOG_WARN, "worker_ended", "worker=%u pid=%d signal=%d status=%d",
             c->place.worker, (int)c->pid, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
             WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    close(c->line);
    c->line = -1;
    c->pid = 0;
    s->running--;
    if (s->is_stopping) {
        s->has_failed = s->has_failed || !WIFEXITED(status) || WEXITSTATUS(status);
        return;
    }
    if (c->is_former || now_ms - c->started_ms >= SUPERVISOR_LIFE_MS)
        c->failures = 0;
    c->due_ms = now_ms + wait_ms[c->failures < most ? c->failures : most];
    c->failures += !c->is_former; /* that one was told to go */
    c->is_former = c->is_ready = false;
}

static void supervisor_tell_all(struct supervisor *s, int number)
{
    for (uint32_t k = 0; k < s->workers; k++) {
        if (s->child[k].pid)
            kill(s->child[k].pid, number);
    }
}

static void supervisor_stop(struct supervisor *s)
{
    if (!s->is_stopping) {
        notify_say("STOPPING=1");
        s->kill_ms = supervisor_now_ms() + SUPERVISOR_END_MS;
    }
    s->is_stopping = true;
    supervisor_tell_all(s, SIGTERM); /* the second time they end at once */
}

static void supervisor_reap(struct supervisor *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (uint32_t k = 0; k < s->workers; k++) {
            if (s->child[k].pid == pid)
                supervisor_ended(s, &s->child[k], status);
        }
        upgrade_tried(s, pid, status);
    }
}

static void supervisor_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            supervisor_reap(s);
        else if (info.ssi_signo == SIGHUP)
            supervisor_tell_all(s, SIGHUP);
        else if (info.ssi_signo == SIGUSR2)
            upgrade_begin(s);
        else
            supervisor_stop(s);
    }
}

static void supervisor_hear(struct supervisor *s, struct supervisor_child *c)
{
    bool is_alive, is_ready;

    (void)place_hear(c->line, &is_alive, &is_ready);
    if (is_alive)
        c->heard_ms = supervisor_now_ms();
    c->is_ready = c->is_ready || is_ready;
    s->was_ready = s->was_ready || is_ready;
}

/* Who is due is started, who is silent is ended. */
static void supervisor_look_after(struct supervisor *s, struct supervisor_child *c, uint64_t now_ms)
{
    if (c->pid == 0 && c->due_ms && c->due_ms <= now_ms && !s->is_stopping) {
        supervisor_start(s, c, now_ms);
    } else if (c->pid && now_ms - c->heard_ms > PLACE_SILENT_MS + SUPERVISOR_ABORT_MS) {
        kill(c->pid, SIGKILL);
    } else if (c->pid && now_ms - c->heard_ms > PLACE_SILENT_MS && !c->is_aborting) {
        log_line(LOG_ERROR, "worker_silent", "worker=%u pid=%d", c->place.worker, (int)c->pid);
        c->is_aborting = true;
        kill(c->pid, SIGABRT);
    }
}

static void supervisor_tick(struct supervisor *s)
{
    uint64_t now_ms = supervisor_now_ms(), every_ms = notify_watchdog_ms();
    uint32_t ready = 0, failed = 0;

    for (uint32_t k = 0; k < s->workers; k++) {
        ready += s->child[k].is_ready;
        failed += !s->child[k].pid && s->child[k].failures > 0;
        supervisor_look_after(s, &s->child[k], now_ms);
    }
    upgrade_look(s, now_ms);
    if (ready == s->workers && !s->is_told_ready) {
        s->is_told_ready = true;
        notify_say("READY=1");
        log_line(LOG_INFO, "all_ready", "workers=%u", s->workers);
    }
    if (!s->was_ready && failed == s->workers && !s->is_stopping) { /* none of them can begin */
        s->has_failed = true;
        supervisor_stop(s);
    }
    if (s->is_stopping && now_ms >= s->kill_ms)
        supervisor_tell_all(s, SIGKILL);
    if (every_ms && now_ms >= s->watchdog_ms + every_ms) {
        s->watchdog_ms = now_ms;
        notify_say("WATCHDOG=1");
    }
}

static void supervisor_wait(struct supervisor *s)
{
    struct pollfd at[PLACE_WORKERS_MAX + 1] = { { .fd = s->signals, .events = POLLIN } };

    for (uint32_t k = 0; k < s->workers; k++)
        at[k + 1] = (struct pollfd){ .fd = s->child[k].line, .events = POLLIN };
    if (poll(at, s->workers + 1, SUPERVISOR_TICK_MS) < 0)
        return;
    for (uint32_t k = 0; k < s->workers; k++) {
        if (s->child[k].line >= 0 && at[k + 1].revents)
            supervisor_hear(s, &s->child[k]);
    }
    supervisor_signals(s);
}

/* From here on only what server.user may do. */
static enum err supervisor_drop_privileges(const struct config *c)
{
    struct passwd *who;

    if (!c->server_user[0] || geteuid() != 0)
        return ERR_OK;
    who = getpwnam(c->server_user);
    if (!who || setgroups(0, NULL) || setresgid(who->pw_gid, who->pw_gid, who->pw_gid) ||
        setresuid(who->pw_uid, who->pw_uid, who->pw_uid)) {
        log_line(LOG_ERROR, "user", "name=%s error=%s", c->server_user, who ? strerror(errno) : "unknown");
        return ERR_BAD_REQUEST;
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return ERR_OK;
}

/* Sockets of our own, and then no more privileges; everybody is due to be started. */
static bool supervisor_prepare(struct supervisor *s)
{
    struct place place[PLACE_WORKERS_MAX];

    if (sockets_open(s->config, s->workers, place))
        return false;
    for (uint32_t k = 0; k < s->workers; k++) {
        s->child[k].place = place[k];
        s->child[k].line = -1;
        s->child[k].due_ms = supervisor_now_ms();
    }
    return !supervisor_drop_privileges(s->config);
}

static bool supervisor_open(struct supervisor *s)
{
    sigset_t set;

    if (!(handover_workers() ? upgrade_take(s) : supervisor_prepare(s)))
        return false;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &s->before);
    for (int number = 1; number < NSIG;
         number++) { /* of a program before this one they are blocked already */
        if (sigismember(&set, number) == 1)
            sigdelset(&s->before, number);
    }
    s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return s->signals >= 0;
}

static void supervisor_close(struct supervisor *s)
{
    for (uint32_t k = 0; k < s->workers; k++) {
        sockets_close(&s->child[k].place);
        if (s->child[k].place.local_path[0])
            unlink(s->child[k].place.local_path);
        if (s->child[k].place.control_path[0])
            unlink(s->child[k].place.control_path);
    }
}

uint32_t supervisor_inherits(void)
{
    return handover_workers();
}

bool supervisor_is_back(void)
{
    return handover_is_back();
}

void supervisor_give_up(char **argv)
{
    handover_refuse(argv);
}

int supervisor_run(const struct config *c, uint32_t workers, supervisor_worker_fn *worker, void *ctx,
                   char **argv)
{
    struct supervisor *s = calloc(1, sizeof *s);
    int status = 1;

    CHECK(s && workers > 0 && workers <= PLACE_WORKERS_MAX);
    *s = (struct supervisor){
        .config = c, .worker = worker, .ctx = ctx, .workers = workers, .argv = argv, .former = -1
    };
    if (supervisor_open(s)) {
        while (!s->is_stopping || s->running > 0) {
            supervisor_tick(s);
            supervisor_wait(s);
        }
        close(s->signals);
        supervisor_close(s);
        status = s->has_failed;
    }
    free(s);
    return status;
}
