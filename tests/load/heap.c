/* load/heap.c - preloaded into a server under test: tells a file how many bytes the program has from malloc
 *
 * HEAP_FILE names the file; a thread writes it five times a second.
 */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void *heap_tell(void *ctx)
{
    const struct timespec nap = { 0, 200 * 1000 * 1000 };
    int fd = open(ctx, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    char text[32];

    while (fd >= 0) {
        struct mallinfo2 m = mallinfo2();
        int bytes = snprintf(text, sizeof text, "%20zu\n", m.uordblks + m.hblkhd);
        if (pwrite(fd, text, (size_t)bytes, 0) != bytes)
            break;
        nanosleep(&nap, NULL);
    }
    return NULL;
}

__attribute__((constructor)) static void heap_begin(void)
{
    char *path = getenv("HEAP_FILE");
    pthread_t thread;
    sigset_t all, before;

    if (!path)
        return;
    /* The program's signals are none of this thread's business. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, heap_tell, path) == 0)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
