/* links/load.c - two processes with links to each other: what a frame costs, and what a peer that stands still costs
 *
 * load DIRECTORY local|tls FRAMES BYTES A_TURN STOP_MS: DIRECTORY/left and right hold certificates (scripts/cluster-ca).
 * The left one says FRAMES frames of BYTES, at most A_TURN in a turn, as fast as the right one takes them; STOP_MS above
 * 0: the right one is stopped for so long in the middle. One line of JSON; 1: a frame is lost, twice, or out of order.
 */
#include "base/log.h"
#include "base/secret.h"
#include "net/net.h"
#include "node/links.h"
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LEFT = 1, RIGHT = 2, FRAME_REST = 48, WAIT_MS = 60 * 1000 };

struct end {
    struct config config;
    struct loop *loop;
    struct loop_timer tick;
    struct net *net;
    struct links *links;
    uint64_t heard, wrong;
    unsigned downs, losts;
};
/* What the right one says at its end. */
struct report {
    uint64_t heard, wrong, cpu_us;
};
struct plan {
    const char *directory;
    bool with_tls;
    uint64_t frames, bytes, a_turn, stop_ms;
    char address[2][108 + 8];
};

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void on_up(void *ctx, uint32_t node)
{
    (void)ctx;
    (void)node;
}

static void on_down(void *ctx, uint32_t node, bool is_lost)
{
    struct end *e = ctx;

    (void)node;
    e->downs++;
    e->losts += is_lost;
}

static void on_frame(void *ctx, uint32_t from, const struct frame *f)
{
    struct end *e = ctx;

    (void)from;
    e->wrong += f->timeline != ++e->heard;
}

static const struct links_events events = { .up = on_up, .down = on_down, .frame = on_frame };

static void on_tick(void *ctx)
{
    struct end *e = ctx;

    loop_timer_set(&e->tick, 5);
}

static void end_new(struct end *e, const struct plan *p, uint32_t node)
{
    struct config_error why;
    struct links_peer peer = { .node = LEFT + RIGHT - node, .incarnation = LEFT + RIGHT - node };
    struct links_self self = { node, node };

    *e = (struct end){ 0 };
    CHECK(!config_parse(&e->config, "", 0, &why));
    snprintf(e->config.node_tls_directory, sizeof(e->config.node_tls_directory), "%s/%s", p->directory,
             node == LEFT ? "left" : "right");
    e->loop = loop_new();
    loop_timer_init(&e->tick, e->loop, on_tick, e);
    loop_timer_set(&e->tick, 5);
    e->net = net_new(e->loop, &e->config);
    e->links = links_new(e->loop, &e->config, self, &events, e);
    CHECK(!net_listen_link(e->net, p->address[node - 1], links_request, e->links, NULL));
    snprintf(peer.address, sizeof(peer.address), "%s", p->address[peer.node - 1]);
    snprintf(peer.host, sizeof(peer.host), "%s", peer.node == LEFT ? "left" : "right");
    links_set(e->links, &peer, 1);
}

static void turn(struct end *e)
{
    loop_wait(e->loop, true);
    links_flush(e->links);
    net_flush(e->net);
}

static void end_free(struct end *e)
{
    links_free(&e->links);
    net_free(&e->net);
    loop_timer_clear(&e->tick);
    loop_free(&e->loop);
}

static int right(const struct plan *p, int to)
{
    struct end e;
    uint64_t until = now_us() + WAIT_MS * 1000;
    struct report r;

    end_new(&e, p, RIGHT);
    while (e.heard < p->frames && now_us() < until)
        turn(&e);
    for (int i = 0; i < 20; i++) /* the last ACK; and nothing may come any more */
        turn(&e);
    r = (struct report){ e.heard, e.wrong, cpu_us() };
    CHECK(write(to, &r, sizeof(r)) == sizeof(r));
    end_free(&e);
    return 0;
}

