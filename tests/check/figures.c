/* check/figures.c - samples and their quantiles, whole, in windows, and by kind of fault */
#include "check/figures.h"
#include "base/check.h"
#include <inttypes.h>
#include <stdlib.h>

void figures_add(struct figures_sample *s, uint64_t ns)
{
    uint64_t us = ns / 1000;

    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 256;
        s->us = realloc(s->us, s->room * sizeof *s->us);
        CHECK(s->us);
    }
    s->us[s->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static int figures_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* The nearest rank; 0 of nothing. The sample is sorted. */
static double figures_quantile_ms(const struct figures_sample *s, double q)
{
    size_t rank = (size_t)(q * (double)s->count);

    if (!s->count)
        return 0;
    return s->us[rank < s->count ? rank : s->count - 1] / 1000.0;
}

static void figures_sort(struct figures_sample *s)
{
    if (s->count)
        qsort(s->us, s->count, sizeof *s->us, figures_order);
}

static void figures_wounds_init(struct figures_wounds *w, size_t faults, size_t things)
{
    *w = (struct figures_wounds){ calloc(faults * things + 1, sizeof *w->ns), things };
    CHECK(w->ns);
}

void figures_init(struct figures *f, const struct faultlog *faults, size_t conversations)
{
    *f = (struct figures){ .faults = faults };
    f->send_window = calloc(faults->windows + 1, sizeof *f->send_window);
    CHECK(f->send_window);
    figures_wounds_init(&f->ack, faults->faults, conversations);
}

void figures_devices(struct figures *f, size_t devices)
{
    figures_wounds_init(&f->caught_up, f->faults->faults, devices);
    figures_wounds_init(&f->healed, f->faults->faults, devices);
}

static void figures_wound(struct figures_wounds *w, size_t fault, size_t thing, uint64_t ns)
{
    uint64_t *at = &w->ns[fault * w->things + thing];

    CHECK(thing < w->things);
    if (ns > *at)
        *at = ns;
}

void figures_send(struct figures *f, uint32_t conversation, uint64_t sent_ns, uint64_t acked_ns)
{
    const struct faultlog *l = f->faults;
    bool is_calm = true;

    for (size_t k = 0; acked_ns && k < l->windows; k++) {
        if (sent_ns >= l->window[k].ns && sent_ns < l->window[k].end_ns) {
            figures_add(&f->send_window[k], acked_ns - sent_ns);
            is_calm = false;
        }
    }
    if (acked_ns) {
        figures_add(&f->send, acked_ns - sent_ns);
        if (is_calm)
            figures_add(&f->send_calm, acked_ns - sent_ns);
    }
    const struct faultlog_fault *cause = acked_ns ? faultlog_cause(l, sent_ns, acked_ns) : NULL;
    if (cause && conversation < f->ack.things)
        figures_wound(&f->ack, (size_t)(cause - l->fault), conversation,
                      acked_ns - (sent_ns > cause->ns ? sent_ns : cause->ns));
}

bool figures_late(struct figures *f, size_t device, uint64_t from, uint64_t to)
{
    const struct faultlog_fault *cause = faultlog_cause(f->faults, from, to);

    if (!cause)
        return false;
    size_t fault = (size_t)(cause - f->faults->fault);
    figures_wound(&f->caught_up, fault, device, to - cause->ns);
    figures_wound(&f->healed, fault, device, to > cause->end_ns ? to - cause->end_ns : 1);
    return true;
}

/* All wounds of one kind of fault; into worst the greatest of each fault. */
static void figures_gather(const struct figures *f, const struct figures_wounds *w, const char *kind,
                           struct figures_sample *all, struct figures_sample *worst)
{
    *all = *worst = (struct figures_sample){ 0 };
    for (size_t k = 0; k < f->faults->faults; k++) {
        uint64_t most = 0;
        if (strcmp(f->faults->fault[k].kind, kind))
            continue;
        for (size_t n = 0; n < w->things; n++) {
            uint64_t ns = w->ns[k * w->things + n];
            if (ns)
                figures_add(all, ns);
            most = ns > most ? ns : most;
        }
        figures_add(worst, most);
    }
    figures_sort(all);
    figures_sort(worst);
}

typedef void figures_row(void *to, const char *kind, const char *what, const struct figures_sample *all,
                         const struct figures_sample *worst);

/* Each kind of fault once, in the order in which they first came. */
static void figures_each_kind(const struct figures *f, figures_row *row, void *to)
{
    const struct {
        const char *what;
        const struct figures_wounds *w;
    } of[] = { { "acknowledged", &f->ack },
               { "caught_up", &f->caught_up },
               { "caught_up_healed", &f->healed } };

    for (size_t k = 0; k < f->faults->faults; k++) {
        const char *kind = f->faults->fault[k].kind;
        size_t first = 0;
        while (strcmp(f->faults->fault[first].kind, kind))
            first++;
        for (size_t n = 0; first == k && n < sizeof of / sizeof *of; n++) {
            struct figures_sample all, worst;
            figures_gather(f, of[n].w, kind, &all, &worst);
            row(to, kind, of[n].what, &all, &worst);
            free(all.us);
            free(worst.us);
        }
    }
}

static void figures_row_print(void *to, const char *kind, const char *what, const struct figures_sample *all,
                              const struct figures_sample *worst)
{
    (void)to;
    printf(
        "   %-20s %-16s %4zu faults %8zu met  p50 %8.1f  p99 %8.1f  max %8.1f  worst of each p50 %8.1f ms\n",
        kind, what, worst->count, all->count, figures_quantile_ms(all, 0.5), figures_quantile_ms(all, 0.99),
        figures_quantile_ms(all, 1), figures_quantile_ms(worst, 0.5));
}

static void figures_row_json(void *to, const char *kind, const char *what, const struct figures_sample *all,
                             const struct figures_sample *worst)
{
    struct json *j = to;

    json_object(j, NULL);
    json_string(j, "fault", text_of(kind));
    json_string(j, "what", text_of(what));
    json_number(j, "faults", worst->count);
    json_number(j, "met", all->count);
    json_number(j, "p50_us", (uint64_t)(figures_quantile_ms(all, 0.5) * 1000));
    json_number(j, "p99_us", (uint64_t)(figures_quantile_ms(all, 0.99) * 1000));
    json_number(j, "max_us", (uint64_t)(figures_quantile_ms(all, 1) * 1000));
    json_close(j);
}

static void figures_print_sample(const char *name, const struct figures_sample *s)
{
    printf("   %-36s %10zu  p50 %8.1f  p99 %8.1f  p99.9 %8.1f  max %8.1f ms\n", name, s->count,
           figures_quantile_ms(s, 0.5), figures_quantile_ms(s, 0.99), figures_quantile_ms(s, 0.999),
           figures_quantile_ms(s, 1));
}

static void figures_json_sample(struct json *j, const char *name, const struct figures_sample *s)
{
    json_object(j, name);
    json_number(j, "count", s->count);
    json_number(j, "p50_us", (uint64_t)(figures_quantile_ms(s, 0.5) * 1000));
    json_number(j, "p99_us", (uint64_t)(figures_quantile_ms(s, 0.99) * 1000));
    json_number(j, "p999_us", (uint64_t)(figures_quantile_ms(s, 0.999) * 1000));
    json_number(j, "max_us", (uint64_t)(figures_quantile_ms(s, 1) * 1000));
    json_close(j);
}

/* Windows of one name become one sample: the first's. */
static void figures_join_windows(struct figures *f)
{
    const struct faultlog *l = f->faults;

    for (size_t k = 0; k < l->windows; k++) {
        size_t first = 0;
        while (strcmp(l->window[first].name, l->window[k].name))
            first++;
        for (size_t n = 0; first != k && n < f->send_window[k].count; n++)
            figures_add(&f->send_window[first], f->send_window[k].us[n] * UINT64_C(1000));
        if (first != k)
            f->send_window[k].count = 0;
    }
    for (size_t k = 0; k < l->windows; k++)
        figures_sort(&f->send_window[k]);
}

void figures_print(struct figures *f)
{
    figures_join_windows(f);
    figures_sort(&f->send);
    figures_sort(&f->send_calm);
    figures_sort(&f->delivered);
    printf("%" PRIu64 " acknowledged (%" PRIu64 " more than once), %" PRIu64 " refused, %" PRIu64
           " without an answer, %" PRIu64 " failures visible\n",
           f->acked, f->acked_again, f->refused, f->unanswered, f->visible);
    printf("%" PRIu64 " events at %" PRIu64 " devices (%" PRIu64 " gone early), %" PRIu64
           " connections, %" PRIu64 " resyncs, %" PRIu64 " late without a fault, %zu faults, %" PRIu64
           " rows of unknown senders\n",
           f->deliveries, f->devices, f->gone, f->opened, f->resyncs, f->late_unexplained, f->faults->faults,
           f->rows_unsent);
    figures_print_sample("send to acknowledgement", &f->send);
    figures_print_sample("  outside all windows", &f->send_calm);
    for (size_t k = 0; k < f->faults->windows; k++)
        if (f->send_window[k].count) {
            char name[64];
            snprintf(name, sizeof name, "  in windows \"%s\"", f->faults->window[k].name);
            figures_print_sample(name, &f->send_window[k]);
        }
    figures_print_sample("send to event", &f->delivered);
    figures_each_kind(f, figures_row_print, NULL);
}

void figures_json(struct figures *f, struct json *j)
{
    const struct {
        const char *name;
        uint64_t n;
    } numbers[] = { { "acked", f->acked },
                    { "acked_again", f->acked_again },
                    { "refused", f->refused },
                    { "unanswered", f->unanswered },
                    { "visible", f->visible },
                    { "deliveries", f->deliveries },
                    { "devices", f->devices },
                    { "gone", f->gone },
                    { "connections", f->opened },
                    { "resyncs", f->resyncs },
                    { "late_unexplained", f->late_unexplained },
                    { "faults", f->faults->faults },
                    { "rows_unsent", f->rows_unsent } };

    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
        json_number(j, numbers[k].name, numbers[k].n);
    figures_json_sample(j, "send", &f->send);
    figures_json_sample(j, "send_outside_windows", &f->send_calm);
    figures_json_sample(j, "delivered", &f->delivered);
    json_object(j, "windows");
    for (size_t k = 0; k < f->faults->windows; k++)
        if (f->send_window[k].count)
            figures_json_sample(j, f->faults->window[k].name, &f->send_window[k]);
    json_close(j);
    json_array(j, "by_fault");
    figures_each_kind(f, figures_row_json, j);
    json_close(j);
}

void figures_fini(struct figures *f)
{
    free(f->send.us);
    free(f->send_calm.us);
    free(f->delivered.us);
    for (size_t k = 0; k < f->faults->windows; k++)
        free(f->send_window[k].us);
    free(f->send_window);
    free(f->ack.ns);
    free(f->caught_up.ns);
    free(f->healed.ns);
    *f = (struct figures){ 0 };
}
