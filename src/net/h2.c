/* net/h2.c - HTTP/2 on one connection: nghttp2's session, and what it does not count itself
 *
 * Bytes go into nghttp2 during loop_wait(): its callbacks gather requests into exchanges and count what a
 * hostile peer can make cheaply; they never send. The flush submits the answers and takes from nghttp2 what it
 * wants to say, but stops at a cap: behind it acknowledgements pile up inside nghttp2, which then gives the
 * connection up by itself. A peer that is over one of the bounds below gets GOAWAY(ENHANCE_YOUR_CALM).
 */
#include "net/h2.h"
#include "base/log.h"
#include "net/conn.h"
#include "net/guard.h"
#include <nghttp2/nghttp2.h>
#include <stdio.h>

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
    SLICE_BYTES = 2048,
    /* Of a body that was refused: curl 7.88 loses the answer when the stream is reset under its upload. */
    DISCARDED_BYTES_MAX = 1024 * 1024,
};

struct h2_settings {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *options;
};

struct h2 {
    nghttp2_session *session;
    struct guard resets, glitches, pings, settings, empties, controls;
    uint64_t head_ms; /* since when a header block is not whole; 0: none */
    uint64_t idle_ms; /* since when there was no exchange */
    uint64_t goaway_ms; /* when the first GOAWAY went out; 0: not, or the second did */
    const char *flood; /* what there was too much of */
    bool is_quitting;
};

static void count(struct conn *c, struct guard *g, struct guard_rate rate, uint32_t amount, const char *what)
{
    if (!guard_take(g, rate, amount, conn_now(c)) && !c->h2->flood)
        c->h2->flood = what;
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
        x->refused = exchange_put(x, name, value);
    if (text_equal(name, TEXT("content-length")))
        x->content_length = number(value);
    if (text_equal(name, TEXT("expect")))
        x->expects_continue = text_equal(value, TEXT("100-continue"));
    return 0;
}

static void on_request(struct conn *c, struct exchange *x)
{
    enum err sealed = exchange_seal(x);

    if (text_equal(x->method, TEXT("CONNECT")))
        x->refused = ERR_NOT_IMPLEMENTED;
    else if (!x->refused)
        x->refused = sealed;
    if (!x->refused && x->content_length > LIMIT_JSON_BYTES)
        x->refused = ERR_TOO_LARGE;
    if (x->refused)
        exchange_refuse(x, x->refused);
    else if (x->body_is_whole)
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
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *at,
                         size_t bytes, void *ctx)
{
    struct exchange *x = nghttp2_session_get_stream_user_data(session, stream_id);
    enum err err = ERR_OK;

    (void)flags;
    (void)ctx;
    if (x && x->state == EXCHANGE_ARRIVING)
        err = exchange_put_body(x, (struct text){ (const char *)at, bytes });
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
        count(c, &c->h2->resets, resets_rate, 1, "reset");
    } else if (frame->hd.type == NGHTTP2_DATA) {
        guard_give(&c->h2->controls, 2); /* its WINDOW_UPDATEs, for the stream and the connection */
    }
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

struct h2_settings *h2_settings_new(void)
{
    struct h2_settings *s = calloc(1, sizeof(*s));

