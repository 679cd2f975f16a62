/* main.c - posthornd: reads the configuration, prepares what all workers need, and starts them */
#include "base/log.h"
#include "base/secret.h"
#include "net/devcert.h"
#include "store/store.h"
#include "supervisor/activate.h"
#include "supervisor/handover.h"
#include "supervisor/notify.h"
#include "supervisor/supervisor.h"
#include "worker.h"
#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MIGRATE_WAIT_MS = 30 * 1000 };

/* Several workers are nodes to each other, so they need a name. */
static enum err main_name_host(struct config *c, uint32_t workers)
{
    if (workers > 1 && !c->node_name[0] && gethostname(c->node_name, sizeof c->node_name - 1))
        return ERR_BAD_REQUEST;
    return ERR_OK;
}

/* What workers are started with. */
struct start {
    const struct config *config;
    uint64_t id_above; /* where ids begin, if it is not a ring that says so */
};

/* What is to be there once, before anybody serves: the schema, ids of its own, and the certificate of machines that
 * have none. */
static enum err main_prepare(const struct config *c, uint64_t *id_above)
{
    enum err err = store_migrate(c, MIGRATE_WAIT_MS);

    if (!err && !c->node_name[0])
        err = store_migrate_alone(c, (uint64_t)time(NULL) * 1000, id_above);
    if (!err && c->server_listen[0] && !c->tls_certificate[0])
        err = devcert_make(c->tls_directory, (uint64_t)time(NULL));
    return err;
}

static int main_worker(const struct place *at, void *ctx)
{
    const struct start *start = ctx;

    return worker_main(start->config, at, start->id_above);
}

static int main_run(struct config *c, char **argv)
{
    const struct place alone = { .workers = 1,
                                 .tls = -1,
                                 .cleartext = -1,
                                 .own_tls = -1,
                                 .admin = -1,
                                 .link = -1,
                                 .link_local = -1,
                                 .control = -1,
                                 .line = -1 };
    struct start start = { .config = c };
    uint32_t workers;

    if (supervisor_inherits()) {
        workers = supervisor_inherits();
    } else if (supervisor_workers(c, &workers)) {
        fprintf(stderr, "posthornd: server.workers must be a number up to %d, or auto\n", PLACE_WORKERS_MAX);
        return 2;
    }
    if (workers == 0 &&
        (activate_is_due() || notify_is_due())) /* a service manager's sockets and questions need one */
        workers = 1;
    if (main_name_host(c, workers))
        return 2;
    if (!supervisor_is_back() && main_prepare(c, &start.id_above))
        return 1;
    if (workers == 0)
        return worker_main(c, &alone, start.id_above);
    return supervisor_run(c, workers, main_worker, &start, argv);
}

static bool main_set_log_level(const char *word)
{
    static const char *const words[] = { "debug", "info", "warn", "error" };

    for (unsigned k = 0; k < sizeof words / sizeof *words; k++) {
        if (strcmp(words[k], word) == 0) {
            log_level = (enum log_level)k;
            return true;
        }
    }
    return false;
}

static void usage(FILE *to)
{
    fprintf(to, "usage: posthornd [--config FILE] [--check-config | --print-config | --version | --help]\n\n"
                "Every setting can also come from the environment: POSTHORN_<SECTION>_<NAME>.\n"
                "--print-config shows them all, with what they mean.\n");
}

/* The last of k, p, v, h that was asked for, 0: none; '?': it makes no sense. */
static int options_read(int argc, char **argv, const char **path)
{
    static const struct option known[] = { { "config", required_argument, NULL, 'c' },
                                           { "check-config", no_argument, NULL, 'k' },
                                           { "print-config", no_argument, NULL, 'p' },
                                           { "version", no_argument, NULL, 'v' },
                                           { "help", no_argument, NULL, 'h' },
                                           { "takes-over", required_argument, NULL, 't' },
                                           { 0 } };
    int option, what = 0;

    while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        if (option == 't') { /* asked by a supervisor before this program becomes it */
            if (strcmp(optarg, HANDOVER_VERSION) != 0)
                return '?';
        } else if (option == 'c') {
            *path = optarg;
        } else if (option == '?') {
            return option;
        } else {
            what = option;
        }
    }
    return what;
}

/* What to do, from the command line: 0 run; else exit with status - 1. */
static int options(int argc, char **argv, struct config *c)
{
    const char *path = NULL;
    int what = options_read(argc, argv, &path);
    struct config_error why;

    if (what == '?')
        return 2 + 1;
    if (what == 'h')
        usage(stdout);
    if (what == 'v')
        printf("posthornd %s\n", POSTHORN_VERSION);
    if (what == 'h' || what == 'v')
        return 0 + 1;
    enum err err = config_read(c, path, &why);
    if (!err && !main_set_log_level(c->log_level)) {
        snprintf(why.text, sizeof why.text, "log.level must be debug, info, warn or error");
        err = ERR_BAD_REQUEST;
    }
    if (err) {
        fprintf(stderr, "posthornd: %s\n", why.text);
        return 2 + 1;
    }
    if (what == 'p')
        config_print(c, stdout);
    return what ? 0 + 1 : 0;
}

int main(int argc, char **argv)
{
    struct config *c = calloc(1, sizeof *c);
    struct rlimit files;

    CHECK(c);
    int what = options(argc, argv, c);
    if (what) {
        supervisor_give_up(argv);
        free(c);
        return what - 1;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR2, SIG_IGN); /* of a supervisor only */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    secret_init();
    int status = main_run(c, argv);
    if (status)
        supervisor_give_up(argv);
    free(c);
    return status;
}
