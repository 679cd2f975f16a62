/* supervisor/handover.c - numbers of descriptors and processes, as text in the environment */
#include "supervisor/handover.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HANDOVER_FDS = 8, HANDOVER_CHILD_MAX = 160 };
#define HANDOVER_NAME "SUPERVISOR_HANDOVER"

/* Each descriptor of a child, in the order of the text. */
static int *handover_fd(struct handover_child *c, unsigned k)
{
    int *const at[HANDOVER_FDS] = {
        &c->line,          &c->place.tls,  &c->place.cleartext,
        &c->place.own_tls, //
        &c->place.admin,   &c->place.link, &c->place.link_local, &c->place.control
    };

    return at[k];
}

uint32_t handover_workers(void)
{
    const char *text = getenv(HANDOVER_NAME);

    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

bool handover_is_back(void)
{
    const char *text = getenv(HANDOVER_NAME), *former = text ? strchr(text, ' ') : NULL;

    return former && strtol(former, NULL, 10) < 0;
}

int handover_myself(void)
{
    return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

static void handover_keep(int fd, bool is_kept)
{
    if (fd >= 0)
        (void)fcntl(fd, F_SETFD, is_kept ? 0 : FD_CLOEXEC);
}

static void handover_keep_all(struct handover *h, bool is_kept)
{
    handover_keep(h->former, is_kept);
    for (uint32_t k = 0; k < h->workers; k++) {
        for (unsigned n = 0; n < HANDOVER_FDS; n++)
            handover_keep(*handover_fd(&h->child[k], n), is_kept);
    }
}

static void handover_path(int fd, char path[static PLACE_PATH_MAX])
{
    struct sockaddr_un name = { 0 };
    socklen_t bytes = sizeof name;

    path[0] = 0;
    if (fd >= 0 && getsockname(fd, (struct sockaddr *)&name, &bytes) == 0 && name.sun_family == AF_UNIX)
        snprintf(path, PLACE_PATH_MAX, "%.*s", PLACE_PATH_MAX - 1, name.sun_path);
}

/* The next number of the text. */
static bool handover_number(char **at, long least, long most, long *into)
{
    char *end;

    errno = 0;
    *into = strtol(*at, &end, 10);
    bool is_good = end != *at && !errno && *into >= least && *into <= most;
    *at = end;
    return is_good;
}

static bool handover_read_child(char **at, struct handover_child *c)
{
    long number;

    for (unsigned n = 0; n < HANDOVER_FDS; n++) {
        if (!handover_number(at, -1, INT32_MAX, &number) || (number >= 0 && fcntl((int)number, F_GETFD) < 0))
            return false;
        *handover_fd(c, n) = (int)number;
    }
    if (!handover_number(at, 0, INT32_MAX, &number))
        return false;
    c->pid = (pid_t)number;
    if (!handover_number(at, 0, 3, &number))
        return false;
    c->is_ready = number & 1;
    c->is_former = number & 2;
    return true;
}

static bool handover_read(char *text, struct handover *h)
{
    long number;

    if (!handover_number(&text, 1, PLACE_WORKERS_MAX, &number))
        return false;
    h->workers = (uint32_t)number;
    if (!handover_number(&text, -1, INT32_MAX, &number))
        return false;
    h->former = (int)number;
    for (uint32_t k = 0; k < h->workers; k++) {
        if (!handover_read_child(&text, &h->child[k]))
            return false;
    }
    return *text == 0;
}

enum err handover_take(struct handover *h)
{
    char *text = getenv(HANDOVER_NAME);

    if (!text || !handover_read(text, h))
        return ERR_BAD_REQUEST;
    handover_keep_all(h, false);
    for (uint32_t k = 0; k < h->workers; k++) {
        struct place *p = &h->child[k].place;
        p->worker = k;
        p->workers = h->workers;
        p->line = -1;
        handover_path(p->link_local, p->local_path);
        handover_path(p->control, p->control_path);
    }
    unsetenv(HANDOVER_NAME);
    return ERR_OK;
}

static void handover_write(struct handover *h, char *into, size_t room)
{
    int bytes = snprintf(into, room, "%u %d", h->workers, h->former);

    for (uint32_t k = 0; k < h->workers; k++) {
        struct handover_child *c = &h->child[k];
        for (unsigned n = 0; n < HANDOVER_FDS; n++)
            bytes += snprintf(into + bytes, room - (size_t)bytes, " %d", *handover_fd(c, n));
        bytes += snprintf(into + bytes, room - (size_t)bytes, " %d %d", (int)c->pid,
                          (c->is_ready ? 1 : 0) + (c->is_former ? 2 : 0));
        CHECK((size_t)bytes < room);
    }
}

static void handover_exec(int program, char **argv)
{
    if (program >= 0)
        (void)fexecve(program, argv, environ);
    else
        (void)execvp(argv[0], argv);
    log_line(LOG_ERROR, "handover", "program=%s error=%s", program >= 0 ? "the former" : argv[0],
             strerror(errno));
}

void handover_give(const struct handover *h, int program, char **argv)
{
    static const size_t room = 32 + PLACE_WORKERS_MAX * HANDOVER_CHILD_MAX;
    struct handover copy = *h;
    char *text = malloc(room);

    CHECK(text);
    handover_write(&copy, text, room);
    CHECK(setenv(HANDOVER_NAME, text, 1) == 0);
    handover_keep_all(&copy, true);
    handover_exec(program, argv);
    handover_keep_all(&copy, false);
    unsetenv(HANDOVER_NAME);
    free(text);
}

void handover_refuse(char **argv)
{
    struct handover h;

    if (handover_workers() == 0 || handover_take(&h) || h.former < 0)
        return;
    int program = h.former;
    h.former = -1;
    for (uint32_t k = 0; k < h.workers; k++)
        h.child[k].is_former = false; /* they are its own */
    handover_give(&h, program, argv);
}
