/* sim/edge_stream.c - the ways to receive, as api/ has them: a channel each, whose batches take their time */
#include "base/check.h"
#include "sim/edge_inside.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void edge_push(struct edge_stream *s, struct edge_delivery *d)
{
    uint64_t now_us = world_it()->now_us, at_us = now_us + world_between(200, 3000);

    if (at_us <= s->last_us)
        at_us = s->last_us + 1;
    s->last_us = at_us;
    d->device = s->device;
    d->connection = s->connection;
    world_at(at_us - now_us, WORLD_OUTSIDE, edge_calls_of()->delivered, d);
}

static uint64_t edge_number(struct text encoded, const char *field)
{
    const char *at = memmem(encoded.at, encoded.bytes, field, strlen(field));

    return at ? strtoull(at + strlen(field), NULL, 10) : 0;
}

static void edge_take_event(struct edge_delivery *d, struct text encoded)
{
    d->event[d->count].id = edge_number(encoded, "\"id\":\"");
    d->event[d->count].conversation = edge_number(encoded, "\"c\":\"");
    d->event[d->count++].seq = edge_number(encoded, "\"seq\":");
}

static bool edge_batch(struct channel *ch, const struct channel_batch *b)
{
    struct edge_stream *s = (struct edge_stream *)ch;
    struct edge_delivery *d;

    if (s->is_poll && b->count == 0 && b->signals_count == 0)
        return true;
    d = calloc(1, sizeof *d);
    CHECK(d && b->count <= EDGE_EVENTS_MAX);
    d->cursor = b->cursor;
    for (uint32_t k = 0; k < b->count; k++) {
        struct blob *encoded = b->rows ? event_encode(&b->rows[k].event) : NULL;
        edge_take_event(d, blob_text(encoded ? encoded : b->encoded[k]));
        blob_free(&encoded);
    }
    edge_push(s, d);
    if (s->is_poll) {
        channel_end(ch, ERR_CANCELLED);
        return false;
    }
    if (world_chance(950))
        return true;
    struct edge_request *r = calloc(1, sizeof *r);
    CHECK(r);
    *r = (struct edge_request){ .process = s->life->process,
                                .device = s->device,
                                .connection = s->connection };
    world_at(world_between(1, world_it()->is_calm ? 20 : 800) * WORLD_MS, s->life->process, edge_room, r);
    return false;
}

static void edge_ended(struct channel *ch, enum err why)
{
    struct edge_stream *s = (struct edge_stream *)ch;

    world_tell("process %u: connection %" PRIu64 " of user %" PRIu64 " ends: %s", s->life->process,
               s->connection, ch->watcher.user.n, err_code(why));
    if (s->is_poll && (why == ERR_WAIT_OVER || why == ERR_DRAINING) && !ch->at.is_now) {
        struct edge_delivery *d = calloc(1, sizeof *d);
        CHECK(d);
        d->cursor = ch->at;
        edge_push(s, d);
    }
    loop_timer_clear(&s->deadline);
    TAILQ_REMOVE(&s->life->streams, s, all);
    edge_say_ended(s, why, s->last_us > world_it()->now_us ? s->last_us - world_it()->now_us + 1 : 300);
    free(s);
}

static const struct channel_kind edge_stream_kind = { "stream", HUB_STREAM, edge_batch, edge_ended };
static const struct channel_kind edge_poll_kind = { "poll", HUB_POLL, edge_batch, edge_ended };

static void edge_deadline(void *ctx)
{
    struct edge_stream *s = ctx;

    channel_end(&s->channel, ERR_WAIT_OVER);
}

void edge_open(void *request)
{
    struct edge_request *r = request;
    struct edge_life *l = edge_life_of(r->process);
    struct edge_stream *s = calloc(1, sizeof *s);
    struct user_id user = { r->user };
    struct device_id device = { r->device_id };

    CHECK(s);
    s->life = l;
    s->device = r->device;
    s->connection = r->connection;
    s->is_poll = r->is_poll;
    s->channel.events_max = (uint32_t)world_between(1, EDGE_EVENTS_MAX);
    s->channel.bytes_max = LIMIT_STREAM_BYTES;
    TAILQ_INSERT_TAIL(&l->streams, s, all);
    loop_timer_init(&s->deadline, l->loop, edge_deadline, s);
    if (s->is_poll)
        loop_timer_set(&s->deadline, world_between(500, 20000));
    if (l->is_closed)
        s->channel.end = ERR_DRAINING;
    channel_start(&s->channel, &l->place, s->is_poll ? &edge_poll_kind : &edge_stream_kind, user, device,
                  r->after);
    free(r);
}

static struct edge_stream *edge_find(const struct edge_request *r)
{
    struct edge_stream *s;

    TAILQ_FOREACH(s, &edge_life_of(r->process)->streams, all)
    {
        if (s->device == r->device && s->connection == r->connection)
            return s;
    }
    return NULL;
}

void edge_close(void *request)
{
    struct edge_stream *s = edge_find(request);

    if (s)
        channel_end(&s->channel, ERR_CANCELLED);
    free(request);
}

void edge_room(void *request)
{
    struct edge_stream *s = edge_find(request);

    if (s)
        channel_room(&s->channel);
    free(request);
}
