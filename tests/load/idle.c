/* load/idle.c - connections that do nothing but hold their way open, and what they cost the server
 *
 * The first connection is there before memory is read for the first time: what a server needs once is not counted.
 * Then the others come, one after the other. The server says itself how many it has, and how many of them wait for
 * events; then it is left alone for a while, and its memory is read again.
 */
#include "load/idle.h"

#include "base/check.h"
#include "load/scan.h"
#include "load/setup.h"
#include "load/tally.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { IDLE_EVENTS = 256, IDLE_AHEAD = 32, IDLE_SETTLE_S = 30, IDLE_HEAP_NS = 500 * 1000000 };

struct idle {
    const struct idle_plan *plan;
    struct setup_account *account;
    struct receiver *receiver;
    int epoll;
    uint32_t begun, lost, heard; /* heard: events, which nobody sent */
    char first_loss[200];
};
/* What the server said of itself. */
struct idle_look {
    uint64_t rss_bytes, heap_bytes, connections, receivers;
};

static void idle_events(struct receiver *r, struct text json)
{
    struct idle *idle = r->ctx;

    r->now_ns = tally_now_ns();
    while (scan_piece(&json, "{\"i\":").bytes)
        idle->heard++;
}

static void idle_ended(struct receiver *r, struct text why)
{
    struct idle *idle = r->ctx;

    if (idle->lost++ == 0)
        snprintf(idle->first_loss, sizeof idle->first_loss, "%s %s: %d %.*s", receiver_way_name(r->way),
                 r->path, r->ask.status, (int)(why.bytes < 120 ? why.bytes : 120), why.at);
}

static void idle_turn(struct idle *idle, int wait_ms)
{
    struct epoll_event event[IDLE_EVENTS];
    int count = epoll_wait(idle->epoll, event, IDLE_EVENTS, wait_ms);

    for (int n = 0; n < count; n++)
        link_ready(event[n].data.ptr);
}

/* Its way is held: its place is known, and where it waits by asking, it has asked. */
static bool idle_holds(const struct receiver *r)
{
    return r->is_open && (r->way != RECEIVER_LONGPOLL || r->is_waiting);
}

static bool idle_open(struct idle *idle, uint32_t n)
{
    const struct idle_plan *plan = idle->plan;
    struct receiver *r = &idle->receiver[n];

    *r = (struct receiver){ .link = link_new(plan->target, idle->epoll, plan->version),
                            .token = idle->account[n].token,
                            .way = plan->way,
                            .wait_s = 55,
                            .events = idle_events,
                            .ended = idle_ended,
                            .ctx = idle };
    if (!r->link) {
        fprintf(stderr, "posthorn-load: connection %u is not possible\n", n);
        return false;
    }
    receiver_open(r);
    link_flush(r->link);
    idle->begun++;
    return true;
}

/* Opens up to count; only some are ever under way. False: not within their time. */
static bool idle_open_all(struct idle *idle, uint32_t count)
{
    uint64_t end = tally_now_ns() + IDLE_SETTLE_S * 1000000000ull;

    for (uint32_t held = 0; held < count && !idle->lost;) {
        if (tally_now_ns() > end)
            return false;
        if (idle->begun < count && idle->begun < held + IDLE_AHEAD) {
            if (!idle_open(idle, idle->begun))
                return false;
            idle_turn(idle, 0);
        } else {
            idle_turn(idle, 100);
        }
        for (; held < idle->begun && idle_holds(&idle->receiver[held]); held++)
            end = tally_now_ns() + IDLE_SETTLE_S * 1000000000ull;
    }
    return idle->lost == 0;
}

/* --- what the server says ---------------------------------------------------------------------------------------- */

static void idle_metrics_done(struct link_ask *a)
{
    *(bool *)a->ctx = true;
}

static uint64_t idle_metric(struct text metrics, const char *name)
{
    char line[64];
    int bytes = snprintf(line, sizeof line, "\n%s ", name);
    const char *at = metrics.bytes ? memmem(metrics.at, metrics.bytes, line, (size_t)bytes) : NULL;

    if (!at)
        return 0;
    at += bytes;
    return scan_digits((struct text){ at, (size_t)(metrics.at + metrics.bytes - at) }, 10);
}

static bool idle_read_metrics(const struct idle_plan *plan, struct idle_look *look)
{
    struct link_target admin;
    struct link_ask ask;
    struct epoll_event event;
    bool is_done = false;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u", plan->admin_port);
    CHECK(epoll >= 0 && link_target_parse(&admin, url));
    link_ask_init(&ask);
    ask.method = "GET";
    ask.path = "/metrics";
    ask.done = idle_metrics_done;
    ask.ctx = &is_done;
    struct link *link = link_new(&admin, epoll, LINK_H1);
    if (link) {
        link_ask(link, &ask);
        link_flush(link);
        for (int n = 0; n < 50 && !is_done; n++)
            if (epoll_wait(epoll, &event, 1, 100) > 0)
                link_ready(link);
    }
    bool good = is_done && ask.status == 200;
    look->connections = idle_metric(buf_text(&ask.answer), "posthorn_connections") - 1; /* this one */
    look->receivers = idle_metric(buf_text(&ask.answer), "posthorn_receivers");
    link_free(&link);
    link_ask_fini(&ask);
    close(epoll);
    return good;
}

