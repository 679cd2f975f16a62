/* load/pairs_receive.c - what arrives in the measured work: each message once, at its seq, in an inbox without gaps */
#include "load/pairs_inner.h"

#include "load/scan.h"
#include "model/key.h"

/* An event's place must be the one behind the last. */
static void pairs_count_place(struct pairs_process *p, struct text event, uint64_t *last_i)
{
    uint64_t i = 0;

    scan_number(event, "i", &i);
    if (i != ++*last_i) {
        p->result->gaps++;
        *last_i = i;
    }
}

static void pairs_arrived(struct pairs_pair *pair, struct text event)
{
    struct pairs_process *p = pair->process;
    uint64_t seq = 0, n;
    struct key key;

    pairs_count_place(p, event, &pair->last_i);
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

void pairs_receive(struct receiver *r, struct text json)
{
    struct pairs_pair *pair = r->ctx;
    struct text event;

    r->now_ns = pair->process->now_ns;
    if (pair->last_i == UINT64_MAX)
        pair->last_i = r->first_i;
    while ((event = scan_piece(&json, "{\"i\":")).bytes)
        pairs_arrived(pair, event);
    if (pair->process->now_ns >= pair->process->end_ns)
        r->is_over = true;
}

void pairs_receive_own(struct receiver *r, struct text json)
{
    struct pairs_pair *pair = r->ctx;
    struct pairs_process *p = pair->process;
    struct text event;

    r->now_ns = p->now_ns;
    if (pair->own_last_i == UINT64_MAX)
        pair->own_last_i = r->first_i;
    while ((event = scan_piece(&json, "{\"i\":")).bytes) {
        pairs_count_place(p, event, &pair->own_last_i);
        p->result->own_measured += pairs_is_measured(p, p->now_ns);
    }
}

void pairs_receive_ended(struct receiver *r, struct text why)
{
    struct pairs_pair *pair = r->ctx;

    pairs_error(pair->process, receiver_way_name(r->way), r->path, r->ask.status, why);
    pair->is_broken = true;
}
