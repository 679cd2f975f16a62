/* net/h1.c - HTTP/1.1 on one connection: a request, its answer, the next request
 *
 * HEAD: bytes until the empty line; the parser decides the framing once. BODY: by length or by chunks into the
 * exchange. ANSWER: the handler has it; what is pipelined meanwhile is kept up to a cap, then reading stops:
 * that is the back-pressure, and until then a hang-up is noticed. The flush writes the answer, piece by piece as
 * the handler makes it and the socket takes it, and goes back to HEAD in the loop's next round, or ends the
 * connection. After any doubt about the framing the answer is the last one: OVER. An accepted WebSocket is a
 * TUNNEL, and what came behind its head belongs to it.
 */
#include "net/h1.h"
#include "net/conn.h"
#include "net/tunnel.h"
#include <stdio.h>

enum {
    IN_BYTES_MAX = LIMIT_HEAD_BYTES + STREAM_CHUNK_BYTES,
    FRAMING_BYTES = 160,
    SEND_PARTS = 64, /* of one write */
    SEND_BYTES = 256 * 1024,
};

static void set_state(struct conn *c, enum h1_state state)
{
    c->h1.state = state;
    c->h1.since_ms = conn_now(c);
}

void h1_init(struct conn *c)
{
    buf_init(&c->h1.in, IN_BYTES_MAX);
    set_state(c, H1_HEAD);
    conn_due_in(c, c->set->deadlines.idle);
}

void h1_fini(struct conn *c)
{
    buf_fini(&c->h1.in);
}

void h1_replace(struct exchange *x, struct exchange *copy)
{
    x->conn->h1.x = copy;
}

/* The last answer of this connection. */
static void refuse(struct conn *c, enum err err)
{
    struct h1 *h = &c->h1;

    if (!h->x)
        h->x = exchange_new(c, 0);
    h->keep_alive = false;
    set_state(c, H1_ANSWER);
    exchange_refuse(h->x, err);
}

static void ask(struct conn *c)
{
    c->h1.continue_due = false;
    c->h1.x->body_is_whole = true;
    set_state(c, H1_ANSWER);
    exchange_ask(c->h1.x);
}

static enum err take_fields(struct request *r, const struct h1parse_head *head)
{
    enum err err = net_request_put(r, TEXT(":method"), head->method), sealed;

    if (!err)
        err = net_request_put(r, TEXT(":path"), head->target);
    for (uint32_t i = 0; !err && i < head->fields_count; i++)
        err = net_request_put(r, head->fields[i].name, head->fields[i].value);
    sealed = net_request_seal(r); /* in any case: the method decides how the refusal looks */
    return err ? err : sealed;
}

/* A whole head: everything that is decided before the body. */
static void take_head(struct conn *c, struct text text)
{
    struct h1 *h = &c->h1;
    struct h1parse_head head;
    enum err err = h1parse_head(text, &head);

    h->x = exchange_new(c, 0);
    if (!err)
        err = take_fields(h->x->request, &head);
    if (!err && head.is_websocket && !tunnel_key_is_good(head.websocket_key))
        err = ERR_BAD_REQUEST;
    if (!err && head.content_length > LIMIT_JSON_BYTES)
        err = ERR_TOO_LARGE;
    if (err) {
        refuse(c, err);
        return;
    }
    if (head.is_websocket)
        tunnel_new(h->x, head.websocket_key);
    h->keep_alive = head.keep_alive;
    h->is_10 = head.is_10;
    h->is_chunked = head.is_chunked;
    h->left_bytes = head.content_length;
    h->chunks = (struct h1parse_chunks){ 0 };
    if (!h->is_chunked && h->left_bytes == 0) {
        ask(c);
        return;
    }
    set_state(c, H1_BODY);
    conn_due_in(c, c->set->deadlines.body);
    h->continue_due = head.expects_continue;
    if (h->continue_due)
        conn_touch(c);
}

/* Looks for a head in what came; returns how much of it was used. */
static size_t head_input(struct conn *c, const char *at, size_t bytes)
{
    struct h1 *h = &c->h1;
    size_t head_bytes = 0;
    enum err err = h1parse_find(at, bytes, &h->scanned, &head_bytes);

    if (err) {
        refuse(c, err);
        return bytes;
    }
    if (head_bytes == 0) {
        if (h->in.bytes == 0)
            set_state(c, H1_HEAD); /* the head's patience begins with its first byte */
        conn_due_in(c, c->set->deadlines.head);
        return 0;
    }
    h->scanned = 0;
    take_head(c, (struct text){ at, head_bytes });
    return head_bytes;
}

static size_t length_input(struct conn *c, const char *at, size_t bytes)
{
    struct h1 *h = &c->h1;
    size_t used = bytes < h->left_bytes ? bytes : (size_t)h->left_bytes;
    enum err err = net_request_put_body(h->x->request, (struct text){ at, used });

    h->left_bytes -= used;
    if (err)
        refuse(c, err);
    else if (h->left_bytes == 0)
        ask(c);
    return used;
}

