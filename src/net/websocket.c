/* net/websocket.c - WebSocket on an exchange that has become a tunnel
 *
 * Input is read frame by frame; each message is told as it ends. It is over when both Close frames have passed, when
 * the peer broke a rule (we say which, and end), when it did not answer our Close frame, or when the connection is
 * lost: then closed() is the last that is heard of it. What has to happen later than the call that asks for it (to
 * go on with input that was kept, to try a pong again, to give up waiting) is done by a clock. What only some need,
 * the clock and the state inside a message, exists only as long as it is needed: most WebSockets are silent.
 */
#include "net/websocket.h"
#include "limits.h"
#include "net/conn.h"
#include "net/wsframe.h"

enum {
    WEBSOCKET_CLOSE_MS = 5 * 1000,
    WEBSOCKET_PONG_RETRY_MS = 50,
    WEBSOCKET_PONG_BYTES = 4096, /* unsent, beyond which only the newest pong is kept */
    WEBSOCKET_KEPT_BYTES = 64 * 1024 + LIMIT_SOCKET_BYTES, /* what comes after the net was told to pause */
};

/* What few WebSockets need, and those not for long. */
struct later {
    struct loop_timer timer;
    uint64_t close_at_ms, pong_at_ms; /* UINT64_MAX: not waited for */
    struct blob *pong; /* the newest one, which could not leave at once */
    struct buf kept; /* input that came while paused */
};

struct websocket {
    struct exchange *x;
    const struct websocket_events *events;
    void *ctx;
    struct wsframe *in; /* NULL: between messages */
    struct later *later; /* NULL: nothing waits */
    uint64_t heard_ms;
    bool takes_binary, is_paused, is_resuming, is_closing;
    bool is_ended; /* the peer's end came while paused */
};

static struct loop *loop_of(const struct websocket *w)
{
    return w->x->set->loop;
}

static void on_clock(void *ctx);

static struct later *later_of(struct websocket *w)
{
    if (w->later)
        return w->later;
    w->later = malloc(sizeof(*w->later));
    CHECK(w->later);
    w->later->close_at_ms = w->later->pong_at_ms = UINT64_MAX;
    w->later->pong = NULL;
    buf_init(&w->later->kept, WEBSOCKET_KEPT_BYTES);
    loop_timer_init(&w->later->timer, loop_of(w), on_clock, w);
    return w->later;
}

static void drop_later(struct websocket *w)
{
    if (!w->later)
        return;
    loop_timer_clear(&w->later->timer);
    blob_free(&w->later->pong);
    buf_fini(&w->later->kept);
    free(w->later);
    w->later = NULL;
}

/* Sets the timer for what is due next; forgets all of it when nothing waits. */
static void wind_clock(struct websocket *w)
{
    uint64_t now = loop_now_ms(loop_of(w)), at = w->is_resuming ? now : UINT64_MAX;

    if (w->later->close_at_ms < at)
        at = w->later->close_at_ms;
    if (w->later->pong_at_ms < at)
        at = w->later->pong_at_ms;
    if (at != UINT64_MAX)
        loop_timer_set(&w->later->timer, at > now ? at - now : 0);
    else if (w->later->kept.bytes == 0)
        drop_later(w);
}

static bool has_kept(const struct websocket *w)
{
    return w->later && w->later->kept.bytes;
}

static void drop_in(struct websocket *w)
{
    if (w->in)
        wsframe_fini(w->in);
    free(w->in);
    w->in = NULL;
}

static void free_it(struct websocket *w)
{
    drop_later(w);
    drop_in(w);
    free(w);
}

/* The last word; w is gone after it. */
static void over(struct websocket *w, uint16_t code)
{
    w->events->closed(w, code, w->ctx);
    free_it(w);
}

/* One piece, as control frames are too short for two. */
static void write_control(struct websocket *w, enum wsframe_opcode opcode, struct text payload)
{
    uint8_t head[WSFRAME_HEAD_BYTES];
    size_t head_bytes = wsframe_head(head, opcode, payload.bytes);
    struct blob *b = blob_new(head_bytes + payload.bytes);

    memcpy(b->at, head, head_bytes);
    if (payload.bytes)
        memcpy(b->at + head_bytes, payload.at, payload.bytes);
    exchange_write(w->x, b);
}

