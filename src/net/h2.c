/* net/h2.c - HTTP/2 on one connection: nghttp2's session, its answers and its end
 *
 * Bytes go into nghttp2 during loop_wait(): its callbacks (h2peer.c) gather requests into exchanges; they never
 * send. The flush submits the answers and takes from nghttp2 what it wants to say, but stops at a cap: behind it
 * acknowledgements pile up inside nghttp2, which then gives the connection up by itself. A peer that is over one
 * of h2peer.c's bounds gets GOAWAY(ENHANCE_YOUR_CALM).
 */
#include "net/h2.h"
#include "base/log.h"
#include "net/h2peer.h"
#include <stdio.h>

enum { SLICE_BYTES = 2048 };

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

static void give_up(struct conn *c)
{
    c->h2->is_quitting = true;
    c->set->stats.floods++;
    log_line(LOG_WARN, "net.h2.flood", "peer=%s what=%s", c->address, c->h2->offence);
    nghttp2_session_terminate_session(c->h2->session, c->h2->offence_code);
}

/* In slices, because a flood is found by callbacks that can't stop nghttp2 in the middle of its input. */
void h2_input(struct conn *c, const char *at, size_t bytes)
{
    ssize_t used = 0;

    conn_touch(c);
    for (size_t i = 0; i < bytes && used >= 0 && !c->h2->is_quitting; i += SLICE_BYTES) {
        size_t slice = bytes - i < SLICE_BYTES ? bytes - i : SLICE_BYTES;

        used = nghttp2_session_mem_recv(c->h2->session, (const uint8_t *)at + i, slice);
        if (used >= 0 && c->h2->offence)
            give_up(c);
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

/* Until when x may stay as it is; what happens then is in out_of_patience(). */
static uint64_t exchange_due(const struct exchange *x, const struct net_deadlines *d)
{
    if (x->state == EXCHANGE_ARRIVING)
        return x->since_ms + d->body;
    return x->since_ms + (x->state == EXCHANGE_ASKED ? d->request : d->write_stall);
}

static void out_of_patience(struct conn *c, struct exchange *x, uint64_t now_ms)
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
            out_of_patience(c, x, now_ms);
        else
            due = sooner(due, exchange_due(x, d));
    }
    return due;
}
