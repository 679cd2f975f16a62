/* load/pairs.c - the measured work of one process
 *
 * A pair is a sender and who receives from it (one, or the other members of a group), with a connection each. The
 * sender keeps its window full, an answered send is followed by the next, or sends when a message is due. Receivers
 * get events by the way that is measured. A message's number rides in its key, so whatever arrives names the message
 * it is: each must arrive once everywhere, at the seq that its sender was told, in an inbox without gaps.
 */
#include "load/pairs_inner.h"

#include "base/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS_EVENTS = 256, PAIRS_WAIT_S = 20 };
#define PAIRS_MS 1000000ull

void pairs_error(struct pairs_process *p, const char *method, const char *path, int status,
                 struct text answer)
{
    if (p->result->errors++ == 0)
        snprintf(p->result->first_error, sizeof p->result->first_error, "%s %s: %d %.*s", method, path,
                 status, (int)(answer.bytes < 120 ? answer.bytes : 120), answer.at ? answer.at : "");
}

bool pairs_is_measured(const struct pairs_process *p, uint64_t ns)
{
    return ns >= p->measure_ns && ns < p->stop_ns;
}

static void pairs_open_receiver(struct pairs_pair *pair, uint32_t k)
{
    struct pairs_process *p = pair->process;
    struct pairs_receiver *to = &pair->receiver[k];
    enum receiver_way way = p->plan->way;
    enum link_version version = p->plan->version;

    if (p->plan->is_mixed)
        pairs_mix_way(pair->number + k, &way, &version);
    to->pair = pair;
    to->last_i = UINT64_MAX;
    to->in = (struct receiver){ .link = link_new(p->plan->target, p->epoll, version),
                                .token = pair->who->to[k].token,
                                .way = way,
                                .wait_s = PAIRS_WAIT_S,
                                .events = pairs_receive,
                                .signals = p->plan->is_signals ? pairs_signals_receive
                                           : p->plan->is_mixed ? pairs_mix_heard
                                                               : NULL,
                                .ended = pairs_receive_ended,
                                .ctx = to };
    CHECK(to->in.link);
}

static void pairs_open(struct pairs_process *p, struct pairs_pair *pair, uint32_t number)
{
    const struct pairs_plan *plan = p->plan;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    pair->process = p;
    pair->who = &plan->pair[number];
    pair->number = number;
    pair->key_high = ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) << 16 |
                     ((uint64_t)now.tv_nsec & 0xffff);
    pair->own_last_i = UINT64_MAX;
    pair->from = link_new(plan->target, p->epoll, LINK_H2);
    pair->receiver = calloc(pair->who->to_count, sizeof *pair->receiver);
    CHECK(pair->from && pair->receiver);
    for (uint32_t k = 0; k < pair->who->to_count; k++)
        pairs_open_receiver(pair, k);
    pair->frames = (struct receiver){ .link = pair->from,
                                      .token = pair->who->from.token,
                                      .way = RECEIVER_WS,
                                      .events = pairs_receive_own,
                                      .answered = pairs_send_framed,
                                      .ended = pairs_receive_own_ended,
                                      .ctx = pair };
    pair->sends = plan->window / plan->batch ? plan->window / plan->batch : 1;
    pair->send = calloc(pair->sends, sizeof *pair->send);
    CHECK(pair->send);
    for (uint32_t k = 0; k < pair->sends; k++)
        pairs_send_init(&pair->send[k], pair);
}

/* Ends a pair, and counts what was acknowledged but did not come to all. */
static void pairs_close(struct pairs_pair *pair)
{
    uint32_t receivers = pair->who->to_count;

    if (pair->process->plan->is_signals)
        pairs_signals_close(pair);
    for (uint64_t n = 0; n < pair->next && !pair->process->plan->is_signals; n++)
        if (pair->message[n].acked_seq && pair->message[n].delivered < receivers)
            pair->process->result->lost += receivers - pair->message[n].delivered;
    /* Told of the end as lost connections, which are no errors any more. */
    uint64_t errors = pair->process->result->errors;
    link_free(&pair->from);
    for (uint32_t k = 0; k < receivers; k++) {
        link_free(&pair->receiver[k].in.link);
        receiver_fini(&pair->receiver[k].in);
    }
    pair->process->result->errors = errors;
    for (uint32_t k = 0; k < pair->sends; k++)
        pairs_send_fini(&pair->send[k]);
    if (pair->process->plan->by_frames)
        receiver_fini(&pair->frames);
    free(pair->receiver);
    free(pair->send);
    free(pair->message);
    free(pair->due);
}

static void pairs_turn(struct pairs_process *p, uint64_t wait_ns)
{
    struct timespec wait = { .tv_sec = (time_t)(wait_ns / 1000000000u),
                             .tv_nsec = (long)(wait_ns % 1000000000u) };
    struct epoll_event event[PAIRS_EVENTS];
    int count = epoll_pwait2(p->epoll, event, PAIRS_EVENTS, &wait, NULL);

    for (int n = 0; n < count; n++) {
        p->now_ns = tally_now_ns();
        link_ready(event[n].data.ptr);
    }
    p->now_ns = tally_now_ns();
}

/* Sends again what the server was too busy for. */
static void pairs_again(struct pairs_process *p)
{
    for (uint32_t n = 0; n < p->count; n++) {
        struct pairs_pair *pair = &p->pair[n];
        bool any = false;
        for (uint32_t k = 0; k < pair->sends; k++) {
            struct pairs_send *s = &pair->send[k];
            if (s->is_waiting && !pair->is_broken && s->again_ns <= p->now_ns) {
                s->is_waiting = false;
                any = true;
                pairs_send_again(s);
            }
        }
        if (any)
            link_flush(pair->from);
        if (p->plan->is_signals && !p->plan->rate)
            pairs_signals_go(pair);
    }
}

