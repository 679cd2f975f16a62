/* load/pairs.c - the measured work of one process
 *
 * A pair is two accounts with a connection each. The sender keeps its window full: an answered send is followed by
 * the next. The receiver asks for events, and asks again with the new cursor as soon as an answer is there. A
 * message's number rides in its key, so whatever arrives names the message it is: each must arrive once, at the seq
 * that its sender was told, in an inbox without gaps.
 */
#include "load/pairs.h"

#include "base/check.h"
#include "load/scan.h"
#include "model/key.h"
#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS_EVENTS = 256, PAIRS_BATCH_MAX = 32, PAIRS_WAIT_S = 20 };

/* One message of a pair. */
struct pairs_message {
    uint64_t sent_ns;
    uint64_t acked_seq, delivered_seq; /* 0: not yet */
};

struct pairs_send {
    struct link_ask ask;
    struct pairs_pair *pair;
    uint64_t first; /* messages first .. first + count - 1 */
    uint32_t count;
    bool is_waiting; /* the server was busy: the same again, with the same keys */
    uint64_t again_ns;
    struct buf body;
    char path[80];
};

struct pairs_pair {
    struct pairs_process *process;
    const struct setup_pair *who;
    uint32_t number;
    struct link *from, *to;
    struct pairs_send *send;
    uint32_t sends;
    struct link_ask poll;
    char poll_path[128];
    bool is_polling, is_broken;
    uint64_t next, room; /* messages begun; room for */
    struct pairs_message *message;
    uint64_t key_high;
    uint64_t last_i, last_seq, newest;
};

struct pairs_process {
    const struct pairs_plan *plan;
    struct pairs_result *result;
    struct pairs_pair *pair;
    uint32_t count;
    char *text;
    int epoll;
    uint64_t measure_ns, stop_ns, end_ns; /* from, to, and when the drain is over */
    uint64_t now_ns; /* of this turn */
};

static void pairs_error(struct pairs_process *p, const struct link_ask *a)
{
    if (p->result->errors++ == 0)
        snprintf(p->result->first_error, sizeof p->result->first_error, "%s %s: %d %.*s", a->method, a->path,
                 a->status, (int)(a->answer.bytes < 120 ? a->answer.bytes : 120),
                 a->answer.at ? a->answer.at : "");
}

static bool pairs_is_measured(const struct pairs_process *p, uint64_t ns)
{
    return ns >= p->measure_ns && ns < p->stop_ns;
}

static struct pairs_message *pairs_begin(struct pairs_pair *pair)
{
    if (pair->next == pair->room) {
        pair->room = pair->room ? 2 * pair->room : 1024;
        pair->message = realloc(pair->message, pair->room * sizeof *pair->message);
        CHECK(pair->message);
    }
    pair->message[pair->next] = (struct pairs_message){ .sent_ns = pair->process->now_ns };
    pair->process->result->sent++;
    return &pair->message[pair->next++];
}

/* --- sending -------------------------------------------------------------------------------------------------- */

static void pairs_write_message(struct pairs_send *s, uint64_t n)
{
    const struct pairs_pair *pair = s->pair;
    const struct pairs_plan *plan = pair->process->plan;
    char key[KEY_TEXT_BYTES + 1];

    key_print((struct key){ pair->key_high, (uint64_t)pair->number << 40 | n }, key);
    buf_printf(&s->body, "{\"key\":\"%s\",\"text\":\"", key);
    buf_put(&s->body, pair->process->text, plan->text_bytes);
    buf_put_text(&s->body, TEXT("\"}"));
}

static void pairs_send_next(struct pairs_send *s)
{
    struct pairs_pair *pair = s->pair;
    uint32_t batch = pair->process->plan->batch;

    s->first = pair->next;
    s->count = batch;
    buf_drop(&s->body, s->body.bytes);
    if (batch > 1)
        buf_put_text(&s->body, TEXT("{\"requests\":["));
    for (uint32_t k = 0; k < batch; k++) {
        pairs_begin(pair);
        if (batch > 1)
            buf_printf(&s->body, "%s{\"do\":\"POST\",\"path\":\"/v1/conversations/%s/messages\",\"body\":",
                       k ? "," : "", pair->who->conversation);
        pairs_write_message(s, s->first + k);
        if (batch > 1)
            buf_put_text(&s->body, TEXT("}"));
    }
    if (batch > 1)
        buf_put_text(&s->body, TEXT("]}"));
    CHECK(!s->body.overflowed);
    s->ask.body = buf_text(&s->body);
    link_ask(pair->from, &s->ask);
}

