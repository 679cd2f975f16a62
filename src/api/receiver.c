/* api/receiver.c - what the ways to receive have in common */
#include "api/receiver.h"
#include "api/call.h"
#include "api/present.h"
#include "api/problem.h"
#include "api/seen.h"

enum { RETRY_LEAST_MS = 500, RETRY_SPREAD_MS = 2500, BEATS_A_SEEN = 40 };

static void receiver_lost(struct exchange *x, void *ctx)
{
    struct receiver *r = ctx;

    (void)x;
    r->x = NULL;
    channel_end(&r->channel, ERR_CANCELLED);
}

void receiver_start(struct receiver *r, struct api *api, struct exchange *x, const struct channel_kind *kind,
                    const struct receiver_ask *ask)
{
    struct inbox_seq nothing = { 0 };

    r->api = api;
    r->x = x;
    exchange_on_gone(x, receiver_lost, r);
    seen_note(api->seen, ask->user, ask->device, ask->after.is_now ? nothing : ask->after.i);
    channel_start(&r->channel, &api->place, kind, ask->user, ask->device, ask->after);
}

/* A device that only listens is heard of, too. */
static void receiver_tick(void *ctx)
{
    struct receiver *r = ctx;
    struct loop *loop = r->api->place.loop;
    struct inbox_seq nothing = { 0 };
    uint64_t silent_ms = loop_now_ms(loop) - r->said_ms;

    if (++r->beats % BEATS_A_SEEN == 0)
        seen_note(r->api->seen, r->channel.watcher.user, r->channel.watcher.device, nothing);
    if (silent_ms >= LIMIT_HEARTBEAT_MS) {
        r->beat(r);
        r->said_ms = loop_now_ms(loop);
        silent_ms = 0;
    }
    loop_timer_set(&r->timer, LIMIT_HEARTBEAT_MS - silent_ms);
}

void receiver_begun(struct receiver *r, void (*beat)(struct receiver *r))
{
    r->beat = beat;
    loop_timer_init(&r->timer, r->api->place.loop, receiver_tick, r);
    loop_timer_set(&r->timer, LIMIT_HEARTBEAT_MS);
    receiver_said(r);
}

void receiver_said(struct receiver *r)
{
    r->said_ms = loop_now_ms(r->api->place.loop);
}

void receiver_refuse(struct receiver *r, enum err why)
{
    struct exchange *x = r->x;

    r->x = NULL;
    exchange_on_gone(x, NULL, NULL);
    problem_respond(x, why == ERR_WAIT_OVER ? ERR_BUSY : why, ""); /* others of the device took its place */
}

void receiver_fini(struct receiver *r)
{
    if (r->timer.loop)
        loop_timer_clear(&r->timer);
}

struct blob *receiver_events(struct api *api, const struct channel_batch *b, bool is_poll)
{
    struct buf out;
    struct json j;

    buf_init(&out, CALL_ANSWER_BYTES_MAX);
    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "events");
    for (uint32_t k = 0; k < b->count; k++) {
        if (b->rows)
            present_event(&j, b->rows[k].i, &b->rows[k].event);
        else
            present_encoded(&j, channel_batch_i(b, k), blob_text(b->encoded[k]));
    }
    json_close(&j);
    present_cursor(&j, "cursor", b->cursor.timeline, b->cursor.i);
    if (is_poll) {
        receiver_put_signals(&j, b->signals, b->signals_count);
        api->stats.signals += b->signals_count;
        json_bool(&j, "more", b->more);
        json_number(&j, "retry_ms", api_sends_away(api) ? receiver_retry_ms(ERR_DRAINING) : 0);
    }
    json_close(&j);
    CHECK(!out.overflowed); /* batches are far smaller */
    api->stats.events += b->count;
    struct blob *blob = blob_copy(buf_text(&out));
    buf_fini(&out);
    return blob;
}

uint32_t receiver_signals(struct api *api, const struct channel_batch *b, size_t unsent_bytes)
{
    bool has_room = unsent_bytes < LIMIT_SIGNALS_UNSENT_BYTES;

    if (has_room)
        api->stats.signals += b->signals_count;
    else
        api->stats.signals_dropped += b->signals_count;
    return has_room ? b->signals_count : 0;
}

struct text receiver_signal(const struct blob *signal)
{
    static const char head[] = "{\"signal\":";
    size_t skip = sizeof head - 1;

    CHECK(signal->bytes > skip + 1 && memcmp(signal->at, head, skip) == 0);
    return (struct text){ signal->at + skip, signal->bytes - skip - 1 };
}

void receiver_put_signals(struct json *j, const struct blob *const *signals, uint32_t count)
{
    if (count == 0)
        return;
    json_array(j, "signals");
    for (uint32_t k = 0; k < count; k++)
        json_raw(j, NULL, receiver_signal(signals[k]));
    json_close(j);
}

void receiver_head(const struct receiver *r, struct json *j)
{
    struct cursor newest = channel_newest(&r->channel);

    json_string(j, "t", TEXT("head"));
    present_cursor(j, "cursor", newest.timeline, newest.i);
}

uint32_t receiver_retry_ms(enum err why)
{
    bool is_jittered = why == ERR_DRAINING || err_may_retry(why);

    return is_jittered ? RETRY_LEAST_MS + (uint32_t)(secret_random_u64() % RETRY_SPREAD_MS) : 0;
}

const char *receiver_end_word(enum err why)
{
    if (why == ERR_DRAINING)
        return NULL;
    if (why == ERR_UNAUTHORIZED)
        return "revoked";
    if (why == ERR_WAIT_OVER)
        return "replaced";
    return err_code(why);
}
