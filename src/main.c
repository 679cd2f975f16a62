/* main.c - posthornd: reads the configuration, builds the node, owns the turn */
#include "api/admin.h"
#include "api/api.h"
#include "api/limiter.h"
#include "api/seen.h"
#include "base/log.h"
#include "base/secret.h"
#include "chat/muster.h"
#include "chat/roster.h"
#include "chat/sessions.h"
#include "limits.h"
#include "net/net.h"
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { MIGRATE_WAIT_MS = 30 * 1000, DRAIN_MS = 10 * 1000, DRAIN_LOOK_MS = 50, INVITE_MAX = 256 };

struct node {
    struct config config;
    struct loop *loop;
    struct ops ops;
    struct snowflake ids;
    struct chat chat;
    struct api api;
    struct net *net;
    struct loop_signal hup, term, interrupt;
    struct loop_timer drain;
    uint64_t drain_until_ms;
    char url[640], invite[INVITE_MAX];
    bool is_leaving, is_stopped;
};

static void node_reload(void *ctx, int number)
{
    struct node *n = ctx;

    (void)number;
    if (n->config.server_listen[0] && net_load_tls(n->net))
        log_line(LOG_ERROR, "reload_failed", "what=certificate");
    else
        log_line(LOG_INFO, "reloaded", "what=certificate");
}

/* Until nothing is under way any more, or the time for that is over. */
static void node_drain_look(void *ctx)
{
    struct node *n = ctx;
    struct net_stats s;

    if (!n->is_leaving) { /* the waiting polls have their answers: now the connections go */
        n->is_leaving = true;
        net_drain(n->net);
    }
    net_stats_read(n->net, &s);
    if ((s.connections == 0 && n->ops.live == 0) || loop_now_ms(n->loop) >= n->drain_until_ms)
        n->is_stopped = true;
    else
        loop_timer_set(&n->drain, DRAIN_LOOK_MS);
}

static void node_drain(void *ctx, int number)
{
    struct node *n = ctx;

    if (n->api.is_draining) { /* asked twice: at once */
        n->is_stopped = true;
        return;
    }
    log_line(LOG_INFO, "draining", "signal=%d", number);
    n->api.is_draining = true;
    n->drain_until_ms = loop_now_ms(n->loop) + DRAIN_MS;
    hub_end(n->api.hub);
    loop_timer_set(&n->drain, DRAIN_LOOK_MS);
}

static enum err node_read_invite(struct node *n)
{
    const char *path = n->config.accounts_invite_file;

    if (!path[0])
        return ERR_OK;
    FILE *f = fopen(path, "re");
    if (!f || !fgets(n->invite, sizeof n->invite, f)) {
        log_line(LOG_ERROR, "invite_file", "error=unreadable");
        if (f)
            fclose(f);
        return ERR_BAD_REQUEST;
    }
    fclose(f);
    n->invite[strcspn(n->invite, "\r\n")] = 0;
    n->api.invite = n->invite[0] ? n->invite : NULL;
    return ERR_OK;
}

/* The name that clients know this node by: configured, or that of the listener. */
static void node_name(struct node *n, uint16_t port)
{
    const char *listen = n->config.server_listen;
    bool has_tls = listen[0];
    const char *from = has_tls ? listen : n->config.server_cleartext, *colon = strrchr(from, ':');
    int host = colon ? (int)(colon - from) : 0;

    if (n->config.server_url[0])
        snprintf(n->url, sizeof n->url, "%s", n->config.server_url);
    else
        snprintf(n->url, sizeof n->url, "%s://%.*s:%u", has_tls ? "https" : "http", host ? host : 9,
                 host ? from : "localhost", port);
    n->api.url = n->url;
}

static enum err node_listen(struct node *n)
{
    const struct config *c = &n->config;
    uint16_t tls = 0, cleartext = 0, admin = 0;
    enum err err = ERR_OK;

    if (c->server_listen[0])
        err = net_load_tls(n->net);
    if (!err && c->server_listen[0])
        err = net_listen(n->net, c->server_listen, true, api_request, &n->api, &tls);
    if (!err && c->server_cleartext[0])
        err = net_listen(n->net, c->server_cleartext, false, api_request, &n->api, &cleartext);
    if (!err && c->server_admin[0])
        err = net_listen(n->net, c->server_admin, false, admin_request, &n->api, &admin);
    if (err)
        return err;
    node_name(n, tls ? tls : cleartext);
    log_line(LOG_INFO, "listening", "version=%s tls_port=%u cleartext_port=%u admin_port=%u",
             POSTHORN_VERSION, tls, cleartext, admin);
    return ERR_OK;
}

