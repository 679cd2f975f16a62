/* net/lookup.c - the address behind a name, found without stopping the loop
 *
 * The resolver of the C library blocks, so a thread asks it and says the answer through a pair of sockets: the loop
 * waits for the one, the thread owns the other. Nothing else is shared, so either may end first.
 */
#include "net/lookup.h"
#include "base/check.h"
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HOST_BYTES = 256, PORT_BYTES = 8 };

struct lookup {
    struct loop_io io;
    lookup_fn *fn;
    void *ctx;
};

/* The thread's, which frees it. */
struct lookup_job {
    int fd;
    char host[HOST_BYTES], port[PORT_BYTES];
};

bool lookup_split(const char *address, char *host, size_t host_bytes, const char **port)
{
    const char *colon = strrchr(address, ':'), *from = address;
    size_t bytes = colon ? (size_t)(colon - address) : 0;

    if (!colon || bytes == 0 || colon[1] == 0 || strlen(colon + 1) >= PORT_BYTES ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    if (bytes > 2 && from[0] == '[' && from[bytes - 1] == ']') {
        from++;
        bytes -= 2;
    } else if (memchr(from, ':', bytes)) {
        return false;
    }
    if (bytes >= host_bytes || bytes >= HOST_BYTES)
        return false;
    memcpy(host, from, bytes);
    host[bytes] = 0;
    *port = colon + 1;
    return true;
}

/* Answers into fd: the address, or nothing. */
static bool resolve(const struct lookup_job *job, int flags)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICSERV | flags, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    bool is_found = getaddrinfo(job->host, job->port, &hints, &found) == 0 && found;

    if (is_found) /* nobody reads it any more: then it is lost */
        is_found = send(job->fd, found->ai_addr, found->ai_addrlen, MSG_NOSIGNAL) > 0;
    if (found)
        freeaddrinfo(found);
    return is_found;
}

static void *run(void *ctx)
{
    struct lookup_job *job = ctx;

    resolve(job, 0);
    close(job->fd);
    free(job);
    return NULL;
}

/* Signals are the loop's thread's. */
static bool start(struct lookup_job *job)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    bool is_started;

    sigfillset(&all);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    is_started = pthread_create(&thread, &attributes, run, job) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return is_started;
}

static void on_answer(void *ctx, unsigned what)
{
    struct lookup *k = ctx;
    struct sockaddr_storage address = { 0 };
    ssize_t bytes = recv(k->io.fd, &address, sizeof(address), MSG_DONTWAIT);

    (void)what;
    loop_io_want(&k->io, 0);
    k->fn(k->ctx, (struct sockaddr *)&address, bytes > 0 ? (socklen_t)bytes : 0);
}

struct lookup *lookup_new(struct loop *l, const char *host, const char *port, lookup_fn *fn, void *ctx)
{
    struct lookup *k = calloc(1, sizeof(*k));
    struct lookup_job *job = calloc(1, sizeof(*job));
    int pair[2];

    CHECK(k && job && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    k->fn = fn;
    k->ctx = ctx;
    loop_io_init(&k->io, l, pair[0], on_answer, k);
    loop_io_want(&k->io, LOOP_READ);
    job->fd = pair[1];
    snprintf(job->host, sizeof(job->host), "%s", host);
    snprintf(job->port, sizeof(job->port), "%s", port);
    if (resolve(job, AI_NUMERICHOST) || !start(job)) {
        close(job->fd);
        free(job);
    }
    return k;
}

void lookup_free(struct lookup **at)
{
    struct lookup *k = *at;

    if (!k)
        return;
    loop_io_fini(&k->io);
    close(k->io.fd);
    free(k);
    *at = NULL;
}
