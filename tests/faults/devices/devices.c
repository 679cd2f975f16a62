/* faults/devices/devices.c - posthorn-devices: many devices that talk while nodes come and go
 *
 * Every device is a client of libposthorn, so what its user would notice is noticed here. All are moved on by one
 * thread; a second one changes the members of groups. At the end nothing more is sent until every device has what
 * its account's mailbox has.
 */
#include "devices/crowd.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DEVICES_FDS = 8, DEVICES_TURN_US = 2000, DEVICES_LOOK_MS = 500, DEVICES_TELL_MS = 1000 };

static volatile sig_atomic_t is_told; /* by SIGTERM or SIGINT, to send no more */

struct run {
    struct options options;
    struct crowd crowd;
    struct history *history;
    struct device_sums sums;
    struct pollfd *fd;
    uint32_t *fds; /* by device */
    unsigned seed;
    uint64_t begun_ms, told_ms, looked_ms;
    uint32_t behind;
    uint64_t late_turns;
};

static void told(int number)
{
    (void)number;
    is_told = 1;
}

static uint64_t now_ms(void)
{
    return history_now() / 1000000;
}

/* One turn of all: waits at most wait_ms, and moves those on for whom something came or is due. */
static void turn(struct run *r, int wait_ms)
{
    const struct options *o = &r->options;
    size_t count = 0;
    for (uint32_t n = 0; n < o->devices; n++) {
        const struct posthorn *p = r->crowd.device[n].p;
        int due = posthorn_timeout_ms(p);
        wait_ms = due >= 0 && due < wait_ms ? due : wait_ms;
        r->fds[n] = (uint32_t)posthorn_fds(p, r->fd + count, DEVICES_FDS);
        count += r->fds[n];
    }
    poll(r->fd, (nfds_t)count, wait_ms);
    count = 0;
    for (uint32_t n = 0; n < o->devices; n++) {
        bool is_ready = false;
        for (uint32_t k = 0; k < r->fds[n]; k++)
            is_ready |= r->fd[count + k].revents != 0;
        count += r->fds[n];
        if (is_ready || posthorn_timeout_ms(r->crowd.device[n].p) == 0)
            posthorn_step(r->crowd.device[n].p);
    }
}

static void tell(struct run *r)
{
    if (now_ms() - r->told_ms < DEVICES_TELL_MS)
        return;
    r->told_ms = now_ms();
    fprintf(stderr, "sent %llu acknowledged %llu refused %llu delivered %llu\n",
            (unsigned long long)r->sums.begun, (unsigned long long)r->sums.acked,
            (unsigned long long)r->sums.refused, (unsigned long long)r->sums.delivered);
}

/* How many are due by now, by the rate; somebody who still waits for answers is not asked to say more. */
static bool send_some(struct run *r)
{
    const struct options *o = &r->options;
    uint64_t elapsed = now_ms() - r->begun_ms;
    uint64_t due = o->rate ? elapsed * o->rate / 1000 : UINT64_MAX;
    if (is_told || r->sums.begun >= o->messages || (o->seconds && elapsed >= o->seconds * 1000ull))
        return false;
    for (uint32_t tries = 0; tries < o->devices && r->sums.begun < due && r->sums.begun < o->messages;
         tries++) {
        const char *conversation;
        struct device *d = crowd_choose(&r->crowd, &r->seed, &conversation);
        if (posthorn_pending(d->p) < DEVICE_WAITING_MOST)
            device_send(d, conversation, (unsigned)rand_r(&r->seed));
    }
    return true;
}

static bool is_answered(const struct run *r)
{
    return r->sums.acked + r->sums.refused >= r->sums.begun;
}

/* How many devices have not what their mailboxes have; all, when that can't be asked. */
static uint32_t count_behind(const struct run *r)
{
    const struct options *o = &r->options;
    PGconn *conn = PQconnectdb(o->conninfo);
    PGresult *rows = PQexec(conn, "SELECT user_id, last_i FROM mailbox");
    uint32_t behind = o->devices;
    for (int row = 0; row < PQntuples(rows); row++) {
        uint64_t user = strtoull(PQgetvalue(rows, row, 0), NULL, 10),
                 i = strtoull(PQgetvalue(rows, row, 1), NULL, 10);
        for (uint32_t n = 0; n < o->devices; n++)
            behind -= r->crowd.device[n].account == user && r->crowd.device[n].i >= i;
    }
    PQclear(rows);
    PQfinish(conn);
    return behind;
}

static bool is_behind(struct run *r)
{
    if (now_ms() - r->looked_ms >= DEVICES_LOOK_MS) {
        r->behind = is_answered(r) ? count_behind(r) : r->options.devices;
        r->looked_ms = now_ms();
    }
    return r->behind != 0;
}

static void run_all(struct run *r)
{
    r->begun_ms = now_ms();
    crowd_change(&r->crowd);
    while (send_some(r)) {
        turn(r, 20);
        usleep(DEVICES_TURN_US); /* what comes in a moment is taken at once */
        tell(r);
    }
    crowd_stop(&r->crowd);
    r->behind = r->options.devices;
    uint64_t end_ms = now_ms() + r->options.quiet_s * 1000ull;
    while (is_behind(r) && now_ms() < end_ms) {
        turn(r, 50);
        tell(r);
    }
}

static int report(const struct run *r, uint64_t took_ms)
{
    const struct device_sums *s = &r->sums;
    bool is_good = is_answered(r) && r->behind == 0 && s->visible == 0 && s->resyncs == 0;
    printf("{\"sent\":%llu,\"acknowledged\":%llu,\"refused\":%llu,\"visible\":%llu,\"resyncs\":%llu,"
           "\"delivered\":%llu,\"devices\":%u,\"behind\":%u,\"seconds\":%.1f}\n",
           (unsigned long long)s->begun, (unsigned long long)s->acked, (unsigned long long)s->refused,
           (unsigned long long)s->visible, (unsigned long long)s->resyncs, (unsigned long long)s->delivered,
           r->options.devices, r->behind, (double)took_ms / 1000);
    return is_good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct run r = { 0 };
    char path[512];
    if (!options_read(&r.options, argc, argv))
        return 2;
    const struct options *o = &r.options;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, told);
    signal(SIGINT, told);
    snprintf(path, sizeof path, "%s/devices.history", o->dir);
    r.history = history_new(path);
    if (!r.history) {
        fprintf(stderr, "posthorn-devices: %s: %s\n", path, strerror(errno));
        return 2;
    }
    r.seed = o->seed;
    r.fd = calloc(o->devices, DEVICES_FDS * sizeof *r.fd);
    r.fds = calloc(o->devices, sizeof *r.fds);
    crowd_enter(&r.crowd, o);
    for (uint32_t n = 0; n < o->devices; n++)
        device_listen(&r.crowd.device[n], r.history, &r.sums);
    fprintf(stderr, "ready\n");
    run_all(&r);
    int status = report(&r, now_ms() - r.begun_ms);
    crowd_leave(&r.crowd);
    history_free(&r.history);
    free(r.fd);
    free(r.fds);
    return status;
}
