/* load/load.c - posthorn-load: a load on a server over HTTP/2, and what came of it as one line of JSON */
#include "base/check.h"
#include "load/cpu.h"
#include "load/idle.h"
#include "load/pairs.h"
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOAD_PROCESSES_MAX = 16, LOAD_PAIRS_MAX = 20000 };

struct load_options {
    const char *url, *accounts_file, *heap_file, *http, *send;
    enum receiver_way way;
    uint32_t pairs, window, batch, processes, text_bytes, connections, admin;
    double warm_s, seconds;
    pid_t server, postgres;
};
struct load_shared {
    atomic_ullong start;
    struct pairs_result result[LOAD_PROCESSES_MAX];
};

static const char load_usage[] =
    "posthorn-load pairs|idle --url http://127.0.0.1:P [options]\n"
    "\n"
    "  --url URL              http:// (HTTP/2 with prior knowledge) or https://, by IPv4 address\n"
    "  --way W                how events are received: longpoll, ws, sse, push; idle: or poll (longpoll)\n"
    "  --http V               of the receivers: 2 or 1.1 (2)\n"
    "  --seconds S            that are measured; idle: that the connections are held (5)\n"
    "  --accounts-file FILE   accounts and tokens from an earlier run on the same database\n"
    "  --server-pid PID       whose CPU seconds, or memory, are to be told\n"
    "pairs:\n"
    "  --pairs N              senders, each with a receiver of its own (100)\n"
    "  --window W             messages that a sender keeps unanswered (4)\n"
    "  --batch B              sends in one POST /v1/batch, 1 for none (1)\n"
    "  --send post|frame      a request for each, or frames of a WebSocket (post)\n"
    "  --text N               bytes of a text (100)\n"
    "  --processes K          processes that do it (1)\n"
    "  --warm S               seconds before it is measured (1)\n"
    "  --postgres-pid PID     whose CPU seconds are to be told\n"
    "idle:\n"
    "  --connections N        each with an account of its own (100)\n"
    "  --admin PORT           of the server's admin listener\n"
    "  --heap-file FILE       where the server tells what it got from malloc (see heap.c)\n"
    "\n"
    "Exit: 0 all arrived once and in order (idle: all stayed open), 1 not so, 2 it could not run.\n";

static const struct option load_names[] = {
    { "url", required_argument, NULL, 'u' },           { "pairs", required_argument, NULL, 'p' },
    { "window", required_argument, NULL, 'w' },        { "batch", required_argument, NULL, 'b' },
    { "text", required_argument, NULL, 't' },          { "processes", required_argument, NULL, 'k' },
    { "warm", required_argument, NULL, 'W' },          { "seconds", required_argument, NULL, 's' },
    { "server-pid", required_argument, NULL, 'S' },    { "postgres-pid", required_argument, NULL, 'P' },
    { "accounts-file", required_argument, NULL, 'a' }, { "way", required_argument, NULL, 'y' },
    { "http", required_argument, NULL, 'h' },          { "send", required_argument, NULL, 'e' },
    { "connections", required_argument, NULL, 'c' },   { "admin", required_argument, NULL, 'A' },
    { "heap-file", required_argument, NULL, 'H' },     { NULL, 0, NULL, 0 },
};

static bool load_number(const char *text, uint32_t least, uint32_t most, uint32_t *into)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    *into = (uint32_t)n;
    return *text >= '0' && *text <= '9' && !*end && n >= least && n <= most;
}

static bool load_seconds(const char *text, double *into)
{
    char *end;

    *into = strtod(text, &end);
    return end != text && !*end && *into >= 0 && *into <= 3600;
}

static bool load_option_more(struct load_options *o, int which)
{
    uint32_t n;

    switch (which) {
    case 'W':
        return load_seconds(optarg, &o->warm_s);
    case 's':
        return load_seconds(optarg, &o->seconds);
    case 'c':
        return load_number(optarg, 1, LOAD_PAIRS_MAX, &o->connections);
    case 'A':
        return load_number(optarg, 1, 65535, &o->admin);
    default:
        break;
    }
    if ((which != 'S' && which != 'P') || !load_number(optarg, 1, 1u << 30, &n))
        return false;
    *(which == 'S' ? &o->server : &o->postgres) = (pid_t)n;
    return true;
}

static bool load_word(const char **into)
{
    *into = optarg;
    return true;
}

