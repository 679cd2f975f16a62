/* check/faultlog.c - lines of words */
#include "check/faultlog.h"
#include "base/check.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTLOG_AFTERMATH_NS UINT64_C(5000000000) /* a lease runs out, a ring changes, devices come back */

static _Noreturn void faultlog_refuse(const char *line)
{
    fprintf(stderr, "posthorn-check: faults.log: not understood: %s\n", line);
    exit(2);
}

static int faultlog_order(const void *a, const void *b)
{
    const struct faultlog_fault *x = a, *y = b;

    return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static void faultlog_begin(struct faultlog *f, uint64_t ns, const char *rest, const char *line)
{
    struct faultlog_fault *new = &f->fault[f->faults++];
    int words = 0;

    *new = (struct faultlog_fault){ .ns = ns, .end_ns = ns };
    if (sscanf(rest, "%" SCNu64 " %31s %n", &new->number, new->kind, &words) < 2)
        faultlog_refuse(line);
    if (words)
        snprintf(new->words, sizeof new->words, "%.*s", (int)sizeof new->words - 1, rest + words);
}

static void faultlog_end(struct faultlog *f, uint64_t ns, const char *rest, const char *line)
{
    uint64_t number;
    size_t k = f->faults;

    if (sscanf(rest, "%" SCNu64, &number) != 1)
        faultlog_refuse(line);
    while (k > 0 && f->fault[k - 1].number != number)
        k--;
    if (!k)
        faultlog_refuse(line);
    f->fault[k - 1].end_ns = ns;
}

static void faultlog_window(struct faultlog *f, uint64_t ns, bool is_open, const char *rest, const char *line)
{
    char name[FAULTLOG_KIND_BYTES];

    if (sscanf(rest, "%31s", name) != 1)
        faultlog_refuse(line);
    for (size_t k = f->windows; !is_open && k > 0; k--) {
        struct faultlog_window *w = &f->window[k - 1];
        if (w->end_ns == UINT64_MAX && !strcmp(w->name, name)) {
            w->end_ns = ns;
            return;
        }
    }
    if (!is_open)
        faultlog_refuse(line);
    struct faultlog_window *new = &f->window[f->windows++];
    *new = (struct faultlog_window){ .ns = ns, .end_ns = UINT64_MAX };
    memcpy(new->name, name, sizeof name);
}

static void faultlog_line(struct faultlog *f, char *line)
{
    uint64_t ns;
    char verb[8];
    int at = 0;

    line[strcspn(line, "\r\n")] = 0;
    if (!*line || *line == '#')
        return;
    if (sscanf(line, "%" SCNu64 " %7s %n", &ns, verb, &at) != 2 || f->faults + f->windows >= FAULTLOG_MAX)
        faultlog_refuse(line);
    const char *rest = line + (at ? at : (int)strlen(line));
    if (!strcmp(verb, "begin"))
        faultlog_begin(f, ns, rest, line);
    else if (!strcmp(verb, "end"))
        faultlog_end(f, ns, rest, line);
    else if (!strcmp(verb, "open") || !strcmp(verb, "shut"))
        faultlog_window(f, ns, *verb == 'o', rest, line);
    else if (strcmp(verb, "note"))
        faultlog_refuse(line);
}

void faultlog_read(struct faultlog *f, const char *dir)
{
    char path[4096], *line = NULL;
    size_t room = 0, lines = 0;

    *f = (struct faultlog){ 0 };
    snprintf(path, sizeof path, "%s/faults.log", dir);
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return;
    if (!file) {
        fprintf(stderr, "posthorn-check: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    while (getline(&line, &room, file) > 0)
        lines++;
    rewind(file);
    f->fault = calloc(lines + 1, sizeof *f->fault);
    f->window = calloc(lines + 1, sizeof *f->window);
    CHECK(f->fault && f->window);
    while (getline(&line, &room, file) > 0)
        faultlog_line(f, line);
    qsort(f->fault, f->faults, sizeof *f->fault, faultlog_order);
    free(line);
    fclose(file);
}

void faultlog_fini(struct faultlog *f)
{
    free(f->fault);
    free(f->window);
    *f = (struct faultlog){ 0 };
}

/* How many faults were injected at or before a time. */
static size_t faultlog_count(const struct faultlog *f, uint64_t ns)
{
    size_t low = 0, high = f->faults;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->fault[middle].ns <= ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct faultlog_fault *faultlog_before(const struct faultlog *f, uint64_t ns)
{
    size_t count = faultlog_count(f, ns);

    return count ? &f->fault[count - 1] : NULL;
}

void faultlog_tell(const struct faultlog *f, uint64_t start_ns, uint64_t ns, char *into, size_t bytes)
{
    const struct faultlog_fault *before = ns ? faultlog_before(f, ns) : NULL;
    double at_s = (double)(int64_t)(ns - start_ns) / 1e9;

    if (before)
        snprintf(into, bytes, ", at %.3f s, %.3f s after fault %" PRIu64 " %s%s%s%s", at_s,
                 (double)(ns - before->ns) / 1e9, before->number, before->kind, *before->words ? " (" : "",
                 before->words, *before->words ? ")" : "");
    else if (ns)
        snprintf(into, bytes, ", at %.3f s, before any fault", at_s);
}

const struct faultlog_fault *faultlog_cause(const struct faultlog *f, uint64_t from, uint64_t to)
{
    size_t count = faultlog_count(f, from);

    for (size_t k = count; k > 0; k--)
        if (f->fault[k - 1].end_ns >= from)
            return &f->fault[k - 1];
    if (count < f->faults && f->fault[count].ns <= to)
        return &f->fault[count];
    for (size_t k = count; k > 0; k--)
        if (f->fault[k - 1].end_ns + FAULTLOG_AFTERMATH_NS >= from)
            return &f->fault[k - 1];
    return NULL;
}

bool faultlog_has_kind(const struct faultlog *f, const char *kind, uint64_t before_ns)
{
    for (size_t k = 0; k < f->faults && f->fault[k].ns <= before_ns; k++)
        if (!strcmp(f->fault[k].kind, kind))
            return true;
    return false;
}