static void pairs_acked(struct pairs_pair *pair, uint64_t n, uint64_t seq)
{
    struct pairs_process *p = pair->process;
    struct pairs_message *m = &pair->message[n];

    if (m->acked_seq)
        return;
    m->acked_seq = seq;
    if (m->delivered_seq && m->delivered_seq != seq)
        p->result->wrong++;
    p->result->acked++;
    p->result->acked_measured += pairs_is_measured(p, p->now_ns);
    if (pairs_is_measured(p, m->sent_ns))
        tally_add(&p->result->ack, p->now_ns - m->sent_ns);
}

/* True: every message of s is acknowledged. */
static bool pairs_take_answer(struct pairs_send *s)
{
    struct text rest = buf_text(&s->ask.answer), piece;
    uint64_t seq, status, taken = 0;

    if (s->ask.status != 200 && s->ask.status != 201)
        return false;
    if (s->count == 1 && s->pair->process->plan->batch == 1) {
        if (!scan_number(rest, "seq", &seq))
            return false;
        pairs_acked(s->pair, s->first, seq);
        return true;
    }
    for (uint32_t k = 0; (piece = scan_piece(&rest, "{\"status\":")).bytes && k < s->count; k++) {
        if (scan_number(piece, "status", &status) && (status == 200 || status == 201) &&
            scan_number(piece, "seq", &seq)) {
            pairs_acked(s->pair, s->first + k, seq);
            taken++;
        }
    }
    return taken == s->count;
}

static void pairs_answered(struct link_ask *a)
{
    struct pairs_send *s = a->ctx;
    struct pairs_process *p = s->pair->process;

    if (pairs_take_answer(s)) {
        if (p->now_ns < p->stop_ns)
            pairs_send_next(s);
        return;
    }
    pairs_error(p, a);
    s->pair->is_broken |= a->status == 0;
    s->is_waiting = !s->pair->is_broken;
    s->again_ns = p->now_ns + 100 * 1000000u;
}

/* --- receiving ------------------------------------------------------------------------------------------------ */

static void pairs_arrived(struct pairs_pair *pair, struct text event)
{
    struct pairs_process *p = pair->process;
    uint64_t seq = 0, i = 0, n;
    struct key key;

    scan_number(event, "i", &i);
    if (i != ++pair->last_i) {
        p->result->gaps++;
        pair->last_i = i;
    }
    if (!text_equal(scan_word(event, "t"), TEXT("message")) || !scan_number(event, "seq", &seq))
        return;
    if (key_parse(scan_word(event, "key"), &key) != ERR_OK || key.high != pair->key_high ||
        key.low >> 40 != pair->number || (n = key.low & 0xffffffffffu) >= pair->next) {
        p->result->wrong++;
        return;
    }
    struct pairs_message *m = &pair->message[n];
    if (m->delivered_seq) {
        p->result->doubled++;
        return;
    }
    m->delivered_seq = seq;
    p->result->reordered += pair->last_seq && seq != pair->last_seq + 1;
    pair->last_seq = seq;
    p->result->overtaken += n < pair->newest;
    pair->newest = n > pair->newest ? n : pair->newest;
    p->result->wrong += m->acked_seq && m->acked_seq != seq;
    p->result->delivered++;
    p->result->delivered_measured += pairs_is_measured(p, p->now_ns);
    if (pairs_is_measured(p, m->sent_ns))
        tally_add(&p->result->deliver, p->now_ns - m->sent_ns);
}

static void pairs_poll(struct pairs_pair *pair, struct text cursor, uint32_t wait_s)
{
    snprintf(pair->poll_path, sizeof pair->poll_path, "/v1/events?after=%.*s&limit=500&wait=%u",
             (int)cursor.bytes, cursor.at, wait_s);
    pair->is_polling = true;
    link_ask(pair->to, &pair->poll);
}

static void pairs_polled(struct link_ask *a)
{
    struct pairs_pair *pair = a->ctx;
    struct pairs_process *p = pair->process;
    struct text rest = buf_text(&a->answer), cursor = scan_word(rest, "cursor"), event;

    pair->is_polling = false;
    if (a->status != 200 || !cursor.bytes || cursor.bytes > 40) {
        pairs_error(p, a);
        pair->is_broken = true;
        return;
    }
    if (pair->last_i == UINT64_MAX) { /* the answer to after=now: here it begins */
        const char *dot = memchr(cursor.at, '.', cursor.bytes);
        pair->last_i = dot ? strtoull(dot + 1, NULL, 10) : 0;
    } else {
        while ((event = scan_piece(&rest, "{\"i\":")).bytes)
            pairs_arrived(pair, event);
    }
    if (p->now_ns < p->end_ns)
        pairs_poll(pair, cursor, PAIRS_WAIT_S);
}