static void say(struct end *e, const struct plan *p, char *encoded, uint64_t *said)
{
    for (uint64_t k = 0; k < p->a_turn && *said < p->frames; k++) {
        struct frame_place place = { { 1 }, { *said } };
        struct frame f = {
            .type = FRAME_DELIVER, .node = LEFT, .timeline = *said + 1, .place = &place, .places = 1
        };
        struct blob *b;
        bool is_kept;

        f.encoded = (struct text){ encoded, p->bytes - FRAME_REST };
        b = frame_encode(&f);
        is_kept = links_send(e->links, RIGHT, b);
        blob_free(&b);
        if (!is_kept)
            return;
        *said += 1;
    }
}

static void stop(pid_t pid, uint64_t ms)
{
    struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

    if (fork() == 0) { /* so that the left one goes on */
        kill(pid, SIGSTOP);
        nanosleep(&t, NULL);
        kill(pid, SIGCONT);
        _exit(0);
    }
}

static int left(const struct plan *p, pid_t other, int from)
{
    struct end e;
    char *encoded = calloc(1, p->bytes);
    uint64_t said = 0, began, until = now_us() + WAIT_MS * 1000, took;
    struct report r = { 0 };
    struct links_stats stats;
    bool is_stopped = p->stop_ms == 0;

    end_new(&e, p, LEFT);
    while (!links_is_up(e.links, RIGHT) && now_us() < until)
        turn(&e);
    began = now_us();
    while (read(from, &r, sizeof(r)) != sizeof(r) && now_us() < until) {
        say(&e, p, encoded, &said);
        if (!is_stopped && said > p->frames / 2)
            stop(other, p->stop_ms), is_stopped = true;
        turn(&e);
    }
    took = now_us() - began;
    links_stats_read(e.links, &stats);
    printf("{\"frames\":%" PRIu64 ",\"heard\":%" PRIu64 ",\"wrong\":%" PRIu64 ",\"downs\":%u,\"losts\":%u,"
           "\"repeated\":%" PRIu64 ",\"a_second\":%.0f,\"sender_ns\":%.0f,\"receiver_ns\":%.0f}\n",
           p->frames, r.heard, r.wrong, e.downs, e.losts, stats.repeated,
           (double)p->frames / (double)took * 1e6, (double)cpu_us() * 1000 / (double)p->frames,
           (double)r.cpu_us * 1000 / (double)p->frames);
    free(encoded);
    end_free(&e);
    if (p->stop_ms >= 2000 && e.downs == 0)
        return 1;
    return r.heard == p->frames && r.wrong == 0 && e.losts == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct plan p = { 0 };
    int line[2], failed;
    pid_t other;

    if (argc != 7)
        return 2;
    p = (struct plan){ .directory = argv[1],
                       .with_tls = argv[2][0] == 't',
                       .frames = strtoull(argv[3], NULL, 10),
                       .bytes = strtoull(argv[4], NULL, 10),
                       .a_turn = strtoull(argv[5], NULL, 10),
                       .stop_ms = strtoull(argv[6], NULL, 10) };
    CHECK(p.bytes > FRAME_REST && p.bytes < FRAME_BYTES_MAX && p.a_turn > 0);
    secret_init();
    log_level = LOG_ERROR;
    signal(SIGPIPE, SIG_IGN);
    for (int k = 0; k < 2; k++) {
        if (p.with_tls)
            snprintf(p.address[k], sizeof(p.address[k]), "127.0.0.1:%u",
                     20000 + (unsigned)getpid() % 20000 + (unsigned)k);
        else
            snprintf(p.address[k], sizeof(p.address[k]), "unix:%.90s/link%d", p.directory, k);
    }
    CHECK(pipe(line) == 0);
    other = fork();
    if (other == 0)
        return right(&p, line[1]);
    fcntl(line[0], F_SETFL, O_NONBLOCK);
    failed = left(&p, other, line[0]);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    return failed;
}
