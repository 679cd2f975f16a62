/* supervisor/upgrade.c - another program, the same process: nobody is refused a connection meanwhile
 *
 *   1 try    the next program reads the configuration, in a process of its own: what can't even begin is not become
 *   2 give   this process becomes it; workers and sockets stay (supervisor/handover.h)
 *   3 roll   it replaces the workers one after the other: told to go, gone, started, serving. Never are there two with
 *            one place: they would be one node, and fence each other. What connects meanwhile waits in the kernel
 *   4 back   a worker that does not come to serve: the process becomes the program before again, which replaces those
 *            that were replaced. That one has nowhere to go back to, and goes on as after any death
 */
#include "base/log.h"
#include "supervisor/inside.h"
#include "supervisor/notify.h"
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    UPGRADE_TRIAL_MS = 10 * 1000,
    UPGRADE_LEAVE_MS = 30 * 1000, /* a worker takes 10 s to drain at most, and the rest to say so */
    UPGRADE_READY_MS = 30 * 1000,
    UPGRADE_DEATHS = 3, /* of a new worker, before it is given up */
    UPGRADE_ARGUMENTS = 64
};

void upgrade_begin(struct supervisor *s)
{
    char check[] = "--check-config", version[] = "--takes-over=" HANDOVER_VERSION;
    char *words[UPGRADE_ARGUMENTS + 3];
    uint32_t count = 0;

    if (s->trial || s->is_rolling || s->is_stopping) {
        log_line(LOG_WARN, "upgrade_refused", "why=busy");
        return;
    }
    while (s->argv[count] && count < UPGRADE_ARGUMENTS) {
        words[count] = s->argv[count];
        count++;
    }
    words[count] = check;
    words[count + 1] = version;
    words[count + 2] = NULL;
    s->trial_ms = supervisor_now_ms() + UPGRADE_TRIAL_MS;
    s->trial = fork();
    if (s->trial == 0) {
        sigprocmask(SIG_SETMASK, &s->before, NULL);
        execvp(words[0], words);
        _exit(127);
    }
    log_line(LOG_INFO, "upgrade_tried", "program=%s pid=%d", s->argv[0], (int)s->trial);
    if (s->trial < 0)
        s->trial = 0;
}

static void upgrade_give(struct supervisor *s, int program, int former)
{
    struct handover h = { .workers = s->workers, .former = former };
    bool is_return = program >= 0;

    notify_say("WATCHDOG=1"); /* the next word comes when the schema is up */
    for (uint32_t k = 0; k < s->workers; k++) {
        const struct supervisor_child *c = &s->child[k];
        h.child[k] = (struct handover_child){ .place = c->place,
                                              .pid = c->pid,
                                              .line = c->line,
                                              .is_ready = c->is_ready,
                                              .is_former = !is_return || !c->is_former };
    }
    handover_give(&h, program, s->argv);
}

void upgrade_tried(struct supervisor *s, pid_t pid, int status)
{
    if (pid != s->trial)
        return;
    s->trial = 0;
    if (s->is_stopping)
        return;
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        log_line(LOG_ERROR, "upgrade_refused", "why=trial signal=%d status=%d",
                 WIFSIGNALED(status) ? WTERMSIG(status) : 0, WIFEXITED(status) ? WEXITSTATUS(status) : 0);
        return;
    }
    int myself = handover_myself();
    log_line(LOG_INFO, "upgrade_begun", "program=%s", s->argv[0]);
    upgrade_give(s, -1, myself);
    if (myself >= 0) /* still here: the next one could not be run */
        close(myself);
}

bool upgrade_take(struct supervisor *s)
{
    struct handover h;
    uint64_t now_ms = supervisor_now_ms();

    if (handover_take(&h) || h.workers != s->workers)
        return false;
    s->former = h.former;
    s->is_rolling = true;
    s->was_ready = s->is_told_ready = true;
    for (uint32_t k = 0; k < s->workers; k++) {
        s->child[k] = (struct supervisor_child){ .place = h.child[k].place,
                                                 .pid = h.child[k].pid,
                                                 .line = h.child[k].line,
                                                 .is_ready = h.child[k].is_ready,
                                                 .is_former = h.child[k].is_former && h.child[k].pid,
                                                 .started_ms = now_ms,
                                                 .heard_ms = now_ms,
                                                 .due_ms = h.child[k].pid ? 0 : now_ms };
        s->running += h.child[k].pid > 0;
    }
    return true;
}

/* The program before this one takes over what there is; when that is impossible, this one goes on. */
static void upgrade_return(struct supervisor *s, const struct supervisor_child *c)
{
    log_line(LOG_ERROR, "upgrade_failed", "worker=%u failures=%u back=%d", c->place.worker, c->failures,
             s->former >= 0);
    if (s->former < 0) { /* it is started again as after any death; the next one */
        s->roll++;
        s->roll_ms = 0;
        return;
    }
    s->is_rolling = false;
    upgrade_give(s, s->former, -1);
    close(s->former);
    s->former = -1;
}

static void upgrade_over(struct supervisor *s)
{
    log_line(LOG_INFO, s->former >= 0 ? "upgraded" : "upgrade_undone", "workers=%u", s->workers);
    s->is_rolling = false;
    if (s->former >= 0)
        close(s->former);
    s->former = -1;
}

/* One worker's turn: the former one goes, the next one comes to serve. */
static void upgrade_roll(struct supervisor *s, struct supervisor_child *c, uint64_t now_ms)
{
    if (!s->roll_ms) {
        s->roll_ms = now_ms;
        if (c->is_former)
            kill(c->pid, SIGTERM);
    }
    if (c->is_former) {
        if (now_ms - s->roll_ms > UPGRADE_LEAVE_MS)
            kill(c->pid, SIGKILL);
    } else if (c->is_ready) {
        s->roll++;
        s->roll_ms = 0;
    } else if (c->failures >= UPGRADE_DEATHS || (c->pid && now_ms - c->started_ms > UPGRADE_READY_MS)) {
        upgrade_return(s, c);
    }
}

void upgrade_look(struct supervisor *s, uint64_t now_ms)
{
    if (s->trial && now_ms > s->trial_ms)
        kill(s->trial, SIGKILL);
    if (!s->is_rolling || s->is_stopping)
        return;
    if (s->roll < s->workers)
        upgrade_roll(s, &s->child[s->roll], now_ms);
    else
        upgrade_over(s);
}
