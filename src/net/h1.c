/* net/h1.c - HTTP/1.1 on one connection: a request, its answer, the next request
 *
 * HEAD: bytes until the empty line; the parser decides the framing once. BODY: by length or by chunks into the
 * exchange. ANSWER: the handler has it; what is pipelined meanwhile is kept up to a cap, then reading stops:
 * that is the back-pressure, and until then a hang-up is noticed. The flush writes the answer and goes back
 * to HEAD in the loop's next round, or ends the connection. After any doubt about the framing the answer is the
 * last one: OVER.
 */
#include "net/h1.h"
#include "net/conn.h"
#include <stdio.h>

enum { IN_BYTES_MAX = LIMIT_HEAD_BYTES + STREAM_CHUNK_BYTES };

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

static enum err take_fields(struct exchange *x, const struct h1parse_head *head)
{
    enum err err = exchange_put(x, TEXT(":method"), head->method), sealed;

    if (!err)
        err = exchange_put(x, TEXT(":path"), head->target);
    for (uint32_t i = 0; !err && i < head->fields_count; i++)
        err = exchange_put(x, head->fields[i].name, head->fields[i].value);
    sealed = exchange_seal(x); /* in any case: the method decides how the refusal looks */
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
        err = take_fields(h->x, &head);
    if (!err && head.content_length > LIMIT_JSON_BYTES)
        err = ERR_TOO_LARGE;
    if (err) {
        refuse(c, err);
        return;
    }
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
    enum err err = exchange_put_body(h->x, (struct text){ at, used });

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
        err = exchange_put_body(h->x, data);
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

    while (used < bytes && h->state != H1_ANSWER && h->state != H1_OVER) {
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

void h1_input(struct conn *c, const char *at, size_t bytes)
{
    struct h1 *h = &c->h1;
    size_t used = 0;

    if (h->state == H1_OVER)
        return;
    if (h->in.bytes == 0) {
        used = consume(c, at, bytes);
        buf_put(&h->in, at + used, bytes - used);
    } else {
        buf_put(&h->in, at, bytes);
        if (h->state != H1_ANSWER)
            buf_drop(&h->in, consume(c, h->in.at, h->in.bytes));
    }
    CHECK(!h->in.overflowed); /* a head's bound and the pause below see to it */
    if (h->in.bytes == 0) { /* nothing is held between requests */
        buf_fini(&h->in);
        buf_init(&h->in, IN_BYTES_MAX);
    }
    if (h->state == H1_ANSWER && h->in.bytes > LIMIT_HEAD_BYTES)
        stream_pause(&c->stream, true);
}

void h1_resume(struct conn *c)
{
    struct h1 *h = &c->h1;

    if (h->state != H1_HEAD)
        return;
    if (h->in.bytes) {
        h->scanned = 0;
        buf_drop(&h->in, consume(c, h->in.at, h->in.bytes));
    }
    if (h->in.bytes <= LIMIT_HEAD_BYTES && !h->ended)
        stream_pause(&c->stream, false);
    if (h->state == H1_HEAD && h->ended)
        conn_finish(c);
}

void h1_input_end(struct conn *c)
{
    struct h1 *h = &c->h1;
    bool is_waiting = h->state == H1_ANSWER && h->x && h->x->state == EXCHANGE_ASKED;

    h->ended = true;
    stream_pause(&c->stream, true); /* an end stays readable for ever */
    if (is_waiting || h->state == H1_BODY)
        conn_kill(c);
    else if (h->state == H1_HEAD)
        conn_finish(c);
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *words;
    } reasons[] = { { 200, "OK" },
                    { 201, "Created" },
                    { 202, "Accepted" },
                    { 400, "Bad Request" },
                    { 401, "Unauthorized" },
                    { 403, "Forbidden" },
                    { 404, "Not Found" },
                    { 405, "Method Not Allowed" },
                    { 408, "Request Timeout" },
                    { 409, "Conflict" },
                    { 410, "Gone" },
                    { 413, "Content Too Large" },
                    { 414, "URI Too Long" },
                    { 422, "Unprocessable Content" },
                    { 429, "Too Many Requests" },
                    { 500, "Internal Server Error" },
                    { 501, "Not Implemented" },
                    { 503, "Service Unavailable" } };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].words;
    return ""; /* RFC 9112 4: may be empty */
}

/* The head of the answer in the set's buffer, which is larger than all fields together. */
static size_t write_head(struct conn *c, struct exchange *x)
{
    struct exchange_field standard[EXCHANGE_STANDARD_FIELDS];
    char length[24], *into = c->set->out;
    size_t count = exchange_standard_fields(x, length, standard), bytes, room = sizeof(c->set->out);

    _Static_assert(sizeof(c->set->out) > 2 * EXCHANGE_FIELDS_BYTES, "head of an answer");
    bytes = (size_t)snprintf(into, room, "HTTP/1.1 %d %s\r\n", x->status, reason(x->status));
    for (size_t i = 0; i < count + x->fields_count; i++) {
        const struct exchange_field *f = i < count ? &standard[i] : &x->fields[i - count];

        bytes += (size_t)snprintf(into + bytes, room - bytes, "%s: %.*s\r\n", f->name, (int)f->value.bytes,
                                  f->value.at);
    }
    if (!c->h1.keep_alive || c->h1.is_10) /* RFC 9112 9.3: persistence is said where it is not the rule */
        bytes += (size_t)snprintf(into + bytes, room - bytes, "connection: %s\r\n",
                                  c->h1.keep_alive ? "keep-alive" : "close");
    bytes += (size_t)snprintf(into + bytes, room - bytes, "\r\n");
    return bytes;
}

static void send_answer(struct conn *c)
{
    struct h1 *h = &c->h1;
    struct exchange *x = h->x;
    struct iovec parts[2];
    bool has_body = x->head.method != METHOD_HEAD;

    if (c->is_draining || (h->ended && h->in.bytes == 0))
        h->keep_alive = false;
    parts[0] = (struct iovec){ c->set->out, write_head(c, x) };
    parts[1] = (struct iovec){ x->answer->at, x->answer->bytes };
    h->x = NULL;
    if (!conn_write(c, parts, has_body ? 2 : 1))
        return;
    exchange_end(x);
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
    if (h->x && h->x->state == EXCHANGE_ANSWERED)
        send_answer(c);
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
