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

/* The message that an event is; NULL: none of this pair's. */
static struct pairs_message *pairs_find(struct pairs_pair *pair, struct text event, uint64_t *n)
{
    struct key key;

    if (key_parse(scan_word(event, "key"), &key) != ERR_OK || key.high != pair->key_high ||
        key.low >> 40 != pair->number)
        return NULL;
    *n = key.low & 0xffffffffffu;
    return *n < pair->next ? &pair->message[*n] : NULL;
}

static void pairs_arrived(struct pairs_receiver *to, struct text event)
{
    struct pairs_pair *pair = to->pair;
    struct pairs_process *p = pair->process;
    uint64_t seq = 0, n = 0;

    pairs_count_place(p, event, &to->last_i);
    if (!text_equal(scan_word(event, "t"), TEXT("message")) || !scan_number(event, "seq", &seq))
        return;
    struct pairs_message *m = pairs_find(pair, event, &n);
    if (!m) {
        p->result->wrong++;
        return;
    }
    if (seq <= to->last_seq) {
        p->result->doubled += m->delivered_seq == seq;
        p->result->reordered += m->delivered_seq != seq;
        return;
    }
    p->result->reordered += to->last_seq && seq != to->last_seq + 1;
    to->last_seq = seq;
    p->result->overtaken += n < to->newest;
    to->newest = n > to->newest ? n : to->newest;
    p->result->wrong +=
        (m->acked_seq && m->acked_seq != seq) || (m->delivered_seq && m->delivered_seq != seq);
    m->delivered_seq = seq;
    m->delivered++;
    p->result->delivered++;
    p->result->delivered_measured += pairs_is_measured(p, p->now_ns);
    if (pairs_is_measured(p, m->sent_ns))
        tally_add(&p->result->deliver, p->now_ns - m->sent_ns);
}

uint32_t pairs_plant(struct pairs_process *p)
{
    static const uint64_t planted = 50;

    if (++p->came != planted || !p->plan->plant)
        return 1;
    return *p->plan->plant == 'l' ? 0 : 2;
}

void pairs_receive(struct receiver *r, struct text json)
{
    struct pairs_receiver *to = r->ctx;
    struct pairs_process *p = to->pair->process;
    struct text event;

    r->now_ns = p->now_ns;
    if (to->last_i == UINT64_MAX)
        to->last_i = r->first_i;
    while ((event = scan_piece(&json, "{\"i\":")).bytes)
        for (uint32_t times = pairs_plant(p); times > 0; times--)
            pairs_arrived(to, event);
    if (p->now_ns >= p->end_ns)
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

static void pairs_broke(struct pairs_pair *pair, const struct receiver *r, struct text why)
{
    pairs_error(pair->process, receiver_way_name(r->way), r->path, r->ask.status, why);
    pair->is_broken = true;
}

void pairs_receive_ended(struct receiver *r, struct text why)
{
    const struct pairs_receiver *to = r->ctx;

    pairs_broke(to->pair, r, why);
}

void pairs_receive_own_ended(struct receiver *r, struct text why)
{
    pairs_broke(r->ctx, r, why);
}
