/* worker.c - one node in one process: builds its parts, owns the turn, and takes its leave */
#include "worker.h"
#include "api/admin.h"
#include "api/api.h"
#include "api/control.h"
#include "api/limiter.h"
#include "api/seen.h"
#include "base/die.h"
#include "base/log.h"
#include "chat/muster.h"
#include "chat/roster.h"
#include "chat/sessions.h"
#include "limits.h"
#include "live/exodus.h"
#include "net/net.h"
#include "node/node.h"
#include "supervisor/sockets.h"
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    DRAIN_MS = 10 * 1000,
    DRAIN_LOOK_MS = 50,
    DRAIN_SHARES_MAX =
        100, /* ... or larger shares, so that all have gone after half the time that there is */
    INVITE_MAX = 256,
    NAME_BYTES_MAX = 640,
    WORKER_JOIN_MS = 2000, /* clients are let in then at the latest, and told what is missing */
};

struct worker {
    const struct config *config;
    struct loop *loop;
    struct ops ops;
    struct snowflake ids;
    struct chat chat;
    struct api api;
    struct net *net;
    struct place place; /* what the supervisor gave; line -1: there is none */
    struct loop_timer alive;
    bool was_ready;
    uint64_t measured_ms, measured_us; /* when the load was measured, and the CPU used by then */
    uint32_t load;
    struct loop_signal hup, term, interrupt;
    struct loop_timer drain;
    uint64_t drain_until_ms;
    struct exodus exodus;
    struct op leaving; /* from the word to go to the last one */
    struct node *node;
    struct cluster_self self;
    char url[640], invite[INVITE_MAX], name[NAME_BYTES_MAX], link[NAME_BYTES_MAX],
        link_local[PLACE_PATH_MAX + 8];
    bool is_leaving, is_emptying, is_stopped, has_failed;
    bool is_closed; /* to clients, until open_by_ms at the latest */
    uint64_t open_by_ms;
};

static void worker_reload(void *ctx, int number)
{
    struct worker *w = ctx;

    (void)number;
    if (w->config->server_listen[0] && net_load_tls(w->net))
        log_line(LOG_ERROR, "reload_failed", "what=certificate");
    else
        log_line(LOG_INFO, "reloaded", "what=certificate");
}

static void worker_is_empty(struct worker *w)
{
    if (!w->is_emptying)
        return;
    w->is_emptying = false;
    op_wake(&w->leaving, ERR_OK);
}

static void worker_begin_exodus(struct worker *w)
{
    struct net_stats s;

    net_stats_read(w->net, &s);
    exodus_begin(&w->exodus, s.connections);
}

/* Until nothing is under way any more, or the time for that is over. */
static void worker_drain_look(void *ctx)
{
    struct worker *w = ctx;
    struct net_stats s;

    if (!w->is_leaving && !exodus_step(&w->exodus, w->api.hub)) {
        w->is_leaving = true;
        net_drain(w->net);
    }
    net_stats_read(w->net, &s);
    if (loop_now_ms(w->loop) >= w->drain_until_ms)
        w->is_stopped = true;
    else if (s.connections == 0 && w->ops.live == 1 + node_standing(w->node))
        worker_is_empty(w);
    if (!w->is_stopped)
        loop_timer_set(&w->drain, DRAIN_LOOK_MS);
}

/* Leaving is a story of its own:
 *   1 drain   others take over what this node is home to; until then it serves as ever
 *   2 empty   polls are answered, streams end, connections go
 *   3 leave   the others are told
 *   4 over    the loop ends */
static op_step worker_leave, worker_empty, worker_say_goodbye, worker_over;

