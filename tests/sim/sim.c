/* sim/sim.c - posthorn-sim: a ring of nodes, their database and their clients in one process, from a seed
 *
 * Each seed runs in a process of its own, so that a CHECK that fails is a result like others. The same seed is the
 * same run: what happened is told again with --loud.
 */
#include "base/check.h"
#include "base/log.h"
#include "base/secret.h"
#include "sim/device.h"
#include "sim/fakestore.h"
#include "sim/faults.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    HEALED_FEW = 20,
    HEALED_PART = 20,
    FAULTS_S = 15,
    HEAL_S = 400,
    AFTER_S = 5,
    FINDS = 200,
    JOBS_MAX = 64,
    CALM_MS = 2500,
    DEADLY_MS = 8000,
    RUN_S = 60
};

struct sim_result {
    uint64_t seed, trace, events, events_live, lag_most_us, healed_us, messages, resyncs, retries, lost;
    uint64_t handed_on, inherited, forwarded, healed;
    uint32_t violations, faults, nodes;
    bool is_calm, is_deadly;
    char first[WORLD_TEXT];
};

struct sim_options {
    uint64_t from, count;
    uint32_t jobs;
    enum mutant mutant;
    bool is_loud, is_self_test;
};

static const char *const sim_mutants[MUTANTS] = {
    [MUTANT_NONE] = "none",
    [MUTANT_ACK_BEFORE_COMMIT] = "ack-before-commit",
    [MUTANT_NO_GAP_CHECK] = "no-gap-check",
    [MUTANT_NO_DEDUP] = "no-dedup",
    [MUTANT_NEW_KEY] = "new-key-for-a-retry",
    [MUTANT_NO_ANTI_ENTROPY] = "no-anti-entropy",
    [MUTANT_LATE_VISIBLE] = "places-without-a-lock",
    [MUTANT_NO_EPOCH] = "members-not-checked",
    [MUTANT_NO_TIMELINE] = "timeline-stays",
    [MUTANT_UNKNOWN_IS_OK] = "unknown-is-acknowledged",
    [MUTANT_STALE_TAIL] = "old-tail-after-failover",
    [MUTANT_NO_HEIR] = "no-post-mortem",
    [MUTANT_READ_FIRST] = "read-before-register",
    [MUTANT_NOT_HANDED_ON] = "notice-not-handed-on",
    [MUTANT_FORMER_LIFE] = "answers-of-a-former-life",
    [MUTANT_HOME_FORGETS] = "home-forgets-who-registers",
    [MUTANT_FRAMES_LOST] = "links-lose-and-say-nothing",
};

static void sim_people(struct devices *all, struct database *db)
{
    uint32_t users = (uint32_t)world_between(3, 7), groups = (uint32_t)world_between(1, 4);
    uint64_t user[DATABASE_USERS];

    for (uint32_t k = 0; k < users; k++)
        user[k] = database_user(db);
    for (uint32_t k = 0; k + 1 < users; k++)
        database_conversation(db, CONVERSATION_DIRECT, &user[k], 2);
    for (uint32_t k = 0; k < groups; k++)
        database_conversation(db, CONVERSATION_GROUP, user, (uint32_t)world_between(3, users));
    for (uint32_t k = 0; k < users; k++) {
        devices_add(all, user[k]);
        if (world_chance(400))
            devices_add(all, user[k]);
    }
}

static void sim_start_edge(void *ctx)
{
    edge_start((uint32_t)(uintptr_t)ctx);
}

/* Until everybody has everything; when that was, or 0: it never was. */
static uint64_t sim_go(struct world *w, struct devices *all)
{
    uint64_t end_us = (FAULTS_S + HEAL_S) * WORLD_S, look_us = 0;

    while (world_step(w, end_us)) {
        if (w->now_us < all->calm_us + WORLD_S || w->now_us < look_us)
            continue;
        look_us = w->now_us + 50 * WORLD_MS;
        if (devices_are_done(all))
            return w->now_us;
    }
    return 0;
}

/* Who is there, who goes wrong, and what is expected of them. */
static void sim_begin(struct world *w, struct devices *all, struct faults *f, uint64_t seed)
{
    f->database = database_new();
    f->processes = (uint32_t)world_between(1, 4);
    f->is_calm = seed % 4 == 0;
    f->is_deadly = seed % 4 == 1;
    f->may_fail_over = world_chance(300);
    f->until_us = FAULTS_S * WORLD_S;
    w->link_bytes_max = 64 * 1024;
    w->is_calm = w->is_large = f->is_calm || f->is_deadly;
    fakestore_use(f->database);
    devices_begin(all, f->database, f->processes, !f->is_calm);
    all->calm_us = f->until_us;
    if (w->is_calm)
        all->lag_bound_us = (f->is_calm ? CALM_MS : DEADLY_MS) * WORLD_MS;
    sim_people(all, f->database);
    for (uint32_t k = 0; k < f->processes; k++)
        world_at(world_between(0, 2000) * WORLD_MS, WORLD_OUTSIDE, sim_start_edge, (void *)(uintptr_t)k);
    devices_go(all);
    faults_begin(f);
}

