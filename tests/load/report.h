/* load/report.h - what came of a run: one line of JSON on stdout, the same as a table on stderr */
#pragma once
#include "load/tally.h"
#include <stdbool.h>
#include <sys/types.h>

struct report { bool has_items; };

void report_begin(struct report *r, const char *workload);
void report_word(struct report *r, const char *name, const char *value);
void report_count(struct report *r, const char *name, uint64_t value);
void report_real(struct report *r, const char *name, double value);
/* name_p50_ms, _p99_ms, _p999_ms and _max_ms. */
void report_times(struct report *r, const char *name, const struct tally *t);
void report_end(struct report *r);

/* Resident memory of a process in KiB; 0: there is none of that number. */
uint64_t report_rss_kb(pid_t pid);