static bool load_option(struct load_options *o, int which)
{
    switch (which) {
    case 'u':
        return load_word(&o->url);
    case 'a':
        return load_word(&o->accounts_file);
    case 'H':
        return load_word(&o->heap_file);
    case 'h':
        return load_word(&o->http);
    case 'e':
        return load_word(&o->send) && (strcmp(o->send, "post") == 0 || strcmp(o->send, "frame") == 0);
    case 'y':
        return receiver_way_parse(optarg, &o->way);
    case 'p':
        return load_number(optarg, 1, LOAD_PAIRS_MAX, &o->pairs);
    case 'w':
        return load_number(optarg, 1, 100 * 32, &o->window);
    case 'b':
        return load_number(optarg, 1, 32, &o->batch);
    case 't':
        return load_number(optarg, 1, 16 * 1024, &o->text_bytes);
    case 'k':
        return load_number(optarg, 1, LOAD_PROCESSES_MAX, &o->processes);
    default:
        return load_option_more(o, which);
    }
}

static double load_own_cpu(void)
{
    double s = 0;
    struct rusage usage;

    for (int who = 0; who < 2; who++) {
        getrusage(who ? RUSAGE_CHILDREN : RUSAGE_SELF, &usage);
        s += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
             (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    }
    return s;
}

static void load_sleep_until(uint64_t ns)
{
    struct timespec t = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

static void load_join(struct pairs_result *into, const struct pairs_result *r)
{
    into->sent += r->sent;
    into->acked += r->acked;
    into->delivered += r->delivered;
    into->acked_measured += r->acked_measured;
    into->delivered_measured += r->delivered_measured;
    into->own_measured += r->own_measured;
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
}

static void load_print(const struct load_options *o, const struct pairs_result *r, double server_s,
                       double postgres_s)
{
    double s = o->seconds, messages = (double)(r->delivered_measured ? r->delivered_measured : 1);
    double events = messages + (double)r->own_measured;

    printf("{\"mode\":\"pairs\",\"way\":\"%s\",\"http\":\"%s\",\"send\":\"%s\",\"server_us_per_event\":%.2f,"
           "\"postgres_us_per_event\":%.2f,",
           receiver_way_name(o->way), o->http, o->send, server_s * 1e6 / events, postgres_s * 1e6 / events);
    printf("\"pairs\":%u,\"window\":%u,\"batch\":%u,\"text\":%u,\"processes\":%u,"
           "\"seconds\":%.1f,\"acked_per_s\":%.0f,\"delivered_per_s\":%.0f,"
           "\"ack_p50_ms\":%.3f,\"ack_p99_ms\":%.3f,\"delivered_p50_ms\":%.3f,\"delivered_p99_ms\":%.3f,",
           o->pairs, o->window, o->batch, o->text_bytes, o->processes, s, (double)r->acked_measured / s,
           (double)r->delivered_measured / s, tally_ms(&r->ack, 0.5), tally_ms(&r->ack, 0.99),
           tally_ms(&r->deliver, 0.5), tally_ms(&r->deliver, 0.99));
    printf("\"server_cpu_s\":%.2f,\"postgres_cpu_s\":%.2f,\"load_cpu_s\":%.2f,\"server_us_per_message\":%.1f,"
           "\"postgres_us_per_message\":%.1f,",
           server_s, postgres_s, load_own_cpu(), server_s * 1e6 / messages, postgres_s * 1e6 / messages);
    printf(
        "\"sent\":%llu,\"acked\":%llu,\"delivered\":%llu,\"lost\":%llu,\"doubled\":%llu,\"reordered\":%llu,"
        "\"gaps\":%llu,\"wrong\":%llu,\"overtaken\":%llu,\"errors\":%llu}\n",
        (unsigned long long)r->sent, (unsigned long long)r->acked, (unsigned long long)r->delivered,
        (unsigned long long)r->lost, (unsigned long long)r->doubled, (unsigned long long)r->reordered,
        (unsigned long long)r->gaps, (unsigned long long)r->wrong, (unsigned long long)r->overtaken,
        (unsigned long long)r->errors);
    if (r->errors)
        fprintf(stderr, "posthorn-load: first of %llu errors: %s\n", (unsigned long long)r->errors,
                r->first_error);
}

/* Waits until every process has its receivers waiting; false: one ended before. */
static bool load_all_ready(struct load_shared *shared, uint32_t processes)
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

static int load_run(const struct load_options *o, const struct pairs_plan *plan, struct load_shared *shared)
{
    pid_t child[LOAD_PROCESSES_MAX];
    struct pairs_result all = { .sent = 0 };
    bool good = true;

    for (uint32_t n = 0; n < o->processes; n++) {
        child[n] = fork();
        CHECK(child[n] >= 0);
        if (child[n] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pairs_run(plan, n, &shared->result[n], &shared->start);
            exit(0);
        }
    }
    if (!load_all_ready(shared, o->processes)) {
        fprintf(stderr, "posthorn-load: a process ended early\n");
        for (uint32_t n = 0; n < o->processes; n++)
            kill(child[n], SIGKILL);
        return 2;
    }
    uint64_t start = tally_now_ns() + 20 * 1000000u;
    atomic_store(&shared->start, start);
    load_sleep_until(start + plan->warm_ns);
    double server = cpu_of(o->server, 0), postgres = cpu_of(o->postgres, 1);
    load_sleep_until(start + plan->warm_ns + plan->measured_ns);
    server = cpu_of(o->server, 0) - server;
    postgres = cpu_of(o->postgres, 1) - postgres;
    for (uint32_t n = 0; n < o->processes; n++) {
        int status = 0;
        waitpid(child[n], &status, 0);
        good = good && status == 0;
        load_join(&all, &shared->result[n]);
    }
    load_print(o, &all, server, postgres);
    good = good && all.acked && all.acked == all.sent && !all.lost && !all.doubled && !all.reordered &&
           !all.gaps && !all.wrong;
    return good ? 0 : 1;
}

static int load_pairs(const struct load_options *o, const struct link_target *target,
                      enum link_version version)
{
    struct setup_pair *pair = calloc(o->pairs, sizeof *pair);
    struct load_shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(pair && shared != MAP_FAILED);
    struct pairs_plan plan = { .target = target,
                               .pair = pair,
                               .count = o->pairs,
                               .processes = o->processes,
                               .window = o->window,
                               .batch = o->batch,
                               .text_bytes = o->text_bytes,
                               .way = o->way,
                               .version = version,
                               .by_frames = strcmp(o->send, "frame") == 0,
                               .warm_ns = (uint64_t)(o->warm_s * 1e9),
                               .measured_ns = (uint64_t)(o->seconds * 1e9),
                               .drain_ns = 15000000000ull };
    int status = setup_pairs(target, pair, o->pairs, o->accounts_file) ? load_run(o, &plan, shared) : 2;
    munmap(shared, sizeof *shared);
    free(pair);
    return status;
}

static int load_idle(const struct load_options *o, const struct link_target *target,
                     enum link_version version)
{
    const struct idle_plan plan = { .target = target,
                                    .way = o->way,
                                    .http = o->http,
                                    .version = version,
                                    .count = o->connections,
                                    .hold_ns = (uint64_t)(o->seconds * 1e9),
                                    .accounts_file = o->accounts_file,
                                    .heap_file = o->heap_file,
                                    .server = o->server,
                                    .admin_port = (uint16_t)o->admin };

    return idle_run(&plan);
}

/* What was asked for goes together. */
static bool load_fits(const struct load_options *o, bool is_idle, enum link_version *version)
{
    if (!o->url || !receiver_version(o->way, o->http, version))
        return false;
    if (is_idle)
        return o->server && o->admin;
    /* A socket takes 32 verbs at a time. */
    return o->way != RECEIVER_POLL && (strcmp(o->send, "post") == 0 || o->window <= 32 * o->batch);
}

int main(int argc, char **argv)
{
    struct load_options o = { .pairs = 100,
                              .window = 4,
                              .batch = 1,
                              .processes = 1,
                              .text_bytes = 100,
                              .connections = 100,
                              .warm_s = 1,
                              .seconds = 5,
                              .way = RECEIVER_LONGPOLL,
                              .http = "2",
                              .send = "post" };
    struct link_target target;
    enum link_version version;
    bool is_idle = argc > 1 && strcmp(argv[1], "idle") == 0;
    bool good = is_idle || (argc > 1 && strcmp(argv[1], "pairs") == 0);
    int which;

    while (good && (which = getopt_long(argc - 1, argv + 1, "", load_names, NULL)) != -1)
        good = load_option(&o, which);
    if (!good || !load_fits(&o, is_idle, &version) || !link_target_parse(&target, o.url)) {
        fputs(load_usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int status = is_idle ? load_idle(&o, &target, version) : load_pairs(&o, &target, version);
    link_target_fini(&target);
    return status;
}