static void worker_left(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static void worker_keeps(struct op *op)
{
    (void)op;
}

static const struct op_kind worker_leaving_kind = { .name = "leaving", .free = worker_keeps };

static struct worker *worker_of(struct op *op)
{
    return (struct worker *)((char *)op - offsetof(struct worker, leaving));
}

static void worker_leave(struct op *op, enum err err)
{
    CHECK(!err);
    node_drain(worker_of(op)->node, op_then(op, worker_empty));
}

static void worker_empty(struct op *op, enum err err)
{
    struct worker *w = worker_of(op);

    (void)err; /* it goes in any case */
    if (w->is_stopped) {
        op_finish(op, ERR_OK);
        return;
    }
    die_at("leaving");
    w->is_emptying = true;
    w->api.is_draining = true;
    w->drain_until_ms = loop_now_ms(w->loop) + DRAIN_MS;
    worker_begin_exodus(w);
    (void)exodus_step(&w->exodus, w->api.hub);
    loop_timer_set(&w->drain, DRAIN_LOOK_MS);
    op_then(op, worker_say_goodbye);
}

static void worker_say_goodbye(struct op *op, enum err err)
{
    struct worker *w = worker_of(op);

    CHECK(!err);
    if (w->is_stopped)
        op_finish(op, ERR_OK);
    else
        node_leave(w->node, op_then(op, worker_over));
}

static void worker_over(struct op *op, enum err err)
{
    worker_of(op)->is_stopped = true;
    op_finish(op, err);
}

static void worker_drain(void *ctx, int number)
{
    struct worker *w = ctx;

    if (w->leaving.kind) { /* asked twice: at once */
        w->is_stopped = true;
        return;
    }
    log_line(LOG_INFO, "draining", "signal=%d", number);
    op_start(&w->ops, &w->leaving, &worker_leaving_kind, worker_leave, worker_left, w);
}

static enum err worker_read_invite(struct worker *w)
{
    const char *path = w->config->accounts_invite_file;

    if (!path[0])
        return ERR_OK;
    FILE *f = fopen(path, "re");
    if (!f || !fgets(w->invite, sizeof w->invite, f)) {
        log_line(LOG_ERROR, "invite_file", "error=unreadable");
        if (f)
            fclose(f);
        return ERR_BAD_REQUEST;
    }
    fclose(f);
    w->invite[strcspn(w->invite, "\r\n")] = 0;
    w->api.invite = w->invite[0] ? w->invite : NULL;
    return ERR_OK;
}

/* The name that clients know this node by: configured, or that of the listener. */
static void worker_name(struct worker *w, uint16_t port)
{
    const char *listen = w->config->server_listen;
    bool has_tls = listen[0];
    const char *from = has_tls ? listen : w->config->server_cleartext, *colon = strrchr(from, ':');
    int host = colon ? (int)(colon - from) : 0;

    if (w->config->server_url[0])
        snprintf(w->url, sizeof w->url, "%s", w->config->server_url);
    else
        snprintf(w->url, sizeof w->url, "%s://%.*s:%u", has_tls ? "https" : "http", host ? host : 9,
                 host ? from : "localhost", port);
    w->api.url = w->url;
}

static uint16_t worker_port(const struct config *c)
{
    const char *colon = strrchr(c->server_listen[0] ? c->server_listen : c->server_cleartext, ':');

    return colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

/* Only the user of the process may connect there: what changes the cluster is nowhere else. */
static enum err worker_listen_control(struct worker *w)
{
    if (w->place.control < 0)
        return ERR_OK;
    return net_adopt(w->net, w->place.control, false, true, control_request, &w->api);
}

/* Alone in its process: the addresses are opened here. */
static enum err worker_listen(struct worker *w)
{
    const struct config *c = w->config;
    uint16_t tls = 0, cleartext = 0, admin = 0;
    enum err err = ERR_OK;

    if (c->server_listen[0])
        err = net_load_tls(w->net);
    if (!err && c->server_listen[0])
        err = net_listen(w->net, c->server_listen, true, api_request, &w->api, &tls);
    if (!err && c->server_cleartext[0])
        err = net_listen(w->net, c->server_cleartext, false, api_request, &w->api, &cleartext);
    if (!err && c->server_admin[0])
        err = net_listen(w->net, c->server_admin, false, admin_request, &w->api, &admin);
    if (!err && c->node_link[0])
        err = net_listen_link(w->net, c->node_link, node_link_request, w->node, NULL);
    sockets_control(c, &w->place);
    if (!err)
        err = worker_listen_control(w);
    if (err)
        return err;
    worker_name(w, tls ? tls : cleartext);
    log_line(LOG_INFO, "listening", "version=%s tls_port=%u cleartext_port=%u admin_port=%u",
             POSTHORN_VERSION, tls, cleartext, admin);
    return ERR_OK;
}

/* From here on clients are let in. */
static enum err worker_adopt_clients(struct worker *w)
{
    const struct place *p = &w->place;
    const struct worker_listener {
        int fd;
        bool with_tls;
    } client[] = { { p->tls, true }, { p->own_tls, true }, { p->cleartext, false } };
    enum err err = ERR_OK;

    for (unsigned k = 0; k < sizeof client / sizeof *client && !err; k++) {
        if (client[k].fd >= 0)
            err = net_adopt(w->net, client[k].fd, client[k].with_tls, false, api_request, &w->api);
    }
    return err;
}

/* One of a supervisor's workers: the sockets are open, and stay so whatever becomes of this process. Clients wait in them
 * for a moment, until there is a lease: nothing could be written for them before. */
static enum err worker_adopt(struct worker *w)
{
    const struct place *p = &w->place;
    enum err err = p->tls >= 0 ? net_load_tls(w->net) : ERR_OK;

    w->is_closed = true;
    w->open_by_ms = loop_now_ms(w->loop) + WORKER_JOIN_MS;
    if (!err && p->admin >= 0)
        err = net_adopt(w->net, p->admin, false, true, admin_request, &w->api);
    if (!err && p->link >= 0)
        err = net_adopt_link(w->net, p->link, false, node_link_request, w->node);
    if (!err && p->link_local >= 0)
        err = net_adopt_link(w->net, p->link_local, true, node_link_request, w->node);
    if (!err)
        err = worker_listen_control(w);
    if (err)
        return err;
    bool has_own = p->own_tls >= 0 && !w->config->server_url[0];
    worker_name(w, has_own ? (uint16_t)(w->config->server_own_port + p->worker) : worker_port(w->config));
    log_line(LOG_INFO, "listening", "version=%s worker=%u of=%u", POSTHORN_VERSION, p->worker, p->workers);
    return ERR_OK;
}

static void worker_let_in(struct worker *w)
{
    bool is_able = store_is_up(w->chat.store) && node_may_send(w->node);

    if (!w->is_closed || w->is_leaving || (!is_able && loop_now_ms(w->loop) < w->open_by_ms))
        return;
    w->is_closed = false;
    w->has_failed = worker_adopt_clients(w) != ERR_OK;
    w->is_stopped |= w->has_failed;
}

/* How much of a core this thread takes, in thousandths, of the last seconds mostly: what clients choose by. */
static void worker_measure(struct worker *w)
{
    struct rusage used;

    if (getrusage(RUSAGE_THREAD, &used))
        return;
    uint64_t now_ms = loop_now_ms(w->loop);
    uint64_t used_us = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
                       (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    if (now_ms > w->measured_ms && w->measured_ms) {
        uint64_t permille = (used_us - w->measured_us) / (now_ms - w->measured_ms);
        w->load = (uint32_t)((w->load * 7 + (permille < 1000 ? permille : 1000)) / 8);
    }
    w->measured_ms = now_ms;
    w->measured_us = used_us;
    node_load(w->node, w->load);
}

/* Others serve, and this node can't: receivers would hear nothing here. The pace is that of its caller. */
static void worker_send_away(struct worker *w)
{
    bool is_away = !w->is_emptying && !w->is_leaving && node_is_left_behind(w->node);

    if (is_away && !w->api.is_away) {
        log_line(LOG_WARN, "left_behind", "epoch=%" PRIu64, cluster_epoch(node_cluster(w->node)));
        worker_begin_exodus(w);
    }
    w->api.is_away = is_away;
    if (is_away && w->exodus.shares)
        (void)exodus_step(&w->exodus, w->api.hub);
}

/* Says that it lives, and when it has found its place. */
static void worker_alive(void *ctx)
{
    struct worker *w = ctx;
    bool is_ready = store_is_up(w->chat.store) && node_is_ready(w->node);

    place_say(&w->place, is_ready && !w->was_ready ? PLACE_READY : PLACE_ALIVE);
    w->was_ready = w->was_ready || is_ready;
    worker_measure(w);
    worker_send_away(w);
    loop_timer_set(&w->alive, PLACE_ALIVE_MS);
}

/* The address of one worker's link: the ports count up from node.link's. */
static void worker_link(struct worker *w)
{
    const char *address = w->config->node_link, *colon = strrchr(address, ':');

    if (strncmp(address, "unix:", 5) == 0 || !colon || w->place.worker == 0)
        snprintf(w->link, sizeof w->link, "%s", address);
    else
        snprintf(w->link, sizeof w->link, "%.*s:%lu", (int)(colon - address), address,
                 strtoul(colon + 1, NULL, 10) + w->place.worker);
    if (w->place.link_local >= 0)
        snprintf(w->link_local, sizeof w->link_local, "unix:%s", w->place.local_path);
}

/* What the others know it by: the host's name and the worker's number, which stay the same over restarts. */
static void worker_join(struct worker *w)
{
    const struct config *c = w->config;

    if (!c->node_name[0])
        return;
    worker_link(w);
    snprintf(w->name, sizeof w->name, "%s/%u", c->node_name, w->place.worker);
    w->self = (struct cluster_self){ .name = text_of(w->name),
                                     .url = text_of(w->url),
                                     .link = text_of(w->link),
                                     .link_local = text_of(w->link_local),
                                     .host = text_of(c->node_name),
                                     .region = text_of(c->server_region),
                                     .weight = (uint32_t)c->node_weight };
    node_join(w->node, &w->self);
}

static void worker_open(struct worker *w)
{
    struct chat *chat = &w->chat;

    w->loop = loop_new();
    ops_init(&w->ops);
    w->net = net_new(w->loop, w->config);
    *chat = (struct chat){ .loop = w->loop, .ops = &w->ops, .config = w->config, .ids = &w->ids };
    chat->store = store_new(w->loop, &w->ops, w->config, &w->ids);
    chat->offload = offload_new(w->loop, LIMIT_OFFLOAD_THREADS, LIMIT_OFFLOAD_JOBS);
    chat->muster = muster_new(chat);
    chat->roster = roster_new(LIMIT_CONVERSATIONS_CACHED);
    chat->sessions = sessions_new(LIMIT_SESSIONS_CACHED);
    w->api.hub = hub_new(w->loop);
    w->node = node_new(&(struct node_parts){ chat, w->api.hub });
    w->api.node = w->node;
    w->api.chat = chat;
    w->api.net = w->net;
    w->api.started_ms = loop_now_ms(w->loop);
    w->api.place = (struct channel_place){ &w->ops, w->loop, chat->store, w->api.hub };
    w->api.limiter = limiter_new(w->loop, w->config);
    w->api.seen = seen_new(w->loop, &w->ops, chat->store);
    loop_timer_init(&w->alive, w->loop, worker_alive, w);
    loop_timer_set(&w->alive, 0);
    loop_timer_init(&w->drain, w->loop, worker_drain_look, w);
    loop_signal_init(&w->hup, w->loop, SIGHUP, worker_reload, w);
    loop_signal_init(&w->term, w->loop, SIGTERM, worker_drain, w);
    loop_signal_init(&w->interrupt, w->loop, SIGINT, worker_drain, w);
}

static void worker_turn(struct worker *w)
{
    loop_wait(w->loop, ops_idle(&w->ops)); /* sockets speak: requests become ops   */
    node_look(w->node); /* is it all still true?                */
    ops_run(&w->ops); /* ops take one step                    */
    store_commit_turn(w->chat.store); /* what they wrote: one transaction     */
    node_turn(w->node); /* what others are told, and who is told of by them */
    worker_let_in(w);
    net_flush(w->net); /* what they answered: one write each, then the dead are buried */
}

/* The net goes first: every op loses its asker. The store then ends what still waits for it; what that wakes
 * runs to its end before the memory goes. */
static void worker_close(struct worker *w)
{
    loop_timer_clear(&w->drain);
    loop_timer_clear(&w->alive);
    loop_signal_fini(&w->hup);
    loop_signal_fini(&w->term);
    loop_signal_fini(&w->interrupt);
    net_free(&w->net);
    node_stop(w->node);
    worker_is_empty(w);
    offload_free(&w->chat.offload);
    while (!ops_idle(&w->ops))
        ops_run(&w->ops);
    store_free(&w->chat.store);
    while (!ops_idle(&w->ops))
        ops_run(&w->ops);
    seen_free(&w->api.seen);
    limiter_free(&w->api.limiter);
    sessions_free(&w->chat.sessions);
    roster_free(&w->chat.roster);
    if (w->ops.live == 0) {
        node_free(&w->node);
        muster_free(&w->chat.muster);
        hub_free(&w->api.hub);
        loop_free(&w->loop);
    }
}

static int worker_run(struct worker *w)
{
    int status = 1;

    worker_open(w);
    if (!worker_read_invite(w) && !(w->place.line >= 0 ? worker_adopt(w) : worker_listen(w))) {
        worker_join(w);
        while (!w->is_stopped)
            worker_turn(w);
        log_line(LOG_INFO, "stopped", "ops=%" PRIu32, w->ops.live);
        status = w->has_failed;
    }
    if (w->place.line < 0) { /* else they are the supervisor's */
        sockets_close(&w->place);
        if (w->place.control_path[0])
            unlink(w->place.control_path);
    }
    worker_close(w);
    return status;
}

int worker_main(const struct config *c, const struct place *at, uint64_t id_above)
{
    struct worker *w = calloc(1, sizeof *w);

    CHECK(w);
    w->config = c;
    w->place = *at;
    snowflake_resume(&w->ids, (uint32_t)c->node_id, id_above, 0);
    int status = worker_run(w);
    free(w);
    return status;
}
