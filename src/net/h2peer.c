/* net/h2peer.c - what an HTTP/2 peer says, and how much of it is too much
 *
 * nghttp2 checks the protocol and stops some floods by itself; the rest is counted here, in token buckets: what
 * makes us answer (resets, acknowledgements), what is cheap to send and not to take (control frames, empty
 * DATA), and header lists, whose bound nghttp2 announces but does not enforce.
 */
#include "net/h2peer.h"
#include "net/promise.h"
#include "net/tunnel.h"

/* What a peer may do at no cost to itself. Browsers, curl, nghttp and Python's h2 stay far below. */
static const struct guard_rate resets_rate = { 50, 5 }; /* RST_STREAM that it makes us send */
static const struct guard_rate glitches_rate = { 20, 1 }; /* frames that nghttp2 found invalid */
static const struct guard_rate pings_rate = { 50, 10 };
static const struct guard_rate settings_rate = { 10, 1 };
static const struct guard_rate empties_rate = { 20, 1 }; /* DATA without data that ends nothing */
static const struct guard_rate controls_rate = { 400, 200 }; /* and two for each DATA that we sent */
enum {
    HEADS_BYTES_HOSTILE = 4 * LIMIT_HEAD_BYTES,
    HOSTILE_HEAD_GLITCHES = 10,
    /* Of a body that was refused: curl 7.88 loses the answer when the stream is reset under its upload. */
    DISCARDED_BYTES_MAX = 1024 * 1024,
};

static void offend(struct conn *c, const char *what, uint32_t code)
{
    if (c->h2->offence)
        return;
    c->h2->offence = what;
    c->h2->offence_code = code;
}

static void count(struct conn *c, struct guard *g, struct guard_rate rate, uint32_t amount, const char *what)
{
    if (!guard_take(g, rate, amount, conn_now(c)))
        offend(c, what, NGHTTP2_ENHANCE_YOUR_CALM);
}

void h2peer_input(struct conn *c, const char *at, size_t bytes)
{
    switch (h2strict_input(&c->h2->strict, at, bytes)) {
    case H2STRICT_ENDED:
        offend(c, "ended_stream", NGHTTP2_STREAM_CLOSED);
        break;
    case H2STRICT_SKIPPED:
        offend(c, "skipped_stream", NGHTTP2_PROTOCOL_ERROR);
        break;
    case H2STRICT_LOOP:
        offend(c, "priority", NGHTTP2_PROTOCOL_ERROR);
        break;
    case H2STRICT_NONE:
        break;
    }
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *ctx)
{
    struct conn *c = ctx;
    struct h2 *h = c->h2;
    bool is_ack = hd->flags & NGHTTP2_FLAG_ACK;

    (void)session;
    h->head_ms = 0; /* whatever begins, an unfinished header block is over */
    if (hd->type == NGHTTP2_HEADERS) {
        h->head_ms = conn_now(c);
        conn_due_in(c, c->set->deadlines.head);
    } else if (hd->type == NGHTTP2_PING && !is_ack) {
        count(c, &h->pings, pings_rate, 1, "ping");
    } else if (hd->type == NGHTTP2_SETTINGS && !is_ack) {
        count(c, &h->settings, settings_rate, 1, "settings");
    } else if (hd->type == NGHTTP2_PRIORITY && hd->stream_id == 0) {
        offend(c, "priority", NGHTTP2_PROTOCOL_ERROR); /* RFC 9113 6.3; nghttp2 skips them unread */
    } else if (hd->type != NGHTTP2_DATA) {
        count(c, &h->controls, controls_rate, 1, "control");
    }
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct conn *c = ctx;

    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        nghttp2_session_set_stream_user_data(session, frame->hd.stream_id,
                                             exchange_new(c, frame->hd.stream_id));
    return 0;
}

static uint64_t number(struct text digits) /* nghttp2 has checked that it is one */
{
    uint64_t n = 0;

    for (size_t i = 0; i < digits.bytes && n <= LIMIT_JSON_BYTES; i++)
        n = n * 10 + (uint64_t)(digits.at[i] - '0');
    return n;
}

