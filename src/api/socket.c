/* api/socket.c - WebSocket: events as they come, and every verb in frames, both on one connection
 *
 * Once the cursor was found good the WebSocket is accepted; from then on it is two things: a channel that hands on
 * events (and ends when the session, the node or the connection does), and the carrier of calls, at most
 * LIMIT_SOCKET_CALLS at once. It is freed when both the channel and the WebSocket are over; calls that are still
 * under way then lose their asker, and run to their end.
 */
#include "api/frame.h"
#include "api/problem.h"
#include "api/receiver.h"
#include "api/seen.h"
#include "net/websocket.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

enum { SOCKET_REASON_BYTES = 32, SOCKET_TOKEN_BYTES = SESSIONS_TOKEN_TEXT };

/* One verb under way: a call's carrier. */
struct socket_call {
    LIST_ENTRY(socket_call) link;
    struct socket *socket;
    struct call *call;
    uint64_t id;
};
LIST_HEAD(socket_calls, socket_call);

struct socket {
    struct receiver r; /* first */
    struct websocket *ws; /* NULL: not accepted yet, or over */
    struct socket_calls calls;
    uint32_t calls_count;
    bool is_paused, by_cookie;
    bool has_begun, is_over; /* is_over: the channel has ended */
    char token[SOCKET_TOKEN_BYTES];
};

static void socket_free_when_over(struct socket *s)
{
    if (!s->is_over || s->ws)
        return;
    receiver_fini(&s->r);
    free(s);
}

/* Verbs that nobody reads the answers of, and verbs beyond the bound, wait in the network. */
static void socket_look_at_load(struct socket *s)
{
    bool is_full = s->calls_count >= LIMIT_SOCKET_CALLS || websocket_unsent(s->ws) >= LIMIT_UNSENT_BYTES;

    if (is_full == s->is_paused)
        return;
    s->is_paused = is_full;
    websocket_pause(s->ws, is_full);
}

static void socket_send(struct socket *s, struct blob *frame)
{
    websocket_send(s->ws, frame);
    receiver_said(&s->r);
}

static void socket_answered(struct call *c, void *carrier)
{
    struct socket_call *one = carrier;
    struct socket *s = one->socket;

    LIST_REMOVE(one, link);
    s->calls_count--;
    if (c->err)
        problem_write(c);
    if (s->ws) {
        socket_send(s, frame_answer(one->id, c->status, buf_text(&c->out)));
        socket_look_at_load(s);
    }
    free(one);
}

static void socket_call(struct socket *s, const struct frame *f)
{
    struct socket_call *one = calloc(1, sizeof *one);
    struct call *c;

    CHECK(one);
    one->socket = s;
    one->id = f->id;
    one->call = c = call_new(s->r.api, socket_answered, one);
    LIST_INSERT_HEAD(&s->calls, one, link);
    s->calls_count++;
    s->r.api->stats.frames++;
    call_ask(c, f->method, f->path, f->body);
    c->peer = arena_copy(&c->arena, s->r.x ? exchange_peer(s->r.x) : TEXT(""));
    c->token = arena_copy(&c->arena, (struct text){ s->token, sizeof s->token });
    c->by_cookie = s->by_cookie;
    c->is_framed = true;
    call_start(c, ERR_OK);
}

static void socket_refuse(struct socket *s, const struct frame *f, enum err err, const char *field)
{
    socket_send(s, frame_refusal(f, err, field));
}

/* What the device has taken: not more than it was given. */
static void socket_acknowledge(struct socket *s, const struct frame *f)
{
    const struct channel *ch = &s->r.channel;
    struct cursor taken;
    enum err err = cursor_parse(f->ack, &taken);

    if (!err && (taken.is_now || taken.timeline != ch->at.timeline || taken.i.n > ch->at.i.n))
        err = ERR_BAD_CURSOR;
    if (err)
        socket_refuse(s, f, err, "ack");
    else
        seen_note(s->r.api->seen, ch->watcher.user, ch->watcher.device, taken.i);
}

static void socket_message(struct websocket *w, bool is_text, struct text message, void *ctx)
{
    struct socket *s = ctx;
    struct arena arena = { 0 };
    struct frame f;
    char field[FRAME_FIELD_MAX];
    enum err err = frame_read(message, &arena, &f, field);

    (void)w;
    (void)is_text;
    if (err)
        socket_refuse(s, &f, err, field);
    else if (f.ack.at)
        socket_acknowledge(s, &f);
    else
        socket_call(s, &f);
    arena_fini(&arena);
    socket_look_at_load(s);
}

static void socket_room(struct websocket *w, void *ctx)
{
    struct socket *s = ctx;

    (void)w;
    channel_room(&s->r.channel);
    socket_look_at_load(s);
}

/* The calls run to their end, and tell nobody. */
static void socket_leave_calls(struct socket *s)
{
    struct socket_call *one;

    while ((one = LIST_FIRST(&s->calls))) {
        LIST_REMOVE(one, link);
        call_gone(one->call);
        free(one);
    }
    s->calls_count = 0;
}

