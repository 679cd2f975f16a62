/* load/pairs_main.c - pairs, rate and group: the processes that do the work, what they cost, and the report */
#include "base/check.h"
#include "load/cpu.h"
#include "load/pairs.h"
#include "load/report.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAIN_PROCESSES_MAX = 16, MAIN_RATE_WINDOW = 32 };

struct main_shared {
    atomic_ullong start;
    struct pairs_result result[MAIN_PROCESSES_MAX];
};
/* CPU seconds. */
struct main_cost {
    double server, postgres, load;
};

static void main_sleep_until(uint64_t ns)
{
    struct timespec t = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

static void main_join(struct pairs_result *into, const struct pairs_result *r)
{
    into->sent += r->sent;
    into->acked += r->acked;
    into->delivered += r->delivered;
    into->wanted += r->wanted;
    into->asides += r->asides;
    into->signals += r->signals;
    into->acked_measured += r->acked_measured;
    into->delivered_measured += r->delivered_measured;
    into->own_measured += r->own_measured;
    into->dropped += r->dropped;
    into->late += r->late;
    into->lost += r->lost;
    into->doubled += r->doubled;
    into->reordered += r->reordered;
    into->gaps += r->gaps;
    into->wrong += r->wrong;
    into->overtaken += r->overtaken;
    if (r->errors && !into->errors)
        memcpy(into->first_error, r->first_error, sizeof into->first_error);
    into->errors += r->errors;
    tally_join(&into->ack, &r->ack);
    tally_join(&into->deliver, &r->deliver);
    tally_join(&into->aside, &r->aside);
}

static struct main_cost main_look(const struct options *o, const pid_t *child)
{
    struct main_cost c = { cpu_of((pid_t)o->server, 1), cpu_of((pid_t)o->postgres, 1), 0 };

    for (uint32_t n = 0; n < o->processes; n++)
        c.load += cpu_of(child[n], 0);
    return c;
}

static void main_report_costs(struct report *r, const struct pairs_result *all, const struct main_cost *c)
{
    double messages = (double)(all->acked_measured ? all->acked_measured : 1);
    double events = (double)(all->delivered_measured + all->own_measured);

    events = events > 0 ? events : 1;
    report_real(r, "server_cpu_s", c->server);
    report_real(r, "postgres_cpu_s", c->postgres);
    report_real(r, "load_cpu_s", c->load);
    report_real(r, "server_us_per_message", c->server * 1e6 / messages);
    report_real(r, "postgres_us_per_message", c->postgres * 1e6 / messages);
    report_real(r, "load_us_per_message", c->load * 1e6 / messages);
    report_real(r, "server_us_per_event", c->server * 1e6 / events);
    report_real(r, "postgres_us_per_event", c->postgres * 1e6 / events);
}

static uint64_t main_receivers(const struct pairs_plan *plan)
{
    uint64_t count = 0;

    for (uint32_t n = 0; n < plan->count; n++)
        count += plan->pair[n].to_count;
    return count;
}

static void main_report(const struct options *o, const struct pairs_plan *plan, const char *workload,
                        const struct pairs_result *all, const struct main_cost *c)
{
    struct report r;

    report_begin(&r, workload);
    report_word(&r, "way", plan->is_mixed ? "all" : receiver_way_name(o->way));
    report_word(&r, "http", plan->is_mixed ? "both" : o->http);
    report_word(&r, "send", o->send);
    if (plan->is_mixed) {
        report_count(&r, "pairs", plan->directs);
        report_count(&r, "groups", plan->count - plan->directs);
    } else {
        report_count(&r, plan->receivers > 1 ? "groups" : "pairs", plan->count);
    }
    report_count(&r, "receivers", main_receivers(plan));
    if (plan->rate)
        report_count(&r, "rate", plan->rate);
    report_count(&r, "window", plan->window);
    report_count(&r, "batch", plan->batch);
    report_count(&r, "text", plan->text_bytes);
    report_count(&r, "processes", plan->processes);
    report_real(&r, "seconds", o->seconds);
    report_real(&r, "acked_per_s", (double)all->acked_measured / o->seconds);
    report_real(&r, "delivered_per_s", (double)all->delivered_measured / o->seconds);
    report_times(&r, "ack", &all->ack);
    report_times(&r, "delivered", &all->deliver);
    main_report_costs(&r, all, c);
    report_count(&r, "server_rss_kb", report_rss_kb((pid_t)o->server));
    report_count(&r, "sent", all->sent);
    report_count(&r, "acked", all->acked);
    report_count(&r, "delivered", all->delivered);
    report_count(&r, "late", all->late);
    if (plan->is_signals)
        report_count(&r, "dropped", all->dropped);
    if (plan->is_mixed) {
        report_count(&r, "asides", all->asides);
        report_count(&r, "signals", all->signals);
        report_times(&r, "aside", &all->aside);
    }
    report_count(&r, "lost", all->lost);
    report_count(&r, "doubled", all->doubled);
    report_count(&r, "reordered", all->reordered);
    report_count(&r, "gaps", all->gaps);
    report_count(&r, "wrong", all->wrong);
    report_count(&r, "overtaken", all->overtaken);
    report_count(&r, "errors", all->errors);
    report_end(&r);
    if (all->errors)
        fprintf(stderr, "posthorn-load: first of %llu errors: %s\n", (unsigned long long)all->errors,
                all->first_error);
}

/* Waits until every process has its receivers waiting; false: one ended before. */
static bool main_all_ready(struct main_shared *shared, uint32_t processes)
{
    for (uint32_t n = 0; n < processes;) {
        if (atomic_load(&shared->result[n].ready))
            n++;
        else if (waitpid(-1, NULL, WNOHANG) > 0)
            return false;
        else
            usleep(1000);
    }
    return true;
}

static bool main_fork(const struct pairs_plan *plan, struct main_shared *shared, pid_t *child)
{
    fflush(NULL);
    for (uint32_t n = 0; n < plan->processes; n++) {
        child[n] = fork();
        CHECK(child[n] >= 0);
        if (child[n] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pairs_run(plan, n, &shared->result[n], &shared->start);
            exit(0);
        }
    }
    if (main_all_ready(shared, plan->processes))
        return true;
    fprintf(stderr, "posthorn-load: a process ended early\n");
    for (uint32_t n = 0; n < plan->processes; n++)
        kill(child[n], SIGKILL);
    return false;
}

/* A signal may be dropped, but one in a hundred is too many. */
static bool main_is_enough(const struct pairs_plan *plan, uint64_t delivered, uint64_t wanted)
{
    return delivered == wanted ||
           (plan->is_signals && delivered < wanted && wanted - delivered <= wanted / 100);
}

static int main_work(const struct options *o, const struct pairs_plan *plan, const char *workload,
                     struct main_shared *shared)
{
    pid_t child[MAIN_PROCESSES_MAX];
    struct pairs_result all = { .sent = 0 };
    bool good = true;

    if (!main_fork(plan, shared, child))
        return 2;
    uint64_t start = tally_now_ns() + 20 * 1000000u;
    atomic_store(&shared->start, start);
    main_sleep_until(start + plan->warm_ns);
    struct main_cost before = main_look(o, child);
    main_sleep_until(start + plan->warm_ns + plan->measured_ns);
    struct main_cost cost = main_look(o, child);
    cost.server -= before.server;
    cost.postgres -= before.postgres;
    cost.load -= before.load;
    for (uint32_t n = 0; n < plan->processes; n++) {
        int status = 0;
        waitpid(child[n], &status, 0);
        good = good && status == 0;
        main_join(&all, &shared->result[n]);
    }
    main_report(o, plan, workload, &all, &cost);
    good = good && all.acked && all.acked == all.sent && main_is_enough(plan, all.delivered, all.wanted);
    return good && !all.lost && !all.doubled && !all.reordered && !all.gaps && !all.wrong ? 0 : 1;
}

/* From the most members down to 3, and around again. */
static uint32_t main_mix_size(uint32_t group, uint32_t members)
{
    return members - group * 29 % (members - 2);
}

static int main_run(const struct options *o, struct pairs_plan *plan, const char *workload,
                    const struct link_target *target)
{
    if (o->way == RECEIVER_POLL) {
        fputs("posthorn-load: plain polls hear of nothing; take longpoll\n", stderr);
        return 2;
    }
    struct setup_pair *pair = setup_pairs_new(plan->count, plan->receivers);
    struct main_shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    for (uint32_t n = plan->directs; plan->is_mixed && n < plan->count; n++)
        setup_pair_resize(&pair[n], main_mix_size(n - plan->directs, o->members) - 1);
    plan->target = target;
    plan->pair = pair;
    plan->processes = o->processes;
    plan->text_bytes = o->text;
    plan->way = o->way;
    plan->version = o->version;
    plan->by_frames = strcmp(o->send, "frame") == 0;
    plan->warm_ns = (uint64_t)(o->warm_s * 1e9);
    plan->measured_ns = (uint64_t)(o->seconds * 1e9);
    plan->plant = o->plant;
    plan->drain_ns = plan->is_signals || plan->plant ? 2000000000ull : 15000000000ull;
    struct setup_from from = { o->accounts_file, o->conninfo };
    int status = setup_pairs(target, pair, plan->count, plan->is_mixed ? o->members : plan->receivers, from)
                     ? main_work(o, plan, workload, shared)
                     : 2;
    munmap(shared, sizeof *shared);
    setup_pairs_free(&pair, plan->count);
    return status;
}

int pairs_main(const struct options *o, const struct link_target *target)
{
    struct pairs_plan plan = { .count = o->pairs, .receivers = 1, .window = o->window, .batch = o->batch };

    return main_run(o, &plan, "pairs", target);
}

/* A pair may have as many sends under way as a socket takes; what is due beyond that waits, and is counted. */
int pairs_rate_main(const struct options *o, const struct link_target *target)
{
    struct pairs_plan plan = { .count = o->pairs, .receivers = 1, .window = MAIN_RATE_WINDOW, .batch = 1 };

    plan.rate = o->rate;
    return main_run(o, &plan, "rate", target);
}

int pairs_group_main(const struct options *o, const struct link_target *target)
{
    struct pairs_plan plan = { .count = o->groups, .window = o->window, .batch = o->batch };

    plan.receivers = o->members - 1;
    return main_run(o, &plan, "group", target);
}

int pairs_signals_main(const struct options *o, const struct link_target *target)
{
    struct pairs_plan plan = { .count = o->groups, .window = o->window, .batch = 1, .is_signals = true };

    plan.receivers = o->members - 1;
    return main_run(o, &plan, "signals", target);
}

int pairs_mix_main(const struct options *o, const struct link_target *target)
{
    struct pairs_plan plan = { .count = o->pairs + o->groups,
                               .directs = o->pairs,
                               .receivers = 1,
                               .window = MAIN_RATE_WINDOW,
                               .batch = 1,
                               .is_mixed = true };

    if (o->members < 3 || o->processes > o->groups) {
        fputs("posthorn-load: mix wants 3 members or more, and a group for each process\n", stderr);
        return 2;
    }
    plan.rate = o->rate;
    return main_run(o, &plan, "mix", target);
}