    CHECK(s);
    CHECK(nghttp2_session_callbacks_new(&s->callbacks) == 0 && nghttp2_option_new(&s->options) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(s->callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(s->callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(s->callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(s->callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(s->callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(s->callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(s->callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(s->callbacks, on_stream_close);
    nghttp2_option_set_no_auto_window_update(s->options, 1);
    nghttp2_option_set_no_closed_streams(s->options, 1);
    nghttp2_option_set_max_send_header_block_length(s->options, 2 * EXCHANGE_FIELDS_BYTES);
    nghttp2_option_set_max_outbound_ack(s->options, 100);
    nghttp2_option_set_max_settings(s->options, 32);
    nghttp2_option_set_stream_reset_rate_limit(s->options, 100, 10); /* CVE-2023-44487 */
    nghttp2_option_set_max_continuations(s->options, 4); /* CVE-2024-28182 */
    nghttp2_option_set_peer_max_concurrent_streams(s->options, LIMIT_STREAMS);
    nghttp2_option_set_server_fallback_rfc7540_priorities(s->options, 0);
    return s;
}

void h2_settings_free(struct h2_settings **s)
{
    if (!*s)
        return;
    nghttp2_session_callbacks_del((*s)->callbacks);
    nghttp2_option_del((*s)->options);
    free(*s);
    *s = NULL;
}

void h2_init(struct conn *c)
{
    static const nghttp2_settings_entry entries[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, LIMIT_STREAMS },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LIMIT_HEAD_BYTES },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };
    struct h2 *h = calloc(1, sizeof(*h));

    CHECK(h);
    c->h2 = h;
    h->idle_ms = conn_now(c);
    CHECK(nghttp2_session_server_new2(&h->session, c->set->h2->callbacks, c, c->set->h2->options) == 0);
    CHECK(nghttp2_submit_settings(h->session, 0, entries, sizeof(entries) / sizeof(*entries)) == 0);
    conn_due_in(c, c->set->deadlines.idle);
    conn_touch(c);
}

void h2_fini(struct conn *c)
{
    if (!c->h2)
        return;
    nghttp2_session_del(c->h2->session);
    free(c->h2);
    c->h2 = NULL;
}

void h2_replace(struct exchange *x, struct exchange *copy)
{
    nghttp2_session_set_stream_user_data(x->conn->h2->session, x->stream_id, copy);
}

static void calm(struct conn *c)
{
    c->h2->is_quitting = true;
    c->set->stats.floods++;
    log_line(LOG_WARN, "net.h2.flood", "peer=%s what=%s", c->address, c->h2->flood);
    nghttp2_session_terminate_session(c->h2->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* In slices, because a flood is found by callbacks that can't stop nghttp2 in the middle of its input. */
void h2_input(struct conn *c, const char *at, size_t bytes)
{
    ssize_t used = 0;

    conn_touch(c);
    for (size_t i = 0; i < bytes && used >= 0 && !c->h2->is_quitting; i += SLICE_BYTES) {
        size_t slice = bytes - i < SLICE_BYTES ? bytes - i : SLICE_BYTES;

        used = nghttp2_session_mem_recv(c->h2->session, (const uint8_t *)at + i, slice);
        if (used >= 0 && c->h2->flood)
            calm(c);
    }
    if (used >= 0)
        return;
    c->set->stats.bad_requests++;
    if (used == NGHTTP2_ERR_FLOODED)
        c->set->stats.floods++;
    log_line(LOG_INFO, "net.h2.error", "peer=%s error=%d", c->address, (int)used);
    conn_kill(c);
}

static ssize_t read_answer(nghttp2_session *session, int32_t stream_id, uint8_t *into, size_t room,
                           uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct conn *c = ctx;
    struct exchange *x = source->ptr;
    size_t left = x->head.method == METHOD_HEAD ? 0 : x->answer->bytes - x->answer_sent;
    size_t bytes = left < room ? left : room;

    (void)session;
    (void)stream_id;
    memcpy(into, x->answer->at + x->answer_sent, bytes);
    x->answer_sent += bytes;
    x->since_ms = conn_now(c);
    if (bytes == left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)bytes;
}

static void submit_answer(struct conn *c, struct exchange *x)
{
    struct exchange_field standard[EXCHANGE_STANDARD_FIELDS];
    nghttp2_nv nv[1 + EXCHANGE_STANDARD_FIELDS + EXCHANGE_FIELDS_MAX];
    nghttp2_data_provider provider = { { .ptr = x }, read_answer };
    char length[24], status[8];
    size_t standard_count = exchange_standard_fields(x, length, standard);
    size_t fields_count = 1 + standard_count + x->fields_count;

    snprintf(status, sizeof(status), "%d", x->status);
    nv[0] = (nghttp2_nv){ (uint8_t *)(uintptr_t) ":status", (uint8_t *)status, 7, 3, 0 };
    for (size_t i = 1; i < fields_count; i++) {
        size_t k = i - 1;
        const struct exchange_field *f = k < standard_count ? &standard[k] : &x->fields[k - standard_count];

        nv[i] = (nghttp2_nv){ (uint8_t *)(uintptr_t)f->name, (uint8_t *)(uintptr_t)f->value.at,
                              strlen(f->name), f->value.bytes, 0 };
    }
    TAILQ_REMOVE(&c->answered, x, ready);
    x->state = EXCHANGE_SENDING;
    CHECK(nghttp2_submit_response(c->h2->session, x->stream_id, nv, fields_count, &provider) == 0);
}

void h2_quit(struct conn *c)
{
    c->h2->is_quitting = true;
    nghttp2_session_terminate_session(c->h2->session, NGHTTP2_NO_ERROR);
    conn_touch(c);
}

/* Everything that nghttp2 wants to say, in pieces of the set's buffer; false: the connection is dead. */
static bool send_all(struct conn *c)
{
    struct iovec part = { c->set->out, 0 };

    while (stream_pending(&c->stream) <= LIMIT_OUT_BYTES / 2) {
        const uint8_t *at;
        ssize_t bytes = nghttp2_session_mem_send(c->h2->session, &at);

        if (bytes < 0) {
            conn_kill(c);
            return false;
        }
        if (part.iov_len && (bytes == 0 || part.iov_len + (size_t)bytes > sizeof(c->set->out))) {
            if (!conn_write(c, &part, 1))
                return false;
            part.iov_len = 0;
        }
        if (bytes == 0)
            return true;
        CHECK((size_t)bytes <= sizeof(c->set->out));
        memcpy(c->set->out + part.iov_len, at, (size_t)bytes);
        part.iov_len += (size_t)bytes;
    }
    return part.iov_len == 0 || conn_write(c, &part, 1);
}

void h2_flush(struct conn *c)
{
    struct h2 *h = c->h2;
    struct exchange *x;

    while ((x = TAILQ_FIRST(&c->answered)))
        submit_answer(c, x);
    if (h->flood && !h->is_quitting)
        calm(c);
    if (!send_all(c))
        return;
    if (h->flood && !h->is_quitting) { /* what was sent were resets */
        conn_touch(c);
        return;
    }
    if (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session))
        conn_finish(c);
}

void h2_drain(struct conn *c)
{
    nghttp2_submit_shutdown_notice(c->h2->session);
    c->h2->goaway_ms = conn_now(c);
    conn_due_in(c, c->set->deadlines.goaway);
    conn_touch(c);
}

/* Until when x may stay as it is; what happens then is in give_up(). */
static uint64_t exchange_due(const struct exchange *x, const struct net_deadlines *d)
{
    if (x->state == EXCHANGE_ARRIVING)
        return x->since_ms + d->body;
    return x->since_ms + (x->state == EXCHANGE_ASKED ? d->request : d->write_stall);
}

static void give_up(struct conn *c, struct exchange *x, uint64_t now_ms)
{
    c->set->stats.timeouts++;
    if (x->state == EXCHANGE_ARRIVING) {
        exchange_refuse(x, ERR_REQUEST_TIMEOUT);
    } else if (x->state == EXCHANGE_ASKED) {
        exchange_refuse(x, ERR_TIMEOUT);
    } else { /* a window that never opens */
        x->since_ms = now_ms;
        nghttp2_submit_rst_stream(c->h2->session, 0, x->stream_id, NGHTTP2_CANCEL);
        conn_touch(c);
    }
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t h2_due(struct conn *c, uint64_t now_ms)
{
    const struct net_deadlines *d = &c->set->deadlines;
    struct h2 *h = c->h2;
    uint64_t due = h->head_ms ? h->head_ms + d->head : UINT64_MAX;
    struct exchange *x, *next;

    if (TAILQ_EMPTY(&c->exchanges))
        due = sooner(due, h->idle_ms + d->idle);
    if (due <= now_ms && !h->is_quitting) {
        c->set->stats.timeouts++;
        h2_quit(c);
        return UINT64_MAX;
    }
    if (h->goaway_ms && h->goaway_ms + d->goaway <= now_ms) {
        h->goaway_ms = 0;
        nghttp2_submit_goaway(h->session, 0, nghttp2_session_get_last_proc_stream_id(h->session),
                              NGHTTP2_NO_ERROR, NULL, 0);
        conn_touch(c);
    }
    if (h->goaway_ms)
        due = sooner(due, h->goaway_ms + d->goaway);
    for (x = TAILQ_FIRST(&c->exchanges); x; x = next) {
        next = TAILQ_NEXT(x, link);
        if (exchange_due(x, d) <= now_ms)
            give_up(c, x, now_ms);
        else
            due = sooner(due, exchange_due(x, d));
    }
    return due;
}
