/* net/h2.c - HTTP/2 on one connection: nghttp2's session, its answers and its end
 *
 * Bytes go into nghttp2 during loop_wait(): its callbacks (h2peer.c) gather requests into exchanges; they never
 * send. The flush submits answers, wakes those that have new pieces, and takes from nghttp2 what it wants to say,
 * but stops at a cap: behind it acknowledgements pile up inside nghttp2, which then gives the connection up by
 * itself. A peer that is over one of h2peer.c's bounds gets GOAWAY(ENHANCE_YOUR_CALM).
 */
#include "net/h2.h"
#include "base/log.h"
#include "net/h2peer.h"
#include "net/promise.h"
#include "net/tunnel.h"

enum { SLICE_BYTES = 2048 };

void h2_init(struct conn *c)
{
    static const nghttp2_settings_entry entries[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, LIMIT_STREAMS },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LIMIT_HEAD_BYTES },
        { NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 }, /* RFC 8441 3: in the first SETTINGS or never */
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };
    struct h2 *h = calloc(1, sizeof(*h));

    CHECK(h);
    c->h2 = h;
    h->idle_ms = conn_now(c);
    h2strict_init(&h->strict);
    CHECK(nghttp2_session_server_new3(&h->session, c->set->h2->callbacks, c, c->set->h2->options,
                                      h2mem_hooks(c->set->h2->mem)) == 0);
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

static void give_up(struct conn *c)
{
    c->h2->is_quitting = true;
    c->set->stats.floods++;
    log_line(LOG_WARN, "net.h2.flood", "peer=%s what=%s", conn_peer(c), c->h2->offence);
    nghttp2_session_terminate_session(c->h2->session, c->h2->offence_code);
}

/* In slices, because a flood is found by callbacks that can't stop nghttp2 in the middle of its input. */
void h2_input(struct conn *c, const char *at, size_t bytes)
{
    ssize_t used = 0;

    conn_touch(c);
    for (size_t i = 0; i < bytes && used >= 0 && !c->h2->is_quitting; i += SLICE_BYTES) {
        size_t slice = bytes - i < SLICE_BYTES ? bytes - i : SLICE_BYTES;

        h2peer_input(c, at + i, slice);
        used = nghttp2_session_mem_recv(c->h2->session, (const uint8_t *)at + i, slice);
        if (used >= 0 && c->h2->offence)
            give_up(c);
    }
    if (used >= 0)
        return;
    c->set->stats.bad_requests++;
    if (used == NGHTTP2_ERR_FLOODED)
        c->set->stats.floods++;
    log_line(LOG_INFO, "net.h2.error", "peer=%s error=%d", conn_peer(c), (int)used);
    conn_kill(c);
}

/* As much as there is; nothing, and more to come: deferred until the flush resumes it. */
static ssize_t read_answer(nghttp2_session *session, int32_t stream_id, uint8_t *into, size_t room,
                           uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct exchange *x = source->ptr;
    size_t bytes = pieces_copy(&x->pieces, into, room);

    (void)session;
    (void)stream_id;
    (void)ctx;
    if (bytes)
        exchange_sent(x, bytes);
    if (pieces_is_empty(&x->pieces) && (x->is_finished || x->is_head))
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (bytes == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)bytes;
}

static void submit_answer(struct conn *c, struct exchange *x)
{
    struct exchange_field standard[ANSWER_STANDARD_FIELDS];
    nghttp2_nv nv[1 + ANSWER_STANDARD_FIELDS + EXCHANGE_FIELDS_MAX];
    nghttp2_data_provider provider = { { .ptr = x }, read_answer };
    const struct answer *a = x->answer;
    char length[ANSWER_LENGTH_BYTES];
    const char status[] = { (char)('0' + a->status / 100), (char)('0' + a->status / 10 % 10),
                            (char)('0' + a->status % 10) };
    size_t standard_count = answer_standard_fields(a, conn_set_date(c->set), length, standard);
    size_t fields_count = 1 + standard_count + a->fields_count;

    /* What is said once in a connection is not worth a place in the table that HPACK keeps for repetitions. */
    uint8_t flags = a->kind == ANSWER_WHOLE ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX;

    nv[0] = (nghttp2_nv){ (uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t)status, 7, 3, 0 };
    for (size_t i = 1; i < fields_count; i++) {
        size_t k = i - 1;
        const struct exchange_field *f = k < standard_count ? &standard[k] : &a->fields[k - standard_count];

        nv[i] = (nghttp2_nv){ (uint8_t *)(uintptr_t)f->name, (uint8_t *)(uintptr_t)f->value.at,
                              strlen(f->name), f->value.bytes, flags };
    }
    x->state = EXCHANGE_SENDING;
    CHECK(nghttp2_submit_response(c->h2->session, x->stream_id, nv, fields_count, &provider) == 0);
    if (a->kind == ANSWER_TUNNEL) {
        tunnel_open(x);
        if (x->tunnel->early.bytes || x->tunnel->has_ended)
            conn_resume(c);
    }
    answer_free(c->set->pool, &x->answer);
}

