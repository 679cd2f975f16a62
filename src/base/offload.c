/* base/offload.c - a bounded queue, a few threads, and an eventfd back to the loop */
#include "base/offload.h"
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { OFFLOAD_THREADS_MAX = 16 };

struct offload_job {
    struct offload_job *next;
    void (*work)(void *ctx);
    void *ctx;
    struct op *op;
};

struct offload_queue {
    struct offload_job *first, **last;
};

struct offload {
    struct loop_io io;
    int event_fd;
    unsigned jobs, jobs_max; /* waiting, running or done; only the loop's thread counts */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t has_work;
    struct offload_queue todo, done;
    bool is_stopping;
    unsigned threads;
    pthread_t thread[OFFLOAD_THREADS_MAX];
};

static void offload_put(struct offload_queue *q, struct offload_job *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
}

static struct offload_job *offload_take(struct offload_queue *q)
{
    struct offload_job *job = q->first;

    if (job) {
        q->first = job->next;
        if (!q->first)
            q->last = &q->first;
    }
    return job;
}

static void *offload_thread(void *ctx)
{
    struct offload *o = ctx;

    pthread_mutex_lock(&o->lock);
    while (!o->is_stopping) {
        struct offload_job *job = offload_take(&o->todo);
        if (!job) {
            pthread_cond_wait(&o->has_work, &o->lock);
            continue;
        }
        pthread_mutex_unlock(&o->lock);
        job->work(job->ctx);
        pthread_mutex_lock(&o->lock);
        offload_put(&o->done, job);
        CHECK(eventfd_write(o->event_fd, 1) == 0);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

static void offload_ready(void *ctx, unsigned what)
{
    struct offload *o = ctx;
    eventfd_t count;

    (void)what;
    eventfd_read(o->event_fd, &count);
    for (;;) {
        pthread_mutex_lock(&o->lock);
        struct offload_job *job = offload_take(&o->done);
        pthread_mutex_unlock(&o->lock);
        if (!job)
            return;
        o->jobs--;
        op_wake(job->op, ERR_OK);
        free(job);
    }
}

struct offload *offload_new(struct loop *l, unsigned threads, unsigned jobs_max)
{
    struct offload *o = calloc(1, sizeof *o);

    CHECK(o && threads > 0 && threads <= OFFLOAD_THREADS_MAX);
    o->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(o->event_fd >= 0);
    o->jobs_max = jobs_max;
    o->todo.last = &o->todo.first;
    o->done.last = &o->done.first;
    CHECK(pthread_mutex_init(&o->lock, NULL) == 0);
    CHECK(pthread_cond_init(&o->has_work, NULL) == 0);
    loop_io_init(&o->io, l, o->event_fd, offload_ready, o);
    loop_io_want(&o->io, LOOP_READ);
    for (; o->threads < threads; o->threads++)
        CHECK(pthread_create(&o->thread[o->threads], NULL, offload_thread, o) == 0);
    return o;
}

void offload_free(struct offload **p)
{
    struct offload *o = *p;

    if (!o)
        return;
    *p = NULL;
    pthread_mutex_lock(&o->lock);
    o->is_stopping = true;
    pthread_cond_broadcast(&o->has_work);
    pthread_mutex_unlock(&o->lock);
    for (unsigned k = 0; k < o->threads; k++)
        pthread_join(o->thread[k], NULL);
    for (struct offload_job *job; (job = offload_take(&o->todo));)
        free(job);
    for (struct offload_job *job; (job = offload_take(&o->done));)
        free(job);
    loop_io_fini(&o->io);
    close(o->event_fd);
    pthread_cond_destroy(&o->has_work);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

void offload_run(struct offload *o, void (*work)(void *ctx), void *ctx, struct op *op)
{
    if (o->jobs >= o->jobs_max) {
        op_wake(op, ERR_BUSY);
        return;
    }
    struct offload_job *job = calloc(1, sizeof *job);
    CHECK(job);
    job->work = work;
    job->ctx = ctx;
    job->op = op;
    o->jobs++;
    pthread_mutex_lock(&o->lock);
    offload_put(&o->todo, job);
    pthread_cond_signal(&o->has_work);
    pthread_mutex_unlock(&o->lock);
}
