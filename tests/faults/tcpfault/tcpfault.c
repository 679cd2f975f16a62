/* faults/tcpfault/tcpfault.c - a proxy that breaks connections when it is told to */
/*
 * posthorn-tcpfault --listen ADDR --to ADDR --control PATH [--postgres]
 *
 * ADDR is 127.0.0.1:PORT or an absolute path. Prints "ready"; ends at SIGTERM, or when who started it does. Orders
 * come to PATH (SOCK_SEQPACKET), one a packet, each answered by "ok", "no: why", or the line of figures:
 *
 *   pass                  everything passes; connections that lost bytes meanwhile are reset
 *   cut, reset            all connections end now
 *   refuse                new ones are reset
 *   cut-at WAY N          the connection that carries the Nth byte from now in a direction (up, down) ends behind it
 *   reset-at WAY N        and with a reset
 *   swallow WAY           up, down, both: what comes is lost, even its end, as when the other side is gone
 *   stall WAY             nothing is read, nothing is lost
 *   slice N               at most N bytes are written at a time; 0: as they come
 *   delay MS              everything comes so much later; 0: at once
 *   commit MOMENT COUNT [STATEMENT], commit hold COUNT MS [STATEMENT]
 *                         with --postgres: strikes the next COUNT transactions (that execute STATEMENT) before, after,
 *                         reply, hold (commits.c says what these are)
 *   status                accepted, open and ended (by orders) connections, bytes, commits struck and left
 *
 * What both directions share holds for all connections, and for what was read but not written yet.
 */
#include "base/check.h"
#include "base/loop.h"
#include "tcpfault/address.h"
#include "tcpfault/orders.h"
#include "tcpfault/pair.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { TCPFAULT_TELLERS_MAX = 8 };

struct tcpfault_teller { /* somebody who gives orders */
    struct tcpfault *t;
    int fd; /* -1: none */
    struct loop_io io;
};

struct tcpfault {
    struct address listen, to, control;
    struct orders orders;
    struct pairs pairs;
    int fd, control_fd;
    struct loop_io io, control_io;
    struct tcpfault_teller teller[TCPFAULT_TELLERS_MAX];
    bool must_end;
};

static void tcpfault_status(const struct tcpfault *t, char *into, size_t bytes)
{
    const struct pairs *ps = &t->pairs;

    snprintf(into, bytes,
             "accepted=%" PRIu64 " open=%u ended=%" PRIu64 " up=%" PRIu64 " down=%" PRIu64 " struck=%" PRIu64
             " left=%" PRIu64,
             ps->accepted, ps->open, ps->ended, ps->bytes[ORDERS_UP], ps->bytes[ORDERS_DOWN],
             t->orders.commit.struck, t->orders.commit.left);
}

static void tcpfault_obey(struct tcpfault *t, char *line, char *answer, size_t bytes)
{
    enum orders_act act;
    bool is_commit = strncmp(line, "commit", 6) == 0;
    const char *why =
        is_commit && !t->pairs.is_postgres ? "only with --postgres" : orders_take(&t->orders, line, &act);

    if (why) {
        snprintf(answer, bytes, "no: %s", why);
        return;
    }
    snprintf(answer, bytes, "ok");
    if (act == ORDERS_STATUS)
        tcpfault_status(t, answer, bytes);
    else
        pair_all(&t->pairs, act);
}

static void tcpfault_told(void *ctx, unsigned what)
{
    struct tcpfault_teller *teller = ctx;
    char line[ORDERS_LINE_BYTES + 1], answer[ORDERS_LINE_BYTES];
    ssize_t n = recv(teller->fd, line, ORDERS_LINE_BYTES, 0);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        line[n] = 0;
        tcpfault_obey(teller->t, line, answer, sizeof answer);
        n = send(teller->fd, answer, strlen(answer), MSG_NOSIGNAL);
    }
    if (n <= 0) {
        loop_io_fini(&teller->io);
        close(teller->fd);
        teller->fd = -1;
    }
}

