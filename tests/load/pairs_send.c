/* load/pairs_send.c - the senders of the measured work: an answered send is followed by the next */
#include "load/pairs_inner.h"

#include "base/check.h"
#include "load/scan.h"
#include "model/key.h"
#include <stdio.h>
#include <stdlib.h>

static void pairs_begin_message(struct pairs_pair *pair, uint64_t due_ns)
{
    if (pair->next == pair->room) {
        pair->room = pair->room ? 2 * pair->room : 1024;
        pair->message = realloc(pair->message, pair->room * sizeof *pair->message);
        CHECK(pair->message);
    }
    pair->message[pair->next++] = (struct pairs_message){ .sent_ns = due_ns };
    pair->process->result->sent++;
}

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

void pairs_send_again(struct pairs_send *s)
{
    struct pairs_pair *pair = s->pair;

    if (pair->process->plan->by_frames)
        receiver_do(&pair->frames, (uint32_t)(s - pair->send), s->path, s->ask.body);
    else
        link_ask(pair->from, &s->ask);
}

static void pairs_send_body(struct pairs_send *s)
{
    CHECK(!s->body.overflowed);
    s->ask.body = buf_text(&s->body);
    pairs_send_again(s);
}

void pairs_send_next(struct pairs_send *s, uint64_t due_ns)
{
    struct pairs_pair *pair = s->pair;
    uint32_t batch = pair->process->plan->batch;

    s->is_open = true;
    s->first = pair->next;
    s->count = batch;
    buf_drop(&s->body, s->body.bytes);
    if (pair->process->plan->is_signals) {
        pairs_begin_message(pair, due_ns);
        buf_put_text(&s->body, TEXT("{}"));
        pairs_send_body(s);
        return;
    }
    if (batch > 1)
        buf_put_text(&s->body, TEXT("{\"requests\":["));
    for (uint32_t k = 0; k < batch; k++) {
        pairs_begin_message(pair, due_ns);
        if (batch > 1)
            buf_printf(&s->body, "%s{\"do\":\"POST\",\"path\":\"/v1/conversations/%s/messages\",\"body\":",
                       k ? "," : "", pair->who->conversation);
        pairs_write_message(s, s->first + k);
        if (batch > 1)
            buf_put_text(&s->body, TEXT("}"));
    }
    if (batch > 1)
        buf_put_text(&s->body, TEXT("]}"));
    pairs_send_body(s);
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
    p->result->wanted += pair->who->to_count;
    p->result->acked_measured += pairs_is_measured(p, p->now_ns);
    if (pairs_is_measured(p, m->sent_ns))
        tally_add(&p->result->ack, p->now_ns - m->sent_ns);
}

/* True: every message of s is acknowledged. */
static bool pairs_take_answer(struct pairs_send *s, int status, struct text rest)
{
    struct text piece;
    uint64_t seq, one, taken = 0;

    if (s->pair->process->plan->is_signals) {
        if (status == 202)
            pairs_acked(s->pair, s->first, s->first + 1); /* it has no seq: any number does */
        return status == 202;
    }
    if (status != 200 && status != 201)
        return false;
    if (s->count == 1 && s->pair->process->plan->batch == 1) {
        if (!scan_number(rest, "seq", &seq))
            return false;
        pairs_acked(s->pair, s->first, seq);
        return true;
    }
    for (uint32_t k = 0; (piece = scan_piece(&rest, "{\"status\":")).bytes && k < s->count; k++) {
        if (scan_number(piece, "status", &one) && (one == 200 || one == 201) &&
            scan_number(piece, "seq", &seq)) {
            pairs_acked(s->pair, s->first + k, seq);
            taken++;
        }
    }
    return taken == s->count;
}

static void pairs_answer(struct pairs_send *s, int status, struct text answer)
{
    struct pairs_process *p = s->pair->process;

    if (pairs_take_answer(s, status, answer)) {
        s->is_open = false;
        if (p->plan->rate)
            pairs_rate_freed(s);
        else if (p->plan->is_signals)
            pairs_signals_go(s->pair);
        else if (p->now_ns < p->stop_ns)
            pairs_send_next(s, p->now_ns);
        return;
    }
    pairs_error(p, s->ask.method, s->path, status, answer);
    s->pair->is_broken |= status == 0;
    s->is_waiting = !s->pair->is_broken;
    s->again_ns = p->now_ns + 100 * 1000000u;
}

static void pairs_answered(struct link_ask *a)
{
    pairs_answer(a->ctx, a->status, buf_text(&a->answer));
}

void pairs_send_framed(struct receiver *r, struct text json)
{
    struct pairs_pair *pair = r->ctx;
    uint64_t id, status;

    if (!scan_number(json, "id", &id) || id >= pair->sends || !scan_number(json, "status", &status)) {
        pairs_error(pair->process, "frame", "", 0, json);
        return;
    }
    pairs_answer(&pair->send[id], (int)status, json);
}

void pairs_send_init(struct pairs_send *s, struct pairs_pair *pair)
{
    link_ask_init(&s->ask);
    buf_init(&s->body, LINK_ANSWER_BYTES);
    if (pair->process->plan->batch > 1)
        snprintf(s->path, sizeof s->path, "/v1/batch");
    else
        snprintf(s->path, sizeof s->path, "/v1/conversations/%s/%s", pair->who->conversation,
                 pair->process->plan->is_signals ? "typing" : "messages");
    s->pair = pair;
    s->ask.method = "POST";
    s->ask.path = s->path;
    s->ask.token = pair->who->from.token;
    s->ask.done = pairs_answered;
    s->ask.ctx = s;
}

void pairs_send_fini(struct pairs_send *s)
{
    link_ask_fini(&s->ask);
    buf_fini(&s->body);
}