static void socket_closed(struct websocket *w, uint16_t code, void *ctx)
{
    struct socket *s = ctx;

    (void)w;
    (void)code;
    s->ws = NULL;
    s->r.x = NULL;
    socket_leave_calls(s);
    if (s->is_over)
        socket_free_when_over(s);
    else
        channel_end(&s->r.channel, ERR_CANCELLED);
}

/* A ping tells networks that this is in use, and whether the other end still is; the signal tells a page. */
static void socket_beat(struct receiver *r)
{
    struct socket *s = (struct socket *)r;

    if (!s->ws)
        return;
    if (loop_now_ms(r->api->place.loop) - websocket_heard_ms(s->ws) > LIMIT_SOCKET_QUIET_MS) {
        channel_end(&r->channel, ERR_TIMEOUT);
        return;
    }
    websocket_ping(s->ws);
    socket_send(s, frame_head(r));
}

static void socket_begin(struct socket *s)
{
    static const struct websocket_events events = { socket_message, socket_room, socket_closed };

    s->has_begun = true;
    s->r.api->stats.sockets++;
    exchange_trusted(s->r.x);
    s->ws = websocket_accept(s->r.x, TEXT(FRAME_PROTOCOL), false, &events, s);
    receiver_begun(&s->r, socket_beat);
}

static bool socket_batch(struct channel *ch, const struct channel_batch *b)
{
    struct socket *s = (struct socket *)ch;
    bool is_first = !s->has_begun;
    uint32_t signals;

    if (is_first && s->r.x)
        socket_begin(s);
    if (!s->ws)
        return false;
    signals = receiver_signals(s->r.api, b, websocket_unsent(s->ws));
    if (b->count > 0 || is_first)
        socket_send(s, receiver_events(s->r.api, b, false));
    for (uint32_t k = 0; k < signals; k++)
        socket_send(s, blob_ref((struct blob *)b->signals[k]));
    return websocket_unsent(s->ws) < LIMIT_UNSENT_BYTES;
}

static enum websocket_code socket_code(enum err why)
{
    if (why == ERR_UNAUTHORIZED)
        return WEBSOCKET_POLICY;
    if (why == ERR_WAIT_OVER || why == ERR_TIMEOUT)
        return WEBSOCKET_GOING;
    return why == ERR_DRAINING || why == ERR_RESYNC ? WEBSOCKET_RESTART : WEBSOCKET_TRY_LATER;
}

static void socket_ended(struct channel *ch, enum err why)
{
    struct socket *s = (struct socket *)ch;
    const char *word = receiver_end_word(why);
    char reason[SOCKET_REASON_BYTES];

    s->is_over = true;
    if (s->ws) {
        if (word)
            snprintf(reason, sizeof reason, "%s", word);
        else
            snprintf(reason, sizeof reason, "retry=%u", receiver_retry_ms(why));
        loop_timer_clear(&s->r.timer);
        websocket_close(s->ws, socket_code(why), reason);
    } else if (s->r.x && !s->has_begun) {
        receiver_refuse(&s->r, why);
    }
    socket_free_when_over(s);
}

/* Whether the list of subprotocols has ours (RFC 6455 4.1). */
static bool socket_speaks(struct text list)
{
    while (list.bytes) {
        const char *comma = memchr(list.at, ',', list.bytes);
        struct text one = { list.at, comma ? (size_t)(comma - list.at) : list.bytes };
        size_t used = one.bytes + (comma != NULL);

        list = (struct text){ list.at + used, list.bytes - used };
        while (one.bytes && (*one.at == ' ' || *one.at == '\t'))
            one = (struct text){ one.at + 1, one.bytes - 1 };
        while (one.bytes && (one.at[one.bytes - 1] == ' ' || one.at[one.bytes - 1] == '\t'))
            one.bytes--;
        if (text_equal(one, TEXT(FRAME_PROTOCOL)))
            return true;
    }
    return false;
}

void socket_open(struct api *api, struct exchange *x, const struct receiver_ask *ask)
{
    static const struct channel_kind kind = { "socket", HUB_STREAM, socket_batch, socket_ended };
    const struct exchange_head *h = exchange_head(x);
    struct socket *s;

    if (!text_equal(h->websocket_version, TEXT("13"))) {
        problem_respond(x, ERR_UPGRADE_REQUIRED, "sec-websocket-version");
        return;
    }
    if (!socket_speaks(h->websocket_protocol)) {
        problem_respond(x, ERR_BAD_REQUEST, "sec-websocket-protocol");
        return;
    }
    s = calloc(1, sizeof *s);
    CHECK(s && ask->token.bytes == sizeof s->token);
    memcpy(s->token, ask->token.at, sizeof s->token);
    s->by_cookie = ask->by_cookie;
    LIST_INIT(&s->calls);
    s->r.channel.events_max = LIMIT_STREAM_EVENTS;
    s->r.channel.bytes_max = LIMIT_STREAM_BYTES;
    receiver_start(&s->r, api, x, &kind, ask);
}