static void tcpfault_teller_comes(void *ctx, unsigned what)
{
    struct tcpfault *t = ctx;
    int fd = accept4(t->control_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)what;
    for (int n = 0; n < TCPFAULT_TELLERS_MAX && fd >= 0; n++) {
        struct tcpfault_teller *teller = &t->teller[n];
        if (teller->fd >= 0)
            continue;
        teller->fd = fd;
        loop_io_init(&teller->io, t->pairs.loop, fd, tcpfault_told, teller);
        loop_io_want(&teller->io, LOOP_READ);
        return;
    }
    if (fd >= 0)
        close(fd);
}

static void tcpfault_client_comes(void *ctx, unsigned what)
{
    struct tcpfault *t = ctx;
    int fd = accept4(t->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)what;
    if (fd < 0)
        return;
    pair_new(&t->pairs, fd);
}

static void tcpfault_signal(void *ctx, int number)
{
    struct tcpfault *t = ctx;

    (void)number;
    t->must_end = true;
}

static bool tcpfault_options(struct tcpfault *t, int argc, char **argv)
{
    static const struct option options[] = { { "listen", required_argument, NULL, 'l' },
                                             { "to", required_argument, NULL, 't' },
                                             { "control", required_argument, NULL, 'c' },
                                             { "postgres", no_argument, NULL, 'p' },
                                             { 0 } };
    bool good = true;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'l')
            good &= address_read(&t->listen, optarg);
        else if (option == 't')
            good &= address_read(&t->to, optarg);
        else if (option == 'c')
            good &= address_read(&t->control, optarg) && !t->control.is_tcp;
        else if (option == 'p')
            t->pairs.is_postgres = true;
        else
            good = false;
    }
    return good && optind == argc && t->listen.bytes && t->to.bytes && t->control.bytes;
}

static bool tcpfault_open(struct tcpfault *t)
{
    struct loop *l = t->pairs.loop;

    t->fd = address_listen(&t->listen, SOCK_STREAM);
    t->control_fd = t->fd < 0 ? -1 : address_listen(&t->control, SOCK_SEQPACKET);
    if (t->control_fd < 0) {
        fprintf(stderr, "posthorn-tcpfault: can't listen: %s\n", strerror(errno));
        return false;
    }
    loop_io_init(&t->io, l, t->fd, tcpfault_client_comes, t);
    loop_io_want(&t->io, LOOP_READ);
    loop_io_init(&t->control_io, l, t->control_fd, tcpfault_teller_comes, t);
    loop_io_want(&t->control_io, LOOP_READ);
    for (int n = 0; n < TCPFAULT_TELLERS_MAX; n++)
        t->teller[n] = (struct tcpfault_teller){ .t = t, .fd = -1 };
    return true;
}

static void tcpfault_close(struct tcpfault *t)
{
    pair_all(&t->pairs, ORDERS_CUT);
    pair_bury(&t->pairs);
    for (int n = 0; n < TCPFAULT_TELLERS_MAX; n++) {
        loop_io_fini(&t->teller[n].io);
        if (t->teller[n].fd >= 0)
            close(t->teller[n].fd);
    }
    loop_io_fini(&t->io);
    loop_io_fini(&t->control_io);
    close(t->fd);
    close(t->control_fd);
}

int main(int argc, char **argv)
{
    struct tcpfault *t = calloc(1, sizeof *t);
    struct loop_signal term;
    int status = 2;

    CHECK(t);
    if (!tcpfault_options(t, argc, argv)) {
        fprintf(stderr, "usage: posthorn-tcpfault --listen ADDR --to ADDR --control PATH [--postgres]\n");
        free(t);
        return 2;
    }
    t->pairs.loop = loop_new();
    t->pairs.orders = &t->orders;
    t->pairs.listen = &t->listen;
    t->pairs.to = &t->to;
    if (tcpfault_open(t)) {
        loop_signal_init(&term, t->pairs.loop, SIGTERM, tcpfault_signal, t);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        puts("ready");
        fflush(stdout);
        while (!t->must_end) {
            loop_wait(t->pairs.loop, true);
            pair_bury(&t->pairs);
        }
        loop_signal_fini(&term);
        tcpfault_close(t);
        status = 0;
    }
    loop_free(&t->pairs.loop);
    free(t);
    return status;
}