static bool pairs_is_drained(const struct pairs_process *p)
{
    const struct pairs_result *r = p->result;

    for (uint32_t n = 0; n < p->count; n++)
        if (p->pair[n].dues)
            return false;
    return r->acked == r->sent && r->delivered >= r->wanted && !p->asides_open;
}

static bool pairs_is_prepared(const struct pairs_pair *pair)
{
    const struct pairs_plan *plan = pair->process->plan;
    bool is_open = pair->frames.is_open || !plan->by_frames;

    for (uint32_t k = 0; k < pair->who->to_count; k++)
        is_open = is_open && pair->receiver[k].in.is_open;
    return pair->is_broken || is_open;
}

/* Every receiver's place is known: what is sent from now on must arrive. False: not within half a minute. */
static bool pairs_prepare(struct pairs_process *p)
{
    bool is_ready = false;

    p->end_ns = UINT64_MAX;
    for (uint32_t n = 0; n < p->count; n++) {
        for (uint32_t k = 0; k < p->pair[n].who->to_count; k++) {
            receiver_open(&p->pair[n].receiver[k].in);
            link_flush(p->pair[n].receiver[k].in.link);
        }
        if (p->plan->by_frames) {
            receiver_open(&p->pair[n].frames);
            link_flush(p->pair[n].from);
        }
    }
    for (uint64_t end = tally_now_ns() + 30000000000ull; !is_ready && tally_now_ns() < end;) {
        is_ready = true;
        pairs_turn(p, 100 * PAIRS_MS);
        for (uint32_t n = 0; n < p->count; n++)
            is_ready = is_ready && pairs_is_prepared(&p->pair[n]);
    }
    return is_ready;
}

static void pairs_begin(struct pairs_process *p)
{
    for (uint32_t n = 0; n < p->count; n++) {
        for (uint32_t k = 0; k < p->pair[n].sends; k++)
            pairs_send_next(&p->pair[n].send[k], p->now_ns);
        link_flush(p->pair[n].from);
    }
}

/* The time of sending is over. */
static bool pairs_is_over(struct pairs_process *p)
{
    uint64_t stop = p->plan->stop ? atomic_load(p->plan->stop) : 0;

    if (stop && stop < p->stop_ns) {
        p->stop_ns = stop;
        p->end_ns = stop + p->plan->drain_ns;
    }
    return p->now_ns >= p->stop_ns;
}

/* What should come is waited for; not for long once it is known that not all will be right. */
static bool pairs_is_awaited(const struct pairs_process *p)
{
    const struct pairs_result *r = p->result;
    bool is_wrong = r->doubled || r->reordered || r->gaps || r->wrong;

    for (uint32_t n = 0; n < p->count; n++)
        is_wrong = is_wrong || p->pair[n].is_broken;
    return p->now_ns < p->end_ns && !pairs_is_drained(p) &&
           !(is_wrong && p->now_ns > p->stop_ns + 1000 * PAIRS_MS);
}

static void pairs_work(struct pairs_process *p, uint32_t process, atomic_ullong *start)
{
    uint64_t begin, looked_ns = 0, wait_ns = 50 * PAIRS_MS;

    atomic_store(&p->result->ready, 1);
    while ((begin = atomic_load(start)) == 0 || tally_now_ns() < begin)
        pairs_turn(p, PAIRS_MS);
    p->measure_ns = begin + p->plan->warm_ns;
    p->stop_ns = p->measure_ns + p->plan->measured_ns;
    p->end_ns = p->stop_ns + p->plan->drain_ns;
    if (p->plan->rate)
        pairs_rate_begin(p, begin, process);
    else
        pairs_begin(p);
    while (!pairs_is_over(p) || pairs_is_awaited(p)) {
        if (p->plan->rate) {
            uint64_t due_ns = pairs_rate_turn(p);
            bool is_soon = due_ns < p->now_ns + 50 * PAIRS_MS && p->now_ns < p->stop_ns;
            wait_ns = is_soon ? due_ns > p->now_ns ? due_ns - p->now_ns : 0 : 50 * PAIRS_MS;
        }
        pairs_turn(p, wait_ns);
        if (p->now_ns - looked_ns > 50 * PAIRS_MS) {
            looked_ns = p->now_ns;
            pairs_again(p);
        }
    }
    p->end_ns = 0;
}

void pairs_run(const struct pairs_plan *plan, uint32_t process, struct pairs_result *r, atomic_ullong *start)
{
    struct pairs_process p = { .plan = plan, .result = r, .epoll = epoll_create1(EPOLL_CLOEXEC) };

    p.pair = calloc(plan->count / plan->processes + 1, sizeof *p.pair);
    p.text = malloc(plan->text_bytes);
    CHECK(p.pair && p.text && p.epoll >= 0);
    for (uint32_t n = 0; n < plan->text_bytes; n++)
        p.text[n] = "etaoin shrdlu cmfwyp vbgkjqxz ETAOIN 0123456789."[n * 7 % 48];
    for (uint32_t n = process; n < plan->count; n += plan->processes)
        pairs_open(&p, &p.pair[p.count++], n);
    pairs_mix_init(&p);
    if (!pairs_prepare(&p)) {
        fprintf(stderr, "posthorn-load: the receivers get no cursor\n");
        _exit(1);
    }
    pairs_work(&p, process, start);
    for (uint32_t n = 0; n < p.count; n++)
        pairs_close(&p.pair[n]);
    pairs_mix_fini(&p);
    free(p.pair);
    free(p.text);
    close(p.epoll);
}