static void sim_run(const struct sim_options *o, uint64_t seed, struct sim_result *r)
{
    static struct world w;
    static struct devices all;
    struct faults faults = { 0 };
    struct node_stats stats;

    world_begin(&w, seed);
    w.is_loud = o->is_loud;
    w.mutant = o->mutant;
    sim_begin(&w, &all, &faults, seed);
    uint64_t done_us = sim_go(&w, &all);
    if (!done_us)
        world_violated("not everybody has everything after %d s without faults", HEAL_S);
    while (done_us && world_step(&w, done_us + AFTER_S * WORLD_S)) {
    }
    devices_check(&all);
    edge_check_tables(faults.database);
    edge_stats(&stats);
    if (faults.is_calm && stats.healed > HEALED_FEW + all.events / HEALED_PART)
        world_violated("%u places came only by asking, and nothing is wrong anywhere",
                       (unsigned)stats.healed);
    *r = (struct sim_result){ .seed = seed,
                              .trace = w.trace,
                              .events = all.events,
                              .events_live = all.events_live,
                              .lag_most_us = all.lag_most_us,
                              .healed_us = done_us > all.calm_us ? done_us - all.calm_us : 0,
                              .messages = all.sent_count,
                              .resyncs = all.resyncs,
                              .retries = all.retries,
                              .lost = faults.database->lost_count,
                              .handed_on = stats.handed_on,
                              .inherited = stats.inherited,
                              .forwarded = stats.forwarded,
                              .healed = stats.healed,
                              .violations = w.violations,
                              .faults = faults.count,
                              .nodes = faults.processes,
                              .is_calm = faults.is_calm,
                              .is_deadly = faults.is_deadly };
    memcpy(r->first, w.first, sizeof r->first);
}

struct sim_child {
    pid_t pid;
    int from;
    uint64_t seed;
};

static struct sim_child sim_fork(const struct sim_options *o, uint64_t seed)
{
    struct sim_child c = { .seed = seed };
    int ends[2];

    CHECK(pipe(ends) == 0);
    fflush(stdout);
    c.pid = fork();
    CHECK(c.pid >= 0);
    if (c.pid == 0) {
        struct sim_result r;
        alarm(RUN_S);
        sim_run(o, seed, &r);
        fflush(stdout);
        CHECK(write(ends[1], &r, sizeof r) == (ssize_t)sizeof r);
        _exit(0); /* what died in the run is left behind on purpose */
    }
    close(ends[1]);
    c.from = ends[0];
    return c;
}