/* --- the run -------------------------------------------------------------------------------------------------- */

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
    pair->last_i = UINT64_MAX;
    pair->from = link_new(plan->target, p->epoll);
    pair->to = link_new(plan->target, p->epoll);
    CHECK(pair->from && pair->to);
    link_ask_init(&pair->poll);
    pair->poll.method = "GET";
    pair->poll.path = pair->poll_path;
    pair->poll.token = pair->who->to.token;
    pair->poll.done = pairs_polled;
    pair->poll.ctx = pair;
    pair->sends = plan->window / plan->batch ? plan->window / plan->batch : 1;
    pair->send = calloc(pair->sends, sizeof *pair->send);
    CHECK(pair->send);
    for (uint32_t k = 0; k < pair->sends; k++) {
        struct pairs_send *s = &pair->send[k];
        link_ask_init(&s->ask);
        buf_init(&s->body, LINK_ANSWER_BYTES);
        if (plan->batch > 1)
            snprintf(s->path, sizeof s->path, "/v1/batch");
        else
            snprintf(s->path, sizeof s->path, "/v1/conversations/%s/messages", pair->who->conversation);
        s->pair = pair;
        s->ask.method = "POST";
        s->ask.path = s->path;
        s->ask.token = pair->who->from.token;
        s->ask.done = pairs_answered;
        s->ask.ctx = s;
    }
}

/* Ends a pair, and counts what was acknowledged but never came. */
static void pairs_close(struct pairs_pair *pair)
{
    for (uint64_t n = 0; n < pair->next; n++)
        pair->process->result->lost += pair->message[n].acked_seq && !pair->message[n].delivered_seq;
    /* Told of the end as lost connections, which are no errors any more. */
    uint64_t errors = pair->process->result->errors;
    link_free(&pair->from);
    link_free(&pair->to);
    pair->process->result->errors = errors;
    for (uint32_t k = 0; k < pair->sends; k++) {
        link_ask_fini(&pair->send[k].ask);
        buf_fini(&pair->send[k].body);
    }
    link_ask_fini(&pair->poll);
    free(pair->send);
    free(pair->message);
}

static void pairs_turn(struct pairs_process *p, int wait_ms)
{
    struct epoll_event event[PAIRS_EVENTS];
    int count = epoll_wait(p->epoll, event, PAIRS_EVENTS, wait_ms);

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
                link_ask(pair->from, &s->ask);
            }
        }
        if (any)
            link_flush(pair->from);
    }
}

static bool pairs_is_drained(const struct pairs_process *p)
{
    return p->result->acked == p->result->sent && p->result->delivered >= p->result->acked;
}

/* Every receiver's place is known: what is sent from now on must arrive. False: not within half a minute. */
static bool pairs_prepare(struct pairs_process *p)
{
    bool is_ready = false;

    p->end_ns = UINT64_MAX;
    for (uint32_t n = 0; n < p->count; n++) {
        pairs_poll(&p->pair[n], TEXT("now"), 0);
        link_flush(p->pair[n].to);
    }
    for (uint64_t end = tally_now_ns() + 30000000000ull; !is_ready && tally_now_ns() < end;) {
        is_ready = true;
        pairs_turn(p, 100);
        for (uint32_t n = 0; n < p->count; n++)
            is_ready = is_ready && (p->pair[n].is_broken || p->pair[n].last_i != UINT64_MAX);
    }
    return is_ready;
}

static void pairs_work(struct pairs_process *p, atomic_ullong *start)
{
    uint64_t begin, looked_ns = 0;

    atomic_store(&p->result->ready, 1);
    while ((begin = atomic_load(start)) == 0 || tally_now_ns() < begin)
        pairs_turn(p, 1);
    p->measure_ns = begin + p->plan->warm_ns;
    p->stop_ns = p->measure_ns + p->plan->measured_ns;
    p->end_ns = p->stop_ns + p->plan->drain_ns;
    for (uint32_t n = 0; n < p->count; n++) {
        for (uint32_t k = 0; k < p->pair[n].sends; k++)
            pairs_send_next(&p->pair[n].send[k]);
        link_flush(p->pair[n].from);
    }
    while (p->now_ns < p->stop_ns || (p->now_ns < p->end_ns && !pairs_is_drained(p))) {
        pairs_turn(p, 50);
        if (p->now_ns - looked_ns > 50 * 1000000u) {
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
    if (!pairs_prepare(&p)) {
        fprintf(stderr, "posthorn-load: the receivers get no cursor\n");
        _exit(1);
    }
    pairs_work(&p, start);
    for (uint32_t n = 0; n < p.count; n++)
        pairs_close(&p.pair[n]);
    free(p.pair);
    free(p.text);
    close(p.epoll);
}
