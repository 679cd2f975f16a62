/* load/storm.c - everybody is cut off at once, and comes back
 *
 * Clients in groups of 99 hold their way open; then all their connections are closed without a word. While they are
 * away something is sent to each. Then they come back at their cursors, some handshakes at a time, with the TLS
 * sessions that they had, and each must get what it missed, once and in order. Pairs that were not cut go on talking
 * at a steady rate meanwhile, in a process of their own: what the storm does to others is what they see.
 */
#include "load/storm.h"

#include "base/check.h"
#include "load/cpu.h"
#include "load/pairs.h"
#include "load/report.h"
#include "load/scan.h"
#include "model/key.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    STORM_GROUP = 99,
    STORM_EVENTS = 256,
    STORM_WAIT_S = 120,
    STORM_PAIRS = 10,
    STORM_RATE = 200,
    STORM_PATH = 80
};
#define STORM_NS (STORM_WAIT_S * 1000000000ull)

struct storm_client {
    struct storm *run;
    struct receiver in;
    const char *token;
    SSL_SESSION *session;
    char cursor[44];
    uint64_t last_i, wanted_i;
    uint64_t began_ns;
    bool is_there; /* its way is open, and nothing is missing */
};

struct storm {
    const struct options *o;
    const struct link_target *target;
    struct setup_pair *group, *pair;
    struct storm_client *client;
    uint32_t groups, clients;
    int epoll;
    uint32_t begun, there, sent, resumed;
    uint64_t wrong, errors;
    uint64_t seen; /* events */
    struct tally back;
    char first_error[200];
};

struct storm_live { /* shared with the process of the live pairs */
    atomic_ullong start, stop;
    struct pairs_result result;
};

static void storm_error(struct storm *s, const char *what, struct text why)
{
    if (s->errors++ == 0)
        snprintf(s->first_error, sizeof s->first_error, "%s: %.*s", what,
                 (int)(why.bytes < 120 ? why.bytes : 120), why.at ? why.at : "");
}

static void storm_turn(struct storm *s, int wait_ms)
{
    struct epoll_event event[STORM_EVENTS];
    int count = epoll_wait(s->epoll, event, STORM_EVENTS, wait_ms);

    for (int n = 0; n < count; n++)
        link_ready(event[n].data.ptr);
}

/* --- the clients ------------------------------------------------------------------------------------------------- */

static void storm_look(struct storm_client *c)
{
    if (c->is_there || !c->in.is_open || c->last_i < c->wanted_i)
        return;
    if (c->in.way == RECEIVER_LONGPOLL && c->wanted_i == 0 && !c->in.is_waiting)
        return;
    c->is_there = true;
    c->run->there++;
    tally_add(&c->run->back, tally_now_ns() - c->began_ns);
}

static void storm_events(struct receiver *in, struct text json)
{
    struct storm_client *c = in->ctx;
    struct text event;
    uint64_t i = 0;

    in->now_ns = tally_now_ns();
    while ((event = scan_piece(&json, "{\"i\":")).bytes) {
        for (uint32_t times = options_plant(c->run->o, ++c->run->seen); times > 0; times--) {
            c->run->wrong += !scan_number(event, "i", &i) || i != c->last_i + 1;
            c->last_i = i;
        }
    }
    storm_look(c);
}

static void storm_ended(struct receiver *in, struct text why)
{
    struct storm_client *c = in->ctx;

    storm_error(c->run, receiver_way_name(in->way), why);
}

static void storm_connect(struct storm_client *c)
{
    struct storm *s = c->run;

    c->began_ns = tally_now_ns();
    c->in = (struct receiver){ .link = link_begin(s->target, s->epoll, s->o->version, c->session),
                               .token = c->token,
                               .way = s->o->way,
                               .wait_s = 55,
                               .events = storm_events,
                               .ended = storm_ended,
                               .ctx = c };
    s->begun++;
    if (!c->in.link) {
        storm_error(s, "connecting", text_of(strerror(errno)));
        return;
    }
    if (c->cursor[0])
        receiver_open_after(&c->in, c->cursor);
    else
        receiver_open(&c->in);
    link_flush(c->in.link);
}

/* Opens all, some at a time. A first opening ends when each one's place is known; a return when nothing is missing. */
static bool storm_open(struct storm *s)
{
    uint64_t end = tally_now_ns() + STORM_NS;
    bool is_return = s->client[0].cursor[0];

    s->begun = s->there = 0;
    while (s->there < s->clients && !s->errors && tally_now_ns() < end) {
        while (s->begun < s->clients && s->begun < s->there + s->o->handshakes && !s->errors)
            storm_connect(&s->client[s->begun]);
        storm_turn(s, is_return ? 20 : 5);
        for (uint32_t n = is_return ? s->begun : 0; n < s->begun; n++)
            storm_look(&s->client[n]);
    }
    return s->there == s->clients;
}

