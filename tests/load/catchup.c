/* load/catchup.c - readers far behind the head of their inbox
 *
 * A conversation is filled by batches; every other member has all of it in the inbox. Then all of them read from
 * before the first message to the last, again and again for the measured seconds, and each event must be the next.
 */
#include "load/catchup.h"

#include "base/check.h"
#include "load/cpu.h"
#include "load/report.h"
#include "load/scan.h"
#include "load/setup.h"
#include "model/key.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { CATCHUP_BATCH = 32, CATCHUP_ASKS = 16, CATCHUP_EVENTS = 64, CATCHUP_WAIT_S = 60, CATCHUP_PATH = 80 };
#define CATCHUP_NS (CATCHUP_WAIT_S * 1000000000ull)

struct catchup_reader {
    struct receiver in;
    struct catchup *run;
    char cursor[44]; /* before the first message */
    uint64_t first_i, last_i, last_seq;
    uint64_t began_ns;
    bool is_done;
};

struct catchup {
    const struct options *o;
    const struct link_target *target;
    struct setup_pair *pair;
    struct catchup_reader *reader;
    int epoll;
    uint64_t asked, filled, done; /* messages sent for, and sent; readers that are at the head */
    uint64_t events, wrong, errors;
    uint64_t seen; /* of the whole run */
    struct tally pass;
    char first_error[200];
};

struct catchup_fill {
    struct link_ask ask;
    struct catchup *run;
    struct link *link;
    struct buf body;
    uint32_t count;
};

static void catchup_error(struct catchup *c, const char *what, struct text why)
{
    if (c->errors++ == 0)
        snprintf(c->first_error, sizeof c->first_error, "%s: %.*s", what,
                 (int)(why.bytes < 120 ? why.bytes : 120), why.at ? why.at : "");
}

static void catchup_turn(struct catchup *c, int wait_ms)
{
    struct epoll_event event[CATCHUP_EVENTS];
    int count = epoll_wait(c->epoll, event, CATCHUP_EVENTS, wait_ms);

    for (int n = 0; n < count; n++)
        link_ready(event[n].data.ptr);
}

/* --- filling ----------------------------------------------------------------------------------------------------- */

static void catchup_fill_next(struct catchup_fill *f)
{
    struct catchup *c = f->run;
    uint64_t left = c->o->events - c->asked;
    char key[KEY_TEXT_BYTES + 1];
    struct timespec now;

    f->count = left < CATCHUP_BATCH ? (uint32_t)left : CATCHUP_BATCH;
    if (!f->count || c->errors)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t high = ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) << 16 | (c->asked >> 32);
    buf_drop(&f->body, f->body.bytes);
    buf_put_text(&f->body, TEXT("{\"requests\":["));
    for (uint32_t k = 0; k < f->count; k++) {
        key_print((struct key){ high, c->asked++ }, key);
        buf_printf(&f->body,
                   "%s{\"do\":\"POST\",\"path\":\"/v1/conversations/%s/"
                   "messages\",\"body\":{\"key\":\"%s\",\"text\":\"%0*u\"}}",
                   k ? "," : "", c->pair->conversation, key, (int)c->o->text, k);
    }
    buf_put_text(&f->body, TEXT("]}"));
    CHECK(!f->body.overflowed);
    f->ask.body = buf_text(&f->body);
    link_ask(f->link, &f->ask);
}

static void catchup_filled(struct link_ask *a)
{
    struct catchup_fill *f = a->ctx;
    struct text rest = buf_text(&a->answer), piece;
    uint64_t status, taken = 0;

    while ((piece = scan_piece(&rest, "{\"status\":")).bytes)
        taken += scan_number(piece, "status", &status) && status == 201;
    if (a->status != 200 || taken != f->count) {
        catchup_error(f->run, "filling", buf_text(&a->answer));
        return;
    }
    f->run->filled += taken;
    catchup_fill_next(f);
}