void h2_give_back(struct exchange *x)
{
    struct tunnel *t = x->tunnel;

    if (t->is_paused || !t->is_open || t->early.bytes || t->owed_bytes == 0)
        return;
    nghttp2_session_consume_stream(x->conn->h2->session, x->stream_id, t->owed_bytes);
    t->owed_bytes = 0;
    conn_touch(x->conn);
}

void h2_resume(struct conn *c)
{
    struct exchange *x, *after;

    for (x = TAILQ_FIRST(&c->exchanges); x; x = after) {
        after = TAILQ_NEXT(x, link);
        if (!x->tunnel)
            continue;
        tunnel_resume(x);
        h2_give_back(x);
    }
}

/* What one exchange has to say; afterwards nghttp2 has it. */
static void say(struct conn *c, struct exchange *x)
{
    exchange_unready(x);
    if (x->is_promised && !x->stream_id && (x->is_aborted || !promise_say(x))) {
        exchange_end(x);
        return;
    }
    if (x->is_aborted)
        nghttp2_submit_rst_stream(c->h2->session, 0, x->stream_id, NGHTTP2_CANCEL);
    else if (x->state == EXCHANGE_ANSWERED && (!x->is_promised || x->is_acked))
        submit_answer(c, x);
    else if (x->state == EXCHANGE_SENDING)
        nghttp2_session_resume_data(c->h2->session, x->stream_id); /* not deferred: it goes on by itself */
    if (x->tunnel)
        h2_give_back(x);
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

    while ((x = TAILQ_FIRST(&c->ready)))
        say(c, x);
    if (h->offence && !h->is_quitting)
        give_up(c);
    if (!send_all(c))
        return;
    if (h->offence && !h->is_quitting) { /* what was sent were resets */
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

/* Until when x may stay as it is; what happens then is in out_of_patience(). While the socket takes nothing, that is
 * the connection's matter; a stream that has nothing to send may stay as long as its handler likes. */
static uint64_t exchange_due(struct exchange *x, const struct net_deadlines *d, uint64_t now_ms)
{
    if (x->state == EXCHANGE_ARRIVING)
        return x->since_ms + d->body;
    if (x->is_promised && !x->is_acked)
        return x->is_pinged ? x->since_ms + d->push_ack : UINT64_MAX;
    if (x->state == EXCHANGE_ASKED)
        return x->is_promised ? UINT64_MAX : x->since_ms + d->request;
    if (x->unsent == 0 && !x->is_finished && !x->is_head)
        return UINT64_MAX;
    if (stream_pending(&x->conn->stream))
        x->since_ms = now_ms;
    return x->since_ms + d->write_stall;
}

static void out_of_patience(struct conn *c, struct exchange *x, uint64_t now_ms)
{
    c->set->stats.timeouts++;
    if (x->state == EXCHANGE_ARRIVING) {
        exchange_refuse(x, ERR_REQUEST_TIMEOUT);
    } else if (x->state == EXCHANGE_ASKED && !x->is_promised) {
        exchange_refuse(x, ERR_TIMEOUT);
    } else { /* a window that never opens, a promise that is never acknowledged */
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
    uint64_t patience;

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
        patience = exchange_due(x, d, now_ms);
        if (patience <= now_ms)
            out_of_patience(c, x, now_ms);
        else
            due = sooner(due, patience);
    }
    return due;
}