/* Every connection is gone at once; what a client needs to come back stays. */
static void storm_cut(struct storm *s, bool is_last)
{
    for (uint32_t n = 0; n < s->begun; n++) {
        struct storm_client *c = &s->client[n];
        if (is_last)
            s->resumed += c->in.link && link_is_resumed(c->in.link);
        else
            c->session = c->in.link ? link_session(c->in.link) : NULL;
        snprintf(c->cursor, sizeof c->cursor, "%s", c->in.cursor);
        if (!is_last) {
            c->last_i = c->in.first_i;
            c->wanted_i = c->last_i + s->o->behind;
        }
        c->in.is_over = true;
        if (c->in.link)
            link_free(&c->in.link);
        receiver_fini(&c->in);
        c->is_there = false;
    }
    for (uint32_t n = 0; is_last && n < s->clients; n++)
        SSL_SESSION_free(s->client[n].session);
}

/* --- what they miss ---------------------------------------------------------------------------------------------- */

struct storm_send {
    struct link_ask ask;
    struct storm *run;
    char path[STORM_PATH], body[160];
};

static void storm_sent(struct link_ask *a)
{
    struct storm_send *send = a->ctx;

    if (a->status == 201)
        send->run->sent++;
    else
        storm_error(send->run, "sending", buf_text(&a->answer));
}

/* One message to each group. */
static bool storm_send(struct storm *s, uint32_t number)
{
    struct storm_send *send = calloc(s->groups, sizeof *send);
    struct link *link = link_new(s->target, s->epoll, LINK_H2);
    uint64_t end = tally_now_ns() + STORM_NS;
    char key[KEY_TEXT_BYTES + 1];
    struct timespec now;

    CHECK(send && link);
    clock_gettime(CLOCK_REALTIME, &now);
    s->sent = 0;
    for (uint32_t n = 0, begun = 0; s->sent < s->groups && !s->errors && tally_now_ns() < end; n++) {
        for (; begun < s->groups && begun < s->sent + 32; begun++) {
            struct storm_send *one = &send[begun];
            key_print((struct key){ ((uint64_t)now.tv_sec * 1000 << 16) + number, begun }, key);
            snprintf(one->path, sizeof one->path, "/v1/conversations/%s/messages",
                     s->group[begun].conversation);
            snprintf(one->body, sizeof one->body, "{\"key\":\"%s\",\"text\":\"while you were away\"}", key);
            one->run = s;
            link_ask_init(&one->ask);
            one->ask.method = "POST";
            one->ask.path = one->path;
            one->ask.body = text_of(one->body);
            one->ask.token = s->group[begun].from.token;
            one->ask.done = storm_sent;
            one->ask.ctx = one;
            link_ask(link, &one->ask);
        }
        link_flush(link);
        storm_turn(s, 50);
    }
    link_free(&link);
    for (uint32_t n = 0; n < s->groups; n++)
        link_ask_fini(&send[n].ask);
    free(send);
    return s->sent == s->groups;
}

/* --- the run ----------------------------------------------------------------------------------------------------- */

static pid_t storm_live_begin(const struct storm *s, struct storm_live *live)
{
    const struct pairs_plan plan = { .target = s->target,
                                     .pair = s->pair,
                                     .count = STORM_PAIRS,
                                     .processes = 1,
                                     .receivers = 1,
                                     .window = 32,
                                     .batch = 1,
                                     .rate = STORM_RATE,
                                     .text_bytes = s->o->text,
                                     .way = RECEIVER_WS,
                                     .version = LINK_H1,
                                     .by_frames = true,
                                     .measured_ns = 2 * STORM_NS,
                                     .drain_ns = 15000000000ull,
                                     .stop = &live->stop };
    fflush(NULL);
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pairs_run(&plan, 0, &live->result, &live->start);
        exit(0);
    }
    while (!atomic_load(&live->result.ready) && waitpid(child, NULL, WNOHANG) == 0)
        usleep(1000);
    return child;
}