static void sim_join(const struct sim_child *c, struct sim_result *r)
{
    int status;

    *r = (struct sim_result){ .seed = c->seed };
    ssize_t got = read(c->from, r, sizeof *r);
    close(c->from);
    CHECK(waitpid(c->pid, &status, 0) == c->pid);
    if (got == (ssize_t)sizeof *r && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    *r = (struct sim_result){ .seed = c->seed, .violations = 1 };
    if (WIFSIGNALED(status))
        snprintf(r->first, sizeof r->first, "the run ended by signal %d", WTERMSIG(status));
    else
        snprintf(r->first, sizeof r->first, "the run ended with status %d", WEXITSTATUS(status));
}

struct sim_total {
    struct sim_result sum;
    uint64_t lag_calm_us, lag_deadly_us; /* the longest */
    uint64_t runs, failed, slow;
    uint64_t first_seed;
};

static void sim_add(struct sim_total *t, const struct sim_result *r)
{
    struct sim_result *s = &t->sum;

    t->runs++;
    if (r->violations && t->failed++ == 0) {
        t->first_seed = r->seed;
        memcpy(s->first, r->first, sizeof s->first);
    }
    if (r->is_calm && r->lag_most_us > t->lag_calm_us)
        t->lag_calm_us = r->lag_most_us;
    if (r->is_deadly && r->lag_most_us > t->lag_deadly_us)
        t->lag_deadly_us = r->lag_most_us;
    s->trace = s->trace * 31 + r->trace;
    s->events += r->events;
    s->events_live += r->events_live;
    s->messages += r->messages;
    s->resyncs += r->resyncs;
    s->retries += r->retries;
    s->lost += r->lost;
    s->faults += r->faults;
    s->handed_on += r->handed_on;
    s->inherited += r->inherited;
    s->forwarded += r->forwarded;
    s->healed += r->healed;
    if (r->healed_us > s->healed_us)
        s->healed_us = r->healed_us;
    t->slow += r->healed_us > 45 * WORLD_S;
}

/* All seeds, some at a time, their results in the order of the seeds. */
static struct sim_total sim_seeds(const struct sim_options *o, bool stops)
{
    struct sim_child child[JOBS_MAX];
    struct sim_total t = { 0 };
    uint64_t begun = 0;

    for (uint64_t done = 0; done < o->count; done++) {
        struct sim_result r;
        while (begun < o->count && begun < done + o->jobs) {
            child[begun % JOBS_MAX] = sim_fork(o, o->from + begun);
            begun++;
        }
        sim_join(&child[done % JOBS_MAX], &r);
        sim_add(&t, &r);
        if (r.violations && !stops)
            printf("FAILED seed %" PRIu64 " (%u nodes%s): %s (%u in all)\n", r.seed, r.nodes,
                   r.is_calm ? ", calm" : "", r.first, r.violations);
        if (r.violations && stops) {
            for (done++; done < begun; done++)
                sim_join(&child[done % JOBS_MAX], &r);
            break;
        }
    }
    return t;
}

static int sim_report(const struct sim_options *o)
{
    struct sim_total t = sim_seeds(o, false);
    const struct sim_result *s = &t.sum;
    double live = s->events ? 100.0 * (double)s->events_live / (double)s->events : 100;

    printf("%" PRIu64 " seeds from %" PRIu64 ": %" PRIu64 " messages, %" PRIu64
           " deliveries to streams, %.1f %% of them "
           "live within a second, %u faults, %" PRIu64 " rows lost in failovers, %" PRIu64
           " new beginnings\n",
           t.runs, o->from, s->messages, s->events, live, s->faults, s->lost, s->resyncs);
    printf("%" PRIu64 " retries, %" PRIu64 " forwarded, %" PRIu64 " notices handed on, %" PRIu64
           " places inherited, %" PRIu64
           " heads healed; caught up at most %.1f s after the last fault, %" PRIu64
           " seeds later than 45 s; trace %016" PRIx64 "\n",
           s->retries, s->forwarded, s->handed_on, s->inherited, s->healed, (double)s->healed_us / WORLD_S,
           t.slow, s->trace);
    printf("longest way to a stream that is open: %.1f s where nodes come and go, %.1f s where they die\n",
           (double)t.lag_calm_us / WORLD_S, (double)t.lag_deadly_us / WORLD_S);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", t.runs - t.failed, t.failed);
    return t.failed > 0;
}

/* A seed is the same run twice, and each mutant is found. */
static int sim_self_test(const struct sim_options *options)
{
    struct sim_options o = *options;
    uint32_t bad = 0;

    o.count = 8;
    uint64_t once = sim_seeds(&o, false).sum.trace, twice = sim_seeds(&o, false).sum.trace;
    printf("%s   the same run twice: trace %016" PRIx64 "\n", once == twice ? "ok" : "BAD", once);
    bad += once != twice;
    o.count = FINDS;
    for (uint32_t m = MUTANT_NONE + 1; m < MUTANTS_FOUND; m++) {
        o.mutant = (enum mutant)m;
        struct sim_total t = sim_seeds(&o, true);
        if (t.failed)
            printf("ok   %s: found in seed %" PRIu64 ": %s\n", sim_mutants[m], t.first_seed, t.sum.first);
        else
            printf("BAD  %s: not found in %d seeds\n", sim_mutants[m], FINDS);
        bad += t.failed == 0;
    }
    printf("%u passed, %u failed\n", (uint32_t)MUTANTS_FOUND - bad, bad);
    return bad > 0;
}

static bool sim_mutant(const char *word, enum mutant *into)
{
    for (uint32_t m = 0; m < MUTANTS; m++) {
        if (strcmp(sim_mutants[m], word) == 0) {
            *into = (enum mutant)m;
            return true;
        }
    }
    return false;
}

static int sim_usage(void)
{
    fprintf(stderr,
            "usage: posthorn-sim [--seeds N] [--from S] [--jobs N] [--loud] [--mutant WORD] [--self-test]\n"
            "mutants:");
    for (uint32_t m = 1; m < MUTANTS; m++)
        fprintf(stderr, " %s", sim_mutants[m]);
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option known[] = { { "seeds", required_argument, NULL, 's' },
                                           { "from", required_argument, NULL, 'f' },
                                           { "jobs", required_argument, NULL, 'j' },
                                           { "loud", no_argument, NULL, 'l' },
                                           { "mutant", required_argument, NULL, 'm' },
                                           { "self-test", no_argument, NULL, 't' },
                                           { 0 } };
    struct sim_options o = { .from = 1, .count = 200, .jobs = 1 };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 's')
            o.count = strtoull(optarg, NULL, 10);
        else if (option == 'f')
            o.from = strtoull(optarg, NULL, 10);
        else if (option == 'j')
            o.jobs = (uint32_t)strtoul(optarg, NULL, 10);
        else if (option == 'l')
            o.is_loud = true;
        else if (option == 't')
            o.is_self_test = true;
        else if (option != 'm' || !sim_mutant(optarg, &o.mutant))
            return sim_usage();
    }
    if (o.jobs < 1 || o.jobs > JOBS_MAX || o.count < 1)
        return sim_usage();
    log_level = LOG_ERROR;
    secret_init();
    return o.is_self_test ? sim_self_test(&o) : sim_report(&o);
}
