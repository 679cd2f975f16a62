/* load/report.c - JSON and a table, written side by side */
#include "load/report.h"

#include <inttypes.h>
#include <stdio.h>

static void report_name(struct report *r, const char *name)
{
    printf("%s\"%s\":", r->has_items ? "," : "{", name);
    r->has_items = true;
}

void report_word(struct report *r, const char *name, const char *value)
{
    report_name(r, name);
    printf("\"%s\"", value);
    fprintf(stderr, "%-26s %s\n", name, value);
}

void report_count(struct report *r, const char *name, uint64_t value)
{
    report_name(r, name);
    printf("%" PRIu64, value);
    fprintf(stderr, "%-26s %" PRIu64 "\n", name, value);
}

void report_real(struct report *r, const char *name, double value)
{
    report_name(r, name);
    printf("%.3f", value);
    fprintf(stderr, "%-26s %.3f\n", name, value);
}

void report_times(struct report *r, const char *name, const struct tally *t)
{
    static const struct {
        const char *word;
        double share;
    } points[] = { { "p50", 0.5 }, { "p99", 0.99 }, { "p999", 0.999 }, { "max", 1 } };
    char full[64];

    for (unsigned k = 0; k < sizeof points / sizeof *points; k++) {
        snprintf(full, sizeof full, "%s_%s_ms", name, points[k].word);
        report_real(r, full, tally_ms(t, points[k].share));
    }
}

void report_begin(struct report *r, const char *workload)
{
    *r = (struct report){ false };
    report_word(r, "workload", workload);
}

void report_end(struct report *r)
{
    printf("}\n");
    fflush(stdout);
    r->has_items = false;
}

uint64_t report_rss_kb(pid_t pid)
{
    char path[64], line[256];
    uint64_t kb = 0;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = pid > 0 ? fopen(path, "r") : NULL;
    while (file && !kb && fgets(line, sizeof line, file))
        sscanf(line, "VmRSS: %" SCNu64, &kb);
    if (file)
        fclose(file);
    return kb;
}