/* nghttp2 announces the bound on header lists and does not enforce it. A little over is answered; far over is a
 * bomb (HPACK repeats 4 KiB with one byte), and then even looking at the rest is too much. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_at,
                     size_t name_bytes, const uint8_t *value_at, size_t value_bytes, uint8_t flags, void *ctx)
{
    struct conn *c = ctx;
    struct exchange *x = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    struct text name = { (const char *)name_at, name_bytes }, value = { (const char *)value_at, value_bytes };

    (void)flags;
    if (!x)
        return 0;
    x->head_bytes += (uint32_t)(name_bytes + value_bytes + 32);
    if (x->head_bytes > HEADS_BYTES_HOSTILE) {
        count(c, &c->h2->glitches, glitches_rate, HOSTILE_HEAD_GLITCHES, "header");
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (x->refused || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (x->head_bytes > LIMIT_HEAD_BYTES || x->head_fields++ >= LIMIT_HEAD_FIELDS)
        x->refused = ERR_HEAD_TOO_LARGE;
    else
        x->refused = net_request_put(x->request, name, value);
    if (text_equal(name, TEXT("content-length")) && number(value) > LIMIT_JSON_BYTES && !x->refused)
        x->refused = ERR_TOO_LARGE;
    if (text_equal(name, TEXT("expect")))
        x->expects_continue = text_equal(value, TEXT("100-continue"));
    return 0;
}

static void on_request(struct conn *c, struct exchange *x)
{
    enum err sealed = net_request_seal(x->request);
    bool is_connect = text_equal(x->request->method, TEXT("CONNECT"));

    if (is_connect &&
        !text_equal(x->request->head.protocol, c->is_link ? TEXT(NET_LINK_PROTOCOL) : TEXT("websocket")))
        x->refused = ERR_NOT_IMPLEMENTED;
    else if (!x->refused)
        x->refused = sealed;
    if (is_connect && !x->refused)
        tunnel_new(x, TEXT(""));
    if (x->refused)
        exchange_refuse(x, x->refused);
    else if (x->body_is_whole || is_connect) /* RFC 8441 4: what follows the head is the WebSocket */
        exchange_ask(x);
    else
        conn_due_in(c, c->set->deadlines.body);
    if (x->expects_continue && x->state == EXCHANGE_ARRIVING) {
        nghttp2_nv status = { (uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "100", 7, 3, 0 };

        nghttp2_submit_headers(c->h2->session, 0, x->stream_id, NULL, &status, 1, NULL);
    }
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct conn *c = ctx;
    struct exchange *x = NULL;
    bool is_last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK))
        promise_acknowledged(c, frame->ping.opaque_data);
    if (frame->hd.type == NGHTTP2_HEADERS)
        c->h2->head_ms = 0;
    else if (frame->hd.type != NGHTTP2_DATA)
        return 0;
    if (frame->hd.type == NGHTTP2_DATA && !is_last && frame->hd.length == frame->data.padlen)
        count(c, &c->h2->empties, empties_rate, 1, "empty_data");
    x = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!x)
        return 0;
    x->body_is_whole |= is_last;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        on_request(c, x);
    else if (is_last && x->state == EXCHANGE_ARRIVING)
        exchange_ask(x);
    if (is_last && x->tunnel)
        tunnel_input_end(x);
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *at,
                         size_t bytes, void *ctx)
{
    struct exchange *x = nghttp2_session_get_stream_user_data(session, stream_id);
    enum err err = ERR_OK;

    (void)flags;
    (void)ctx;
    if (x && x->tunnel && x->is_held) {
        nghttp2_session_consume_connection(session, bytes);
        x->tunnel->owed_bytes += (uint32_t)bytes;
        tunnel_input(x, (struct text){ (const char *)at, bytes });
        h2_give_back(x);
        return 0;
    }
    if (x && x->state == EXCHANGE_ARRIVING)
        err = net_request_put_body(x->request, (struct text){ (const char *)at, bytes });
    if (err)
        exchange_refuse(x, err);
    if (x && x->state != EXCHANGE_ARRIVING && (x->discarded_bytes += (uint32_t)bytes) > DISCARDED_BYTES_MAX)
        nghttp2_submit_rst_stream(session, 0, stream_id, NGHTTP2_NO_ERROR); /* RFC 9113 8.1 */
    nghttp2_session_consume(session, stream_id, bytes); /* bodies are bounded, so it was taken */
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error, void *ctx)
{
    struct conn *c = ctx;

    (void)session;
    (void)frame;
    c->h2->head_ms = 0;
    if (error != NGHTTP2_ERR_REFUSED_STREAM) /* too many streams before it knew our SETTINGS */
        count(c, &c->h2->glitches, glitches_rate, 1, "glitch");
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct conn *c = ctx;

    (void)session;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        c->h2->head_ms = 0;
        if (frame->hd.stream_id % 2) /* what we promised and took back is nobody's doing but ours */
            count(c, &c->h2->resets, resets_rate, 1, "reset");
    } else if (frame->hd.type == NGHTTP2_PUSH_PROMISE) {
        promise_said(c, frame->push_promise.promised_stream_id);
    } else if (frame->hd.type == NGHTTP2_DATA) {
        guard_give(&c->h2->controls, 2); /* its WINDOW_UPDATEs, for the stream and the connection */
    }
    return 0;
}

