/* load/pairs_signals.c - typing instead of messages: what was said, and to how many it came
 *
 * A signal names the conversation and who types, and no number: it is held to be the one behind the last that came.
 * Signals may be dropped, so the ones behind one that was would seem late: what was said longer ago than a second is
 * no longer waited for when times are taken, nor by the window: a signal is open until all have heard it. More signals
 * than were said are doubled ones.
 */
#include "load/pairs_inner.h"

#include "load/scan.h"

static const uint64_t pairs_signals_late_ns = 1000000000u;

void pairs_signals_go(struct pairs_pair *pair)
{
    struct pairs_process *p = pair->process;
    bool any = false;

    while (pair->closed < pair->next) {
        const struct pairs_message *m = &pair->message[pair->closed];
        if (m->delivered < pair->who->to_count && m->sent_ns + pairs_signals_late_ns > p->now_ns)
            break;
        pair->closed++;
    }
    for (uint32_t k = 0; k < pair->sends && p->now_ns < p->stop_ns && !pair->is_broken; k++) {
        if (pair->send[k].is_open || pair->next - pair->closed >= pair->sends)
            continue;
        pairs_send_next(&pair->send[k], p->now_ns);
        any = true;
    }
    if (any)
        link_flush(pair->from);
}

static void pairs_signals_one(struct pairs_receiver *to, struct text signal)
{
    struct pairs_pair *pair = to->pair;
    struct pairs_process *p = pair->process;

    if (!text_equal(scan_word(signal, "c"), text_of(pair->who->conversation)) ||
        !text_equal(scan_word(signal, "user"), text_of(pair->who->from.id))) {
        p->result->wrong++;
        return;
    }
    if (to->heard == pair->next) {
        p->result->doubled++;
        return;
    }
    to->heard++;
    p->result->delivered++;
    p->result->delivered_measured += pairs_is_measured(p, p->now_ns);
    to->newest = to->newest < to->heard ? to->heard : to->newest + 1;
    while (to->newest < pair->next &&
           pair->message[to->newest - 1].sent_ns + pairs_signals_late_ns < p->now_ns)
        to->newest++;
    to->newest = to->newest < pair->next ? to->newest : pair->next;
    pair->message[to->newest - 1].delivered++;
    uint64_t sent_ns = pair->message[to->newest - 1].sent_ns;
    if (pairs_is_measured(p, sent_ns))
        tally_add(&p->result->deliver, p->now_ns - sent_ns);
}

void pairs_signals_receive(struct receiver *r, struct text json)
{
    struct pairs_receiver *to = r->ctx;
    struct text signal;

    while ((signal = scan_piece(&json, "{\"t\":\"typing\"")).bytes)
        for (uint32_t times = pairs_plant(to->pair->process); times > 0; times--)
            pairs_signals_one(to, signal);
    if (!to->pair->process->plan->rate)
        pairs_signals_go(to->pair);
}

void pairs_signals_close(struct pairs_pair *pair)
{
    struct pairs_result *r = pair->process->result;
    uint64_t acked = 0;

    for (uint64_t n = 0; n < pair->next; n++)
        acked += pair->message[n].acked_seq != 0;
    for (uint32_t k = 0; k < pair->who->to_count; k++) {
        uint64_t heard = pair->receiver[k].heard;
        r->dropped += heard < acked ? acked - heard : 0;
    }
}