static bool catchup_fill(struct catchup *c)
{
    struct catchup_fill *fill = calloc(CATCHUP_ASKS, sizeof *fill);
    struct link *link = link_new(c->target, c->epoll, LINK_H2);
    uint64_t end = tally_now_ns() + 5 * CATCHUP_NS;

    CHECK(fill);
    for (uint32_t k = 0; link && k < CATCHUP_ASKS; k++) {
        struct catchup_fill *f = &fill[k];
        f->run = c;
        f->link = link;
        buf_init(&f->body, LINK_ANSWER_BYTES);
        link_ask_init(&f->ask);
        f->ask.method = "POST";
        f->ask.path = "/v1/batch";
        f->ask.token = c->pair->from.token;
        f->ask.done = catchup_filled;
        f->ask.ctx = f;
        catchup_fill_next(f);
    }
    while (link && c->filled < c->o->events && !c->errors && tally_now_ns() < end) {
        link_flush(link);
        catchup_turn(c, 100);
    }
    bool good = c->filled == c->o->events;
    if (link)
        link_free(&link);
    for (uint32_t k = 0; k < CATCHUP_ASKS; k++) {
        link_ask_fini(&fill[k].ask);
        buf_fini(&fill[k].body);
    }
    free(fill);
    return good;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static void catchup_event(struct catchup_reader *r, struct text event)
{
    uint64_t i = 0, seq = 0;

    r->run->wrong += !scan_number(event, "i", &i) || i != r->last_i + 1;
    r->run->wrong += !scan_number(event, "seq", &seq) || (r->last_seq && seq != r->last_seq + 1);
    r->last_i = i;
    r->last_seq = seq;
    r->run->events++;
}

static void catchup_events(struct receiver *in, struct text json)
{
    struct catchup_reader *r = in->ctx;
    struct text event;

    in->now_ns = tally_now_ns();
    while ((event = scan_piece(&json, "{\"i\":")).bytes)
        for (uint32_t times = options_plant(r->run->o, ++r->run->seen); times > 0; times--)
            catchup_event(r, event);
    if (r->is_done || r->last_i < r->first_i + r->run->o->events)
        return;
    r->is_done = in->is_over = true;
    r->run->done++;
    tally_add(&r->run->pass, in->now_ns - r->began_ns);
}

static void catchup_ended(struct receiver *in, struct text why)
{
    struct catchup_reader *r = in->ctx;

    catchup_error(r->run, receiver_way_name(in->way), why);
}

static bool catchup_open(struct catchup *c, uint32_t n, bool from_now)
{
    struct catchup_reader *r = &c->reader[n];

    r->run = c;
    r->in = (struct receiver){ .link = link_new(c->target, c->epoll, c->o->version),
                               .token = c->pair->to[n].token,
                               .way = from_now ? RECEIVER_POLL : c->o->way,
                               .wait_s = 20,
                               .drains = !from_now,
                               .events = catchup_events,
                               .ended = catchup_ended,
                               .ctx = r };
    if (!r->in.link)
        return false;
    r->is_done = false;
    r->last_i = r->first_i;
    r->last_seq = 0;
    r->began_ns = tally_now_ns();
    if (from_now)
        receiver_open(&r->in);
    else
        receiver_open_after(&r->in, r->cursor);
    return link_flush(r->in.link);
}

static void catchup_close(struct catchup *c)
{
    for (uint32_t n = 0; n < c->o->readers; n++) {
        c->reader[n].in.is_over = true;
        if (c->reader[n].in.link)
            link_free(&c->reader[n].in.link);
        receiver_fini(&c->reader[n].in);
    }
}

/* Where every reader stands before the conversation is filled. */
static bool catchup_places(struct catchup *c)
{
    uint32_t known = 0;

    for (uint32_t n = 0; n < c->o->readers; n++)
        if (!catchup_open(c, n, true))
            return false;
    for (uint64_t end = tally_now_ns() + CATCHUP_NS; known < c->o->readers && tally_now_ns() < end;) {
        catchup_turn(c, 100);
        for (known = 0; known < c->o->readers && c->reader[known].in.is_open; known++)
            ;
    }
    for (uint32_t n = 0; n < known; n++) {
        struct catchup_reader *r = &c->reader[n];
        snprintf(r->cursor, sizeof r->cursor, "%s", r->in.cursor);
        r->first_i = r->in.first_i;
    }
    catchup_close(c);
    return known == c->o->readers;
}

/* All of them, from before the first message to the last. */
static bool catchup_pass(struct catchup *c)
{
    uint64_t end = tally_now_ns() + CATCHUP_NS;

    c->done = 0;
    for (uint32_t n = 0; n < c->o->readers; n++)
        if (!catchup_open(c, n, false))
            return false;
    while (c->done < c->o->readers && !c->errors && !c->wrong && tally_now_ns() < end)
        catchup_turn(c, 100);
    bool good = c->done == c->o->readers;
    catchup_close(c);
    return good;
}

static int catchup_measure(struct catchup *c)
{
    const struct options *o = c->o;
    struct report r;
    bool good = catchup_pass(c); /* the first one warms what there is to warm */

    c->events = 0;
    c->pass = (struct tally){ 0 };
    double server = cpu_of((pid_t)o->server, 1), postgres = cpu_of((pid_t)o->postgres, 1),
           load = cpu_of(getpid(), 0);
    uint64_t begin = tally_now_ns(), end = begin + (uint64_t)(o->seconds * 1e9);
    do
        good = good && catchup_pass(c);
    while (good && tally_now_ns() < end);
    double s = (double)(tally_now_ns() - begin) / 1e9, events = (double)(c->events ? c->events : 1);
    server = cpu_of((pid_t)o->server, 1) - server;
    postgres = cpu_of((pid_t)o->postgres, 1) - postgres;
    load = cpu_of(getpid(), 0) - load;

    report_begin(&r, "catchup");
    report_word(&r, "way", receiver_way_name(o->way));
    report_word(&r, "http", o->http);
    report_count(&r, "readers", o->readers);
    report_count(&r, "behind", o->events);
    report_real(&r, "seconds", s);
    report_count(&r, "events", c->events);
    report_real(&r, "events_per_s", (double)c->events / s);
    report_times(&r, "caught_up", &c->pass);
    report_real(&r, "server_cpu_s", server);
    report_real(&r, "postgres_cpu_s", postgres);
    report_real(&r, "load_cpu_s", load);
    report_real(&r, "server_us_per_event", server * 1e6 / events);
    report_real(&r, "postgres_us_per_event", postgres * 1e6 / events);
    report_count(&r, "server_rss_kb", report_rss_kb((pid_t)o->server));
    report_count(&r, "wrong", c->wrong);
    report_count(&r, "errors", c->errors);
    report_end(&r);
    if (!good)
        fprintf(stderr, "posthorn-load: %llu of %u readers caught up; %s\n", (unsigned long long)c->done,
                o->readers, c->first_error);
    return good && !c->wrong && !c->errors ? 0 : 1;
}

int catchup_main(const struct options *o, const struct link_target *target)
{
    struct catchup c = { .o = o, .target = target, .epoll = epoll_create1(EPOLL_CLOEXEC) };
    struct setup_from from = { o->accounts_file, o->conninfo };
    int status = 2;

    if (o->readers > 99) {
        fputs("posthorn-load: catchup takes at most 99 readers\n", stderr);
        return 2;
    }
    c.pair = setup_pairs_new(1, o->readers);
    c.reader = calloc(o->readers, sizeof *c.reader);
    CHECK(c.reader && c.epoll >= 0);
    if (setup_pairs(target, c.pair, 1, o->readers, from) && catchup_places(&c) && catchup_fill(&c))
        status = catchup_measure(&c);
    else
        fprintf(stderr, "posthorn-load: %llu of %u messages are there; %s\n", (unsigned long long)c.filled,
                o->events, c.first_error);
    setup_pairs_free(&c.pair, 1);
    free(c.reader);
    close(c.epoll);
    return status;
}