static void write_close(struct websocket *w, uint16_t code, struct text reason)
{
    char payload[WSFRAME_CONTROL_BYTES] = { (char)(code >> 8), (char)(code & 0xff) };

    CHECK(reason.bytes <= WSFRAME_REASON_BYTES);
    if (reason.bytes)
        memcpy(payload + 2, reason.at, reason.bytes);
    write_control(w, WSFRAME_CLOSE, (struct text){ payload, code == WSFRAME_NO_CODE ? 0 : 2 + reason.bytes });
}

static void forget_pong(struct websocket *w)
{
    if (!w->later)
        return;
    blob_free(&w->later->pong);
    w->later->pong_at_ms = UINT64_MAX;
}

/* Whoever pings and does not read gets one pong, not as many as he asked for. */
static void send_pong(struct websocket *w, struct text payload)
{
    struct later *l;

    if (exchange_unsent(w->x) <= WEBSOCKET_PONG_BYTES) {
        write_control(w, WSFRAME_PONG, payload);
        forget_pong(w);
        return;
    }
    l = later_of(w);
    if (!l->pong || payload.at != l->pong->at) {
        blob_free(&l->pong);
        l->pong = blob_copy(payload);
    }
    l->pong_at_ms = loop_now_ms(loop_of(w)) + WEBSOCKET_PONG_RETRY_MS;
}

/* The peer is not worth waiting for. */
static void cut(struct websocket *w, uint16_t code)
{
    exchange_on_gone(w->x, NULL, NULL);
    exchange_abort(w->x);
    over(w, code);
}

/* Ends our side, too, when what was written has left. */
static void finish(struct websocket *w, uint16_t code)
{
    exchange_on_gone(w->x, NULL, NULL);
    exchange_finish(w->x);
    over(w, code);
}

/* What one frame or message said; false: w is gone. */
static bool take(struct websocket *w, const struct wsframe_event *e)
{
    switch (e->what) {
    case WSFRAME_IS_MORE:
    case WSFRAME_IS_PONG:
        break;
    case WSFRAME_IS_TEXT:
    case WSFRAME_IS_BINARY:
        if (!w->is_closing)
            w->events->message(w, e->what == WSFRAME_IS_TEXT, e->payload, w->ctx);
        break;
    case WSFRAME_IS_PING:
        if (!w->is_closing)
            send_pong(w, e->payload);
        break;
    case WSFRAME_IS_CLOSE:
        if (!w->is_closing)
            write_close(w, e->code, (struct text){ NULL, 0 });
        finish(w, e->code);
        return false;
    case WSFRAME_IS_BAD:
        if (!w->is_closing)
            write_close(w, e->code, (struct text){ NULL, 0 });
        finish(w, e->code);
        return false;
    }
    return true;
}

/* Returns how many bytes were used: not all of them when it was paused meanwhile; SIZE_MAX: w is gone. */
static size_t read_frames(struct websocket *w, struct text bytes)
{
    struct wsframe fresh;
    size_t i = 0;

    wsframe_init(&fresh, w->takes_binary);
    while (i < bytes.bytes && !w->is_paused) {
        struct wsframe_event e;

        i += wsframe_read(w->in ? w->in : &fresh, (struct text){ bytes.at + i, bytes.bytes - i }, &e);
        if (!take(w, &e)) {
            wsframe_fini(&fresh);
            return SIZE_MAX;
        }
    }
    if (w->in) {
        wsframe_taken(w->in);
        if (wsframe_is_idle(w->in))
            drop_in(w);
        return i;
    }
    wsframe_taken(&fresh);
    if (wsframe_is_idle(&fresh))
        return i;
    w->in = malloc(sizeof(*w->in));
    CHECK(w->in);
    *w->in = fresh;
    return i;
}

static void on_input(struct exchange *x, struct text bytes, void *ctx)
{
    struct websocket *w = ctx;
    size_t used = 0;

    (void)x;
    w->heard_ms = loop_now_ms(loop_of(w));
    if (!bytes.at && (has_kept(w) || w->is_paused)) {
        w->is_ended = true;
        return;
    }
    if (!bytes.at) {
        finish(w, WEBSOCKET_LOST);
        return;
    }
    if (!has_kept(w))
        used = read_frames(w, bytes);
    if (used == SIZE_MAX)
        return;
    if (used < bytes.bytes)
        buf_put(&later_of(w)->kept, bytes.at + used, bytes.bytes - used);
    if (w->later && w->later->kept.overflowed) { /* the net promised not to let this happen */
        cut(w, WEBSOCKET_TOO_BIG);
        return;
    }
    if (w->later)
        wind_clock(w);
}