static size_t chunks_input(struct conn *c, const char *at, size_t bytes)
{
    struct h1 *h = &c->h1;
    struct text data;
    size_t used = 0;
    enum err err = h1parse_chunks(&h->chunks, at, bytes, &used, &data);

    if (!err && data.bytes)
        err = net_request_put_body(h->x->request, data);
    if (err)
        refuse(c, err);
    else if (h1parse_chunks_done(&h->chunks))
        ask(c);
    return used;
}

/* Goes as far as the bytes and the state allow; returns how many were used. */
static size_t consume(struct conn *c, const char *at, size_t bytes)
{
    struct h1 *h = &c->h1;
    size_t used = 0;

    while (used < bytes && (h->state == H1_HEAD || h->state == H1_BODY)) {
        size_t now = 0;

        if (h->state == H1_HEAD) {
            now = head_input(c, at + used, bytes - used);
            if (now == 0)
                break;
        } else {
            h->continue_due = false; /* it did not wait for our word */
            now = h->is_chunked ? chunks_input(c, at + used, bytes - used)
                                : length_input(c, at + used, bytes - used);
        }
        used += now;
    }
    return used;
}

/* Nothing is held between requests. */
static void let_go(struct h1 *h)
{
    if (h->in.bytes)
        return;
    buf_fini(&h->in);
    buf_init(&h->in, IN_BYTES_MAX);
}

/* A tunnel's bytes: first what was kept while its answer was pending. */
static void tunnel(struct conn *c, const char *at, size_t bytes)
{
    struct h1 *h = &c->h1;
    struct buf kept = h->in;

    buf_init(&h->in, IN_BYTES_MAX);
    if (kept.bytes)
        tunnel_input(h->x, buf_text(&kept));
    buf_fini(&kept);
    if (bytes)
        tunnel_input(h->x, (struct text){ at, bytes });
    if (h->ended)
        tunnel_input_end(h->x);
}

void h1_input(struct conn *c, const char *at, size_t bytes)
{
    struct h1 *h = &c->h1;
    size_t used = 0;

    if (h->state == H1_OVER)
        return;
    if (h->state == H1_TUNNEL) {
        tunnel(c, at, bytes);
        return;
    }
    if (h->in.bytes == 0) {
        used = consume(c, at, bytes);
        buf_put(&h->in, at + used, bytes - used);
    } else {
        buf_put(&h->in, at, bytes);
        if (h->state != H1_ANSWER)
            buf_drop(&h->in, consume(c, h->in.at, h->in.bytes));
    }
    CHECK(!h->in.overflowed); /* a head's bound and the pause below see to it */
    let_go(h);
    if (h->state == H1_ANSWER && h->in.bytes > LIMIT_HEAD_BYTES)
        stream_pause(&c->stream, true);
}

void h1_resume(struct conn *c)
{
    struct h1 *h = &c->h1;

    if (h->state == H1_TUNNEL) {
        tunnel(c, NULL, 0);
        return;
    }
    if (h->state != H1_HEAD)
        return;
    if (h->in.bytes) {
        h->scanned = 0;
        buf_drop(&h->in, consume(c, h->in.at, h->in.bytes));
        let_go(h);
    }
    if (h->in.bytes <= LIMIT_HEAD_BYTES && !h->ended)
        stream_pause(&c->stream, false);
    if (h->state == H1_HEAD && h->ended)
        conn_finish(c);
}

void h1_input_end(struct conn *c)
{
    struct h1 *h = &c->h1;
    bool is_waiting = h->state == H1_ANSWER && h->x && h->x->is_held;

    h->ended = true;
    stream_pause(&c->stream, true); /* an end stays readable for ever */
    if (is_waiting || h->state == H1_BODY)
        conn_kill(c);
    else if (h->state == H1_HEAD)
        conn_finish(c);
    else if (h->state == H1_TUNNEL)
        tunnel(c, NULL, 0);
}

static const char *persistence_of(const struct h1 *h)
{
    if (!h->keep_alive)
        return "close";
    return h->is_10 ? "keep-alive" : "";
}

/* The lines that say how the answer ends, and what becomes of the connection. RFC 9112 9.3: persistence is said
 * where it is not the rule. RFC 9110 7.8: who names an upgrade names it in Connection, too. */
static void framing(const struct conn *c, const struct exchange *x, char into[static FRAMING_BYTES])
{
    const struct h1 *h = &c->h1;
    const char *persistence = persistence_of(h);
    const char *upgrade = answer_names(x->answer, "upgrade") ? "upgrade" : "";

    if (x->answer->kind == ANSWER_TUNNEL) {
        snprintf(into, FRAMING_BYTES,
                 "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: %s\r\n",
                 x->tunnel->accept);
        return;
    }
    into[0] = 0;
    if (x->answer->kind == ANSWER_WHOLE && !*persistence && !*upgrade) /* nearly all */
        return;
    snprintf(into, FRAMING_BYTES, "%s%s%s%s%s%s",
             x->answer->kind == ANSWER_PIECES && !h->is_10 ? "transfer-encoding: chunked\r\n" : "",
             *persistence || *upgrade ? "connection: " : "", upgrade, *persistence && *upgrade ? ", " : "",
             persistence, *persistence || *upgrade ? "\r\n" : "");
}

