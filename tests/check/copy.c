/* check/copy.c - a mapped file, cut at tabs and line ends */
#include "check/copy.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void copy_refuse(const struct copy *c, const char *what)
{
    fprintf(stderr, "posthorn-check: %s.copy, row %" PRIu64 ": %s\n", c->table, c->rows, what);
    exit(2);
}

void copy_open(struct copy *c, const char *dir, const char *table)
{
    char path[4096];
    struct stat s;

    *c = (struct copy){ .table = table };
    snprintf(path, sizeof path, "%s/%s.copy", dir, table);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s)) {
        fprintf(stderr, "posthorn-check: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    c->bytes = (size_t)s.st_size;
    if (c->bytes) {
        void *at = mmap(NULL, c->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at == MAP_FAILED)
            copy_refuse(c, strerror(errno));
        /* Advice only: it is as well without. */
        (void)madvise(at, c->bytes, MADV_SEQUENTIAL);
        c->from = at;
        c->at = c->from;
        c->end = c->from + c->bytes;
        if (c->end[-1] != '\n')
            copy_refuse(c, "the file is cut off");
    }
    close(fd);
}

bool copy_row(struct copy *c)
{
    /* Whatever columns were not asked for. */
    if (c->rows && c->at < c->end && c->at[-1] != '\n')
        c->at = (const char *)memchr(c->at, '\n', (size_t)(c->end - c->at)) + 1;
    c->rows++;
    return c->at < c->end;
}

struct text copy_text(struct copy *c)
{
    const char *from = c->at;

    if (from >= c->end || (from > c->from && from[-1] != '\t' && from[-1] != '\n'))
        copy_refuse(c, "too few columns");
    while (*c->at != '\t' && *c->at != '\n')
        c->at++;
    return (struct text){ from, (size_t)(c->at++ - from) };
}

uint64_t copy_number(struct copy *c)
{
    struct text t = copy_text(c);
    bool is_negative = t.bytes && t.at[0] == '-';
    uint64_t n = 0;

    if (t.bytes <= is_negative || t.bytes > 20)
        copy_refuse(c, "not a number");
    for (size_t k = is_negative; k < t.bytes; k++) {
        if (t.at[k] < '0' || t.at[k] > '9')
            copy_refuse(c, "not a number");
        n = n * 10 + (uint64_t)(t.at[k] - '0');
    }
    return is_negative ? -n : n;
}

void copy_close(struct copy *c)
{
    if (c->from)
        munmap(c->from, c->bytes);
    *c = (struct copy){ 0 };
}
