/* load/load.c - posthorn-load: the workloads, and which one is meant */
#include "load/catchup.h"
#include "load/floor.h"
#include "load/idle.h"
#include "load/login.h"
#include "load/pairs.h"
#include "load/storm.h"
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

/* A workload prints its report. 0: all went well, 1: something was lost, doubled or wrong, 2: it could not run. */
static const struct {
    const char *name, *what;
    int (*run)(const struct options *o, const struct link_target *target);
    bool needs_url;
} load_workloads[] = {
    { "pairs", "closed loop: each sender keeps a window of messages unanswered, its receiver gets them",
      pairs_main, true },
    { "rate", "open loop: so many messages a second; times count from when one should have left",
      pairs_rate_main, true },
    { "group", "closed loop: a sender a group, all members receive", pairs_group_main, true },
    { "signals", "closed loop: a sender a group says that it types, all members hear it", pairs_signals_main,
      true },
    { "mix", "open loop: messages to one and to groups of all sizes, marks, typing, reads, by all ways",
      pairs_mix_main, true },
    { "catchup", "readers that are many events behind, again and again", catchup_main, true },
    { "login", "new connections of accounts that the server does not know yet, a verb each", login_main,
      true },
    { "storm", "everybody is cut off at once, and comes back; others talk meanwhile", storm_main, true },
    { "idle", "connections that hold their way open, and what they cost the server", idle_main, true },
    { "floor", "the bare send transaction on libpq, in a database of its own (--conninfo)", floor_main,
      false },
};
enum { LOAD_WORKLOADS = sizeof load_workloads / sizeof *load_workloads };

static int load_usage(void)
{
    fputs("usage: posthorn-load WORKLOAD --url http://127.0.0.1:P [options]\n\n", stderr);
    for (size_t k = 0; k < LOAD_WORKLOADS; k++)
        fprintf(stderr, "  %-9s %s\n", load_workloads[k].name, load_workloads[k].what);
    options_usage();
    fputs("\nExit: 0 all arrived once and in order, 1 not so, 2 it could not run.\n", stderr);
    return 2;
}

static void load_all_files(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    struct link_target target = { .tls = NULL };
    struct options o;
    size_t k = 0;

    while (k < LOAD_WORKLOADS && (argc < 2 || strcmp(load_workloads[k].name, argv[1]) != 0))
        k++;
    if (k == LOAD_WORKLOADS || !options_read(&o, argc - 2, argv + 2))
        return load_usage();
    if (load_workloads[k].needs_url && (!o.url || !link_target_parse(&target, o.url)))
        return load_usage();
    signal(SIGPIPE, SIG_IGN);
    load_all_files();
    int status = load_workloads[k].run(&o, &target);
    link_target_fini(&target);
    return status;
}