static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error, void *ctx)
{
    (void)error;
    if (frame->hd.type != NGHTTP2_PUSH_PROMISE)
        return 0;
    nghttp2_session_set_stream_user_data(session, frame->push_promise.promised_stream_id, NULL);
    promise_failed(ctx, frame->push_promise.promised_stream_id);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *ctx)
{
    struct conn *c = ctx;
    struct exchange *x = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)error;
    if (!x)
        return 0;
    nghttp2_session_set_stream_user_data(session, stream_id, NULL);
    c->h2->head_ms = 0;
    exchange_end(x);
    if (TAILQ_EMPTY(&c->exchanges)) {
        c->h2->idle_ms = conn_now(c);
        conn_due_in(c, c->set->deadlines.idle);
    }
    return 0;
}

struct h2peer_settings *h2peer_settings_new(struct pool *pool)
{
    struct h2peer_settings *s = calloc(1, sizeof(*s));

    CHECK(s);
    CHECK(nghttp2_session_callbacks_new(&s->callbacks) == 0 && nghttp2_option_new(&s->options) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(s->callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(s->callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(s->callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(s->callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(s->callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(s->callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(s->callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(s->callbacks, on_frame_not_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(s->callbacks, on_stream_close);
    nghttp2_option_set_no_auto_window_update(s->options, 1);
    /* Remembering up to LIMIT_STREAMS closed ones costs 23 KB a connection; h2strict.c needs 16 bytes. */
    nghttp2_option_set_no_closed_streams(s->options, 1);
    nghttp2_option_set_max_send_header_block_length(s->options, 2 * EXCHANGE_FIELDS_BYTES);
    nghttp2_option_set_max_outbound_ack(s->options, 100);
    nghttp2_option_set_max_settings(s->options, 32);
    nghttp2_option_set_stream_reset_rate_limit(s->options, 100, 10); /* CVE-2023-44487 */
    nghttp2_option_set_max_continuations(s->options, 4); /* CVE-2024-28182 */
    nghttp2_option_set_peer_max_concurrent_streams(s->options, LIMIT_STREAMS);
    nghttp2_option_set_server_fallback_rfc7540_priorities(s->options, 0);
    s->mem = h2mem_new(s->callbacks, s->options, pool);
    return s;
}

void h2peer_settings_free(struct h2peer_settings **s)
{
    if (!*s)
        return;
    nghttp2_session_callbacks_del((*s)->callbacks);
    nghttp2_option_del((*s)->options);
    h2mem_free(&(*s)->mem);
    free(*s);
    *s = NULL;
}