static void storm_report(const struct storm *s, const struct pairs_result *live, double seconds,
                         double server, double postgres)
{
    const struct options *o = s->o;
    struct report r;

    report_begin(&r, "storm");
    report_word(&r, "way", receiver_way_name(o->way));
    report_word(&r, "http", o->http);
    report_word(&r, "tls", s->target->tls ? "yes" : "no");
    report_count(&r, "connections", s->clients);
    report_count(&r, "behind", o->behind);
    report_count(&r, "caught_up", s->there);
    report_count(&r, "resumed", s->resumed);
    report_real(&r, "caught_up_s", seconds);
    report_times(&r, "back", &s->back);
    report_count(&r, "live_delivered", live->delivered);
    report_times(&r, "delivered", &live->deliver);
    report_real(&r, "server_cpu_s", server);
    report_real(&r, "postgres_cpu_s", postgres);
    report_count(&r, "server_rss_kb", report_rss_kb((pid_t)o->server));
    report_count(&r, "lost", live->lost);
    report_count(&r, "doubled", live->doubled);
    report_count(&r, "wrong", s->wrong + live->wrong + live->gaps + live->reordered);
    report_count(&r, "errors", s->errors + live->errors);
    report_end(&r);
    if (s->errors)
        fprintf(stderr, "posthorn-load: first of %llu errors: %s\n", (unsigned long long)s->errors,
                s->first_error);
    if (live->errors)
        fprintf(stderr, "posthorn-load: live: %s\n", live->first_error);
}

static bool storm_prepare(struct storm *s)
{
    bool good = storm_open(s);

    for (int n = 0; good && n < 20; n++) /* tickets come behind the handshake */
        storm_turn(s, 10);
    storm_cut(s, false);
    s->back = (struct tally){ 0 };
    for (uint32_t k = 0; good && k < s->o->behind; k++)
        good = storm_send(s, k);
    return good;
}

/* Those who talked meanwhile lost nothing, and got nothing twice or out of order. */
static bool storm_live_is_good(const struct pairs_result *r)
{
    return r->acked && r->acked == r->sent && r->delivered == r->acked && !r->lost && !r->errors &&
           !r->wrong && !r->gaps && !r->doubled && !r->reordered;
}

static int storm_run(struct storm *s, struct storm_live *live)
{
    bool good = storm_prepare(s);

    if (!good) {
        fprintf(stderr, "posthorn-load: %u of %u clients before the storm; %s\n", s->there, s->clients,
                s->first_error);
        return 2;
    }
    pid_t child = storm_live_begin(s, live);
    double server = cpu_of((pid_t)s->o->server, 1), postgres = cpu_of((pid_t)s->o->postgres, 1);
    uint64_t begin = tally_now_ns();
    atomic_store(&live->start, begin);
    good = storm_open(s);
    uint64_t end = tally_now_ns();
    for (int n = 0; good && n < 20; n++) /* what came twice would come now */
        storm_turn(s, 10);
    server = cpu_of((pid_t)s->o->server, 1) - server;
    postgres = cpu_of((pid_t)s->o->postgres, 1) - postgres;
    atomic_store(&live->stop, end);
    int status = 1;
    waitpid(child, &status, 0);
    storm_cut(s, true);
    storm_report(s, &live->result, (double)(end - begin) / 1e9, server, postgres);
    return good && !status && !s->errors && !s->wrong && storm_live_is_good(&live->result) ? 0 : 1;
}

int storm_main(const struct options *o, const struct link_target *target)
{
    struct storm s = { .o = o, .target = target, .epoll = epoll_create1(EPOLL_CLOEXEC) };
    struct setup_from from = { o->accounts_file, o->conninfo };
    struct storm_live *live =
        mmap(NULL, sizeof *live, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 2;

    s.groups = (o->connections + STORM_GROUP - 1) / STORM_GROUP;
    s.clients = s.groups * STORM_GROUP;
    s.group = setup_pairs_new(s.groups, STORM_GROUP);
    s.pair = setup_pairs_new(STORM_PAIRS, 1);
    s.client = calloc(s.clients, sizeof *s.client);
    CHECK(s.client && s.epoll >= 0 && live != MAP_FAILED);
    if (o->way == RECEIVER_POLL) {
        fputs("posthorn-load: a storm is of connections that wait; take longpoll\n", stderr);
    } else if (setup_pairs(target, s.group, s.groups, STORM_GROUP, from) &&
               setup_pairs(target, s.pair, STORM_PAIRS, 1, (struct setup_from){ NULL, o->conninfo })) {
        for (uint32_t n = 0; n < s.clients; n++) {
            s.client[n].run = &s;
            s.client[n].token = s.group[n / STORM_GROUP].to[n % STORM_GROUP].token;
        }
        status = storm_run(&s, live);
    }
    setup_pairs_free(&s.group, s.groups);
    setup_pairs_free(&s.pair, STORM_PAIRS);
    munmap(live, sizeof *live);
    free(s.client);
    close(s.epoll);
    return status;
}