/* The head of the answer, in the set's buffer; the connection is a tunnel from here on, if it becomes one. */
static size_t write_head(struct conn *c, struct exchange *x)
{
    struct h1 *h = &c->h1;
    char lines[FRAMING_BYTES];
    size_t bytes;

    if (c->is_draining || (h->ended && h->in.bytes == 0) || (x->answer->kind == ANSWER_PIECES && h->is_10))
        h->keep_alive = false;
    framing(c, x, lines);
    bytes = answer_text(x->answer, conn_set_date(c->set), lines, c->set->out, sizeof(c->set->out));
    if (x->answer->kind == ANSWER_TUNNEL) {
        set_state(c, H1_TUNNEL);
        tunnel_open(x);
        conn_resume(c);
    }
    answer_free(c->set->pool, &x->answer);
    x->state = EXCHANGE_SENDING;
    return bytes;
}

/* The head, when it is due, and as many pieces as the socket takes; false: the connection is dead. */
static bool send_answer(struct conn *c, struct exchange *x)
{
    bool goes_on = stream_pending(&c->stream) == 0;

    while (goes_on && (x->state == EXCHANGE_ANSWERED || !pieces_is_empty(&x->pieces))) {
        struct iovec parts[SEND_PARTS];
        size_t head_bytes = 0, taken = 0, total = 0;
        int count = 0;

        if (x->state == EXCHANGE_ANSWERED) {
            head_bytes = write_head(c, x);
            parts[count++] = (struct iovec){ c->set->out, head_bytes };
        }
        count += pieces_parts(&x->pieces, parts + count, SEND_PARTS - count, SEND_BYTES);
        for (int i = 0; i < count; i++)
            total += parts[i].iov_len;
        if (!conn_offer(c, parts, count, head_bytes, &taken))
            return false;
        if (taken > head_bytes)
            exchange_sent(x, taken - head_bytes);
        goes_on = taken == total && stream_pending(&c->stream) == 0;
    }
    return true;
}

/* The answer is out. */
static void next(struct conn *c)
{
    struct h1 *h = &c->h1;
    bool was_tunnel = h->state == H1_TUNNEL;

    exchange_end(h->x);
    h->x = NULL;
    if (was_tunnel || c->is_draining || (h->ended && h->in.bytes == 0))
        h->keep_alive = false;
    set_state(c, h->keep_alive ? H1_HEAD : H1_OVER);
    if (!h->keep_alive) {
        conn_finish(c);
        return;
    }
    conn_due_in(c, c->set->deadlines.idle);
    if (h->in.bytes || c->stream.is_paused)
        conn_resume(c);
}

void h1_flush(struct conn *c)
{
    struct h1 *h = &c->h1;
    struct iovec words = { (char *)(uintptr_t) "HTTP/1.1 100 Continue\r\n\r\n", 25 };

    if (h->continue_due) {
        h->continue_due = false;
        if (!conn_write(c, &words, 1))
            return;
    }
    if (!h->x || (h->x->state != EXCHANGE_ANSWERED && h->x->state != EXCHANGE_SENDING && !h->x->is_aborted))
        return;
    exchange_unready(h->x);
    if (h->x->is_aborted) {
        conn_kill(c);
        return;
    }
    if (!send_answer(c, h->x))
        return;
    if (h->state == H1_TUNNEL && !h->ended)
        stream_pause(&c->stream, h->x->tunnel->is_paused);
    if (pieces_is_empty(&h->x->pieces) && h->x->state == EXCHANGE_SENDING &&
        (h->x->is_finished || h->x->is_head))
        next(c);
}

void h1_drain(struct conn *c)
{
    if (c->h1.state == H1_HEAD && c->h1.in.bytes == 0)
        conn_finish(c);
}

uint64_t h1_due(struct conn *c, uint64_t now_ms)
{
    const struct net_deadlines *d = &c->set->deadlines;
    struct h1 *h = &c->h1;
    uint64_t due = UINT64_MAX;
    bool is_idle = h->state == H1_HEAD && h->in.bytes == 0;

    if (h->state == H1_HEAD)
        due = h->since_ms + (is_idle ? d->idle : d->head);
    else if (h->state == H1_BODY)
        due = h->since_ms + d->body;
    else if (h->x && h->x->state == EXCHANGE_ASKED)
        due = h->x->since_ms + d->request;
    if (now_ms < due)
        return due;
    c->set->stats.timeouts++;
    if (is_idle)
        conn_finish(c);
    else if (h->state == H1_ANSWER)
        refuse(c, ERR_TIMEOUT);
    else
        refuse(c, ERR_REQUEST_TIMEOUT);
    return UINT64_MAX;
}