/* Goes on with what was kept; false: w is gone. */
static bool resume(struct websocket *w)
{
    size_t used;

    w->is_resuming = false;
    if (has_kept(w)) {
        used = read_frames(w, buf_text(&w->later->kept));
        if (used == SIZE_MAX)
            return false;
        buf_drop(&w->later->kept, used);
    }
    if (w->is_paused)
        return true;
    if (w->is_ended) {
        finish(w, WEBSOCKET_LOST);
        return false;
    }
    exchange_pause(w->x, false);
    return true;
}

static void on_clock(void *ctx)
{
    struct websocket *w = ctx;
    uint64_t now = loop_now_ms(loop_of(w));

    if (w->is_resuming && !resume(w))
        return;
    if (w->later->close_at_ms <= now) {
        cut(w, WEBSOCKET_LOST);
        return;
    }
    if (w->later->pong)
        send_pong(w, blob_text(w->later->pong));
    wind_clock(w);
}

static void on_room(struct exchange *x, void *ctx)
{
    struct websocket *w = ctx;

    (void)x;
    if (!w->is_closing)
        w->events->room(w, w->ctx);
}

static void on_gone(struct exchange *x, void *ctx)
{
    (void)x;
    over(ctx, WEBSOCKET_LOST);
}

struct websocket *websocket_accept(struct exchange *x, struct text protocol, bool takes_binary,
                                   const struct websocket_events *events, void *ctx)
{
    const struct exchange_field field = { "sec-websocket-protocol", protocol };
    struct websocket *w = calloc(1, sizeof(*w));

    CHECK(w);
    w->x = x;
    w->events = events;
    w->ctx = ctx;
    w->heard_ms = loop_now_ms(loop_of(w));
    w->takes_binary = takes_binary;
    exchange_on_gone(x, on_gone, w);
    exchange_on_room(x, on_room, w);
    exchange_tunnel(x, &field, protocol.bytes ? 1 : 0, on_input,
                    w); /* copies it: protocol may be of the head */
    exchange_forget(x);
    return w;
}

static void send_message(struct websocket *w, enum wsframe_opcode opcode, struct blob *message)
{
    uint8_t head[WSFRAME_HEAD_BYTES];

    if (w->is_closing) {
        blob_free(&message);
        return;
    }
    exchange_write(w->x,
                   blob_copy((struct text){ (char *)head, wsframe_head(head, opcode, message->bytes) }));
    exchange_write(w->x, message);
}

void websocket_send(struct websocket *w, struct blob *message)
{
    send_message(w, WSFRAME_TEXT, message);
}

void websocket_send_binary(struct websocket *w, struct blob *message)
{
    send_message(w, WSFRAME_BINARY, message);
}

void websocket_ping(struct websocket *w)
{
    if (!w->is_closing)
        write_control(w, WSFRAME_PING, (struct text){ NULL, 0 });
}

void websocket_close(struct websocket *w, enum websocket_code code, const char *reason)
{
    if (w->is_closing)
        return;
    write_close(w, (uint16_t)code, text_of(reason));
    w->is_closing = true;
    forget_pong(w);
    later_of(w)->close_at_ms = loop_now_ms(loop_of(w)) + WEBSOCKET_CLOSE_MS;
    if (w->is_paused) /* the peer's Close frame may stand behind what was not read */
        websocket_pause(w, false);
    wind_clock(w);
}

void websocket_drop(struct websocket **w)
{
    exchange_on_gone((*w)->x, NULL, NULL);
    exchange_abort((*w)->x);
    free_it(*w);
    *w = NULL;
}

void websocket_pause(struct websocket *w, bool on)
{
    if (on == w->is_paused || (on && w->is_closing))
        return;
    w->is_paused = on;
    if (on) {
        exchange_pause(w->x, true);
        return;
    }
    w->is_resuming = true; /* messages are never told inside this call */
    later_of(w);
    wind_clock(w);
}

size_t websocket_unsent(const struct websocket *w)
{
    return exchange_unsent(w->x);
}

uint64_t websocket_heard_ms(const struct websocket *w)
{
    return w->heard_ms;
}
