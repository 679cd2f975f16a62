/* check/faultlog.h - what the fault driver did, and when */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULTLOG_KIND_BYTES = 32, FAULTLOG_WORDS_BYTES = 80, FAULTLOG_MAX = 100000 };

struct faultlog_fault {
    uint64_t number, ns, end_ns;    /* end_ns: when it was healed; ns when nothing was said of that */
    char kind[FAULTLOG_KIND_BYTES], words[FAULTLOG_WORDS_BYTES];
};
struct faultlog_window {
    uint64_t ns, end_ns;            /* UINT64_MAX: never shut */
    char name[FAULTLOG_KIND_BYTES];
};

struct faultlog {
    struct faultlog_fault *fault;   /* in the order of their time */
    size_t faults;
    struct faultlog_window *window;
    size_t windows;
};

/* DIR/faults.log (history.h says its lines); no such file is a run without faults. A line that is none ends the
 * program with 2. */
void faultlog_read(struct faultlog *f, const char *dir);
void faultlog_fini(struct faultlog *f);
/* The newest fault injected at or before a time; NULL: none. */
const struct faultlog_fault *faultlog_before(const struct faultlog *f, uint64_t ns);
/* ", at 3.2 s, 0.4 s after fault 7 kill-worker (node b)"; ns 0: nothing. */
void faultlog_tell(const struct faultlog *f, uint64_t start_ns, uint64_t ns, char *into, size_t bytes);
/* What made a delivery late that was due at `from` and came at `to`: the newest fault in effect then, else the first
 * injected meanwhile, else the newest that was healed less than 5 s before; NULL: none did. */
const struct faultlog_fault *faultlog_cause(const struct faultlog *f, uint64_t from, uint64_t to);
bool faultlog_has_kind(const struct faultlog *f, const char *kind, uint64_t before_ns);
