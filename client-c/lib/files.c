/* lib/files.c - small private files: whole reads, atomic writes, locks */
#include "lib/files.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool files_make_dir(const char *path)
{
    char *part = buf_copy(path);
    bool is_made = true;
    for (char *at = part + 1; is_made && *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        is_made = mkdir(part, 0700) == 0 || errno == EEXIST;
        *at = '/';
    }
    is_made = is_made && (mkdir(path, 0700) == 0 || errno == EEXIST);
    free(part);
    return is_made;
}

char *files_join(const char *dir, const char *name)
{
    struct buf b = { 0 };
    buf_format(&b, "%s/%s", dir, name);
    return buf_take(&b);
}

bool files_read(const char *path, size_t most, struct buf *into)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    char part[4096];
    ssize_t got;
    while ((got = read(fd, part, sizeof part)) > 0 && into->bytes <= most)
        buf_add(into, part, (size_t)got);
    int why = got < 0 ? errno : into->bytes > most ? EFBIG : 0;
    close(fd);
    errno = why;
    return why == 0;
}

bool files_write(int fd, const void *bytes, size_t count)
{
    const char *at = bytes;
    while (count) {
        ssize_t put = write(fd, at, count);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        at += put;
        count -= (size_t)put;
    }
    return true;
}

bool files_sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_synced = fsync(fd) == 0;
    close(fd);
    return is_synced;
}

bool files_replace(const char *dir, const char *name, const void *bytes, size_t count)
{
    struct buf temporary = { 0 };
    buf_format(&temporary, "%s/%s.%ld.new", dir, name, (long)getpid());
    char *path = files_join(dir, name);
    int fd = open(temporary.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_done = fd >= 0 && files_write(fd, bytes, count) && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    is_done = is_done && rename(temporary.at, path) == 0 && files_sync_dir(dir);
    int why = errno;
    if (!is_done && fd >= 0)
        unlink(temporary.at);
    buf_fini(&temporary);
    free(path);
    errno = why;
    return is_done;
}

int files_lock(const char *dir, const char *name)
{
    char *path = files_join(dir, name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}