static void node_open(struct node *n)
{
    struct chat *chat = &n->chat;

    n->loop = loop_new();
    ops_init(&n->ops);
    snowflake_init(&n->ids, (uint32_t)n->config.node_id);
    n->net = net_new(n->loop, &n->config);
    *chat = (struct chat){ .loop = n->loop, .ops = &n->ops, .config = &n->config, .ids = &n->ids };
    chat->store = store_new(n->loop, &n->ops, &n->config, &n->ids);
    chat->offload = offload_new(n->loop, LIMIT_OFFLOAD_THREADS, LIMIT_OFFLOAD_JOBS);
    chat->muster = muster_new(chat);
    chat->roster = roster_new(LIMIT_CONVERSATIONS_CACHED);
    chat->sessions = sessions_new(LIMIT_SESSIONS_CACHED);
    n->api.chat = chat;
    n->api.net = n->net;
    n->api.hub = hub_new(n->loop);
    n->api.place = (struct channel_place){ &n->ops, n->loop, chat->store, n->api.hub };
    n->api.limiter = limiter_new(n->loop, &n->config);
    n->api.seen = seen_new(n->loop, &n->ops, chat->store);
    loop_timer_init(&n->drain, n->loop, node_drain_look, n);
    loop_signal_init(&n->hup, n->loop, SIGHUP, node_reload, n);
    loop_signal_init(&n->term, n->loop, SIGTERM, node_drain, n);
    loop_signal_init(&n->interrupt, n->loop, SIGINT, node_drain, n);
}

static void node_turn(struct node *n)
{
    loop_wait(n->loop, ops_idle(&n->ops)); /* sockets speak: requests become ops   */
    ops_run(&n->ops); /* ops take one step                    */
    store_commit_turn(n->chat.store); /* what they wrote: one transaction     */
    net_flush(n->net); /* what they answered: one write each, then the dead are buried */
}

/* The net goes first: every op loses its asker. The store then ends what still waits for it; what that wakes
 * runs to its end before the memory goes. */
static void node_close(struct node *n)
{
    loop_timer_clear(&n->drain);
    loop_signal_fini(&n->hup);
    loop_signal_fini(&n->term);
    loop_signal_fini(&n->interrupt);
    net_free(&n->net);
    offload_free(&n->chat.offload);
    while (!ops_idle(&n->ops))
        ops_run(&n->ops);
    store_free(&n->chat.store);
    while (!ops_idle(&n->ops))
        ops_run(&n->ops);
    seen_free(&n->api.seen);
    limiter_free(&n->api.limiter);
    sessions_free(&n->chat.sessions);
    roster_free(&n->chat.roster);
    if (n->ops.live == 0) {
        muster_free(&n->chat.muster);
        hub_free(&n->api.hub);
        loop_free(&n->loop);
    }
}

static int node_run(struct node *n)
{
    int status = 1;

    if (store_migrate(&n->config, MIGRATE_WAIT_MS))
        return 1;
    node_open(n);
    if (!node_read_invite(n) && !node_listen(n)) {
        while (!n->is_stopped)
            node_turn(n);
        log_line(LOG_INFO, "stopped", "ops=%" PRIu32, n->ops.live);
        status = 0;
    }
    node_close(n);
    return status;
}

static bool node_set_log_level(const char *word)
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

/* What to do, from the command line: 0 run; else exit with status - 1. */
static int options(int argc, char **argv, struct node *n)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' }, { "check-config", no_argument, NULL, 'k' },
        { "print-config", no_argument, NULL, 'p' }, { "version", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },         { 0 }
    };
    const char *path = NULL;
    int option, what = 0;
    struct config_error why;

    while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        if (option == 'c')
            path = optarg;
        else if (option == '?')
            return 2 + 1;
        else
            what = option;
    }
    if (what == 'h')
        usage(stdout);
    if (what == 'v')
        printf("posthornd %s\n", POSTHORN_VERSION);
    if (what == 'h' || what == 'v')
        return 0 + 1;
    enum err err = config_read(&n->config, path, &why);
    if (!err && !node_set_log_level(n->config.log_level)) {
        snprintf(why.text, sizeof why.text, "log.level must be debug, info, warn or error");
        err = ERR_BAD_REQUEST;
    }
    if (err) {
        fprintf(stderr, "posthornd: %s\n", why.text);
        return 2 + 1;
    }
    if (what == 'p')
        config_print(&n->config, stdout);
    return what ? 0 + 1 : 0;
}

int main(int argc, char **argv)
{
    struct node *n = calloc(1, sizeof *n);
    struct rlimit files;

    CHECK(n);
    int what = options(argc, argv, n);
    if (what) {
        free(n);
        return what - 1;
    }
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    secret_init();
    int status = node_run(n);
    free(n);
    return status;
}