/* The first number of a file that stands behind a word. */
static bool idle_read_number(const char *path, const char *word, uint64_t *n)
{
    char text[4096];
    FILE *file = fopen(path, "r");
    size_t bytes = file ? fread(text, 1, sizeof text - 1, file) : 0;
    const char *at;

    if (file)
        fclose(file);
    text[bytes] = 0;
    at = strstr(text, word);
    *n = at ? strtoull(at + strlen(word), NULL, 10) : 0;
    return at && *n;
}

static void idle_hold(struct idle *idle, uint64_t ns)
{
    for (uint64_t end = tally_now_ns() + ns; tally_now_ns() < end;)
        idle_turn(idle, 50);
}

/* Reads memory when the server has what it should have. False: it does not get there in time. */
static bool idle_look(struct idle *idle, uint32_t connections, struct idle_look *look)
{
    const struct idle_plan *plan = idle->plan;
    uint32_t receivers = plan->way == RECEIVER_POLL ? 0 : connections;
    char path[64];

    for (int n = 0; n < 50; n++) {
        idle_turn(idle, 100);
        if (!idle_read_metrics(plan, look))
            return false;
        if (look->connections == connections && look->receivers == receivers)
            break;
    }
    idle_hold(idle, IDLE_HEAP_NS); /* until malloc's figure is of now */
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)plan->server);
    if (!idle_read_number(path, "Rss:", &look->rss_bytes))
        return false;
    look->rss_bytes *= 1024;
    if (plan->heap_file && !idle_read_number(plan->heap_file, "", &look->heap_bytes))
        return false;
    return true;
}

/* --- the run ----------------------------------------------------------------------------------------------------- */

static bool idle_print(const struct idle *idle, const struct idle_look *before, const struct idle_look *after)
{
    const struct idle_plan *plan = idle->plan;
    double count = plan->count;
    uint32_t expected = plan->way == RECEIVER_POLL ? 0 : plan->count + 1;
    bool good =
        !idle->lost && !idle->heard && after->connections == plan->count + 1 && after->receivers == expected;

    printf("{\"mode\":\"idle\",\"way\":\"%s\",\"http\":\"%s\",\"tls\":%s,\"connections\":%u,\"lost\":%u,"
           "\"events\":%u,\"server_connections\":%llu,\"server_receivers\":%llu,",
           receiver_way_name(plan->way), plan->http, plan->target->tls ? "true" : "false", plan->count,
           idle->lost, idle->heard, (unsigned long long)after->connections,
           (unsigned long long)after->receivers);
    printf(
        "\"rss_before\":%llu,\"rss_after\":%llu,\"rss_per_connection\":%.0f,\"heap_per_connection\":%.0f}\n",
        (unsigned long long)before->rss_bytes, (unsigned long long)after->rss_bytes,
        ((double)after->rss_bytes - (double)before->rss_bytes) / count,
        ((double)after->heap_bytes - (double)before->heap_bytes) / count);
    if (idle->lost)
        fprintf(stderr, "posthorn-load: first of %u lost: %s\n", idle->lost, idle->first_loss);
    return good;
}

static int idle_measure(struct idle *idle)
{
    struct idle_look before = { 0 }, after = { 0 };
    uint32_t count = idle->plan->count + 1;

    if (!idle_open_all(idle, 1) || !idle_look(idle, 1, &before) || !idle_open_all(idle, count)) {
        fprintf(stderr, "posthorn-load: %u of %u connections, then: %s\n", idle->begun, count,
                idle->lost ? idle->first_loss : "it took too long");
        return 2;
    }
    idle_hold(idle, idle->plan->hold_ns);
    if (!idle_look(idle, count, &after))
        return 2;
    return idle_print(idle, &before, &after) ? 0 : 1;
}

int idle_run(const struct idle_plan *plan)
{
    uint32_t count = plan->count + 1;
    struct idle idle = { .plan = plan, .epoll = epoll_create1(EPOLL_CLOEXEC) };

    idle.account = calloc(count, sizeof *idle.account);
    idle.receiver = calloc(count, sizeof *idle.receiver);
    CHECK(idle.account && idle.receiver && idle.epoll >= 0);
    int status = setup_accounts(plan->target, idle.account, count, plan->from) ? idle_measure(&idle) : 2;
    for (uint32_t n = 0; n < idle.begun; n++) {
        link_free(&idle.receiver[n].link);
        receiver_fini(&idle.receiver[n]);
    }
    free(idle.account);
    free(idle.receiver);
    close(idle.epoll);
    return status;
}

int idle_main(const struct options *o, const struct link_target *target)
{
    const struct idle_plan plan = { .target = target,
                                    .way = o->way,
                                    .http = o->http,
                                    .version = o->version,
                                    .count = o->connections,
                                    .hold_ns = (uint64_t)(o->seconds * 1e9),
                                    .from = { o->accounts_file, o->conninfo },
                                    .heap_file = o->heap_file,
                                    .server = (pid_t)o->server,
                                    .admin_port = (uint16_t)o->admin };

    if (!o->server || !o->admin) {
        fputs("posthorn-load: idle needs --server-pid and --admin\n", stderr);
        return 2;
    }
    return idle_run(&plan);
}
