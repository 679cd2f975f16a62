/* api/poll.c - long polling: an answer as soon as there is something, be it a signal, or an empty one at the end of the wait */
#include "api/receiver.h"
#include <stdlib.h>

struct poll {
    struct receiver r; /* first */
};

static void poll_answer(struct poll *p, const struct channel_batch *b)
{
    struct exchange *x = p->r.x;

    p->r.x = NULL;
    exchange_on_gone(x, NULL, NULL);
    exchange_respond(x, 200, NULL, 0, receiver_events(p->r.api, b, true));
}

static bool poll_batch(struct channel *ch, const struct channel_batch *b)
{
    struct poll *p = (struct poll *)ch;

    if (p->r.x && b->count + b->signals_count > 0)
        poll_answer(p, b);
    if (!p->r.x)
        channel_end(ch, ERR_CANCELLED);
    return p->r.x;
}

static void poll_ended(struct channel *ch, enum err why)
{
    struct poll *p = (struct poll *)ch;
    struct channel_batch nothing = { .cursor = ch->at };

    if (p->r.x && (why == ERR_WAIT_OVER || why == ERR_DRAINING) && !ch->at.is_now) {
        poll_answer(p, &nothing);
    } else if (p->r.x) {
        receiver_refuse(&p->r, why);
    }
    receiver_fini(&p->r);
    free(p);
}

static void poll_deadline(void *ctx)
{
    struct poll *p = ctx;

    channel_end(&p->r.channel, ERR_WAIT_OVER);
}

void poll_open(struct api *api, struct exchange *x, const struct receiver_ask *ask)
{
    static const struct channel_kind kind = { "poll", HUB_POLL, poll_batch, poll_ended };
    struct poll *p = calloc(1, sizeof *p);

    CHECK(p);
    p->r.channel.events_max = ask->limit;
    p->r.channel.bytes_max = LIMIT_EVENTS_ANSWER_BYTES;
    loop_timer_init(&p->r.timer, api->place.loop, poll_deadline, p);
    loop_timer_set(&p->r.timer, ask->wait_ms);
    exchange_trusted(x);
    exchange_forget(x);
    receiver_start(&p->r, api, x, &kind, ask);
}
