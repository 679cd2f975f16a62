/* net/exchange.c - one request and its answer, whatever HTTP version carries it
 *
 * An exchange belongs to its connection until the handler has answered and the transport has sent it. Whoever
 * loses interest first, peer or handler, the other is never left with a dangling pointer: a lost exchange stays
 * in the set's list until its handler was told or has answered, and nothing is freed before the turn's end.
 * Whatever the handler says is only noted: the flush says it to the peer. An answer is a head and pieces; one that
 * is given whole is begun, written and finished in one call.
 */
#include "net/conn.h"
#include "net/promise.h"
#include "net/refusal.h"
#include "net/tunnel.h"
#include "net/unsent.h"

static struct exchange *make(struct conn *c)
{
    struct exchange *x = pool_take_zeroed(c->set->pool, sizeof(*x));

    x->set = c->set;
    x->conn = c;
    x->since_ms = conn_now(c);
    pieces_init(&x->pieces);
    TAILQ_INSERT_TAIL(&c->exchanges, x, link);
    c->set->stats.exchanges++;
    return x;
}

struct exchange *exchange_new(struct conn *c, int32_t stream_id)
{
    struct exchange *x = make(c);

    x->stream_id = stream_id;
    x->is_http2 = stream_id != 0;
    x->request = net_request_new(x->set->pool, c->is_tls, x->is_http2);
    return x;
}

static struct text authority_of(const struct exchange *x)
{
    if (x->request)
        return x->request->head.authority;
    return x->authority ? blob_text(x->authority) : TEXT("");
}

static struct exchange *new_promised(struct exchange *anchor, struct text target)
{
    struct exchange *x = make(anchor->conn);

    x->is_http2 = x->is_promised = x->is_held = x->body_is_whole = true;
    x->anchor = anchor;
    anchor->promises++;
    x->request = net_request_new(x->set->pool, x->conn->is_tls, true);
    CHECK(!net_request_put(x->request, TEXT(":method"), TEXT("GET")) &&
          !net_request_put(x->request, TEXT(":path"), target) &&
          !net_request_put(x->request, TEXT(":authority"), authority_of(anchor)) &&
          !net_request_seal(x->request));
    x->state = EXCHANGE_ASKED;
    exchange_ready(x);
    return x;
}

static void exchange_free(struct exchange *x)
{
    x->set->stats.exchanges--;
    pieces_clear(&x->pieces, x->set->pool);
    answer_free(x->set->pool, &x->answer);
    blob_free(&x->authority);
    tunnel_free(&x->tunnel);
    net_request_free(&x->request);
    pool_give(x->set->pool, x);
}

static void set_state(struct exchange *x, enum exchange_state state)
{
    x->state = state;
    x->since_ms = loop_now_ms(x->set->loop);
}

void exchange_ask(struct exchange *x)
{
    struct conn *c = x->conn;

    CHECK(x->state == EXCHANGE_ARRIVING);
    if (!x->refused && !c->is_link && x->set->stats.exchanges > x->set->exchanges_max)
        x->refused = ERR_BUSY;
    if (x->refused) {
        exchange_refuse(x, x->refused);
        return;
    }
    *(x->is_http2 ? &x->set->stats.requests_h2 : &x->set->stats.requests_h1) += 1;
    x->is_head = x->request->head.method == METHOD_HEAD;
    x->is_held = true;
    set_state(x, EXCHANGE_ASKED);
    conn_due_in(c, x->set->deadlines.request);
    c->fn(x, c->ctx);
}

const struct exchange_head *exchange_head(const struct exchange *x)
{
    static const struct exchange_head none = { .method = METHOD_OTHER };

    return x->request ? &x->request->head : &none;
}

struct text exchange_body(const struct exchange *x)
{
    return x->request ? buf_text(&x->request->body) : TEXT("");
}

struct text exchange_peer(const struct exchange *x)
{
    return x->conn ? text_of(conn_peer(x->conn)) : TEXT("");
}

void exchange_forget(struct exchange *x)
{
    if (x->is_promised) /* says itself when its head has had its use */
        return;
    if (x->request && exchange_can_push(x))
        x->authority = blob_copy(x->request->head.authority);
    net_request_free(&x->request);
}

void exchange_on_gone(struct exchange *x, exchange_gone_fn *gone, void *ctx)
{
    x->gone = gone;
    x->gone_ctx = ctx;
}

void exchange_on_room(struct exchange *x, exchange_room_fn *room, void *ctx)
{
    x->room = room;
    x->room_ctx = ctx;
}

void exchange_trusted(struct exchange *x)
{
    if (x->conn)
        x->conn->is_trusted = true;
}

void exchange_ready(struct exchange *x)
{
    if (!x->is_ready)
        TAILQ_INSERT_TAIL(&x->conn->ready, x, ready);
    x->is_ready = true;
    conn_touch(x->conn);
}

void exchange_unready(struct exchange *x)
{
    if (x->is_ready)
        TAILQ_REMOVE(&x->conn->ready, x, ready);
    x->is_ready = false;
}

static void count_pieces(struct exchange *x, size_t before)
{
    if (x->anchor) {
        x->anchor->promised_unsent -= before;
        x->anchor->promised_unsent += x->unsent;
    }
    unsent_count(x->set, before, x->unsent);
}

void exchange_sent(struct exchange *x, size_t bytes)
{
    size_t before = x->unsent;

    pieces_drop(&x->pieces, x->set->pool, bytes);
    x->unsent -= bytes;
    x->since_ms = loop_now_ms(x->set->loop);
    count_pieces(x, before);
}

size_t exchange_unsent(const struct exchange *x)
{
    size_t bytes = x->unsent + x->promised_unsent;

    if (!x->conn)
        return 0;
    bytes += stream_pending(&x->conn->stream);
    if (bytes && x->set->is_over && bytes < LIMIT_UNSENT_BYTES)
        return LIMIT_UNSENT_BYTES;
    return bytes;
}

static void begin(struct exchange *x, struct answer *a)
{
    CHECK(x->state == EXCHANGE_ASKED && (a->status == 101 || (a->status >= 200 && a->status <= 599)));
    x->answer = a;
    x->is_begun = a->kind != ANSWER_WHOLE;
    x->conn->begun_count += x->is_begun;
    x->is_chunked = a->kind == ANSWER_PIECES && !x->is_http2 && !x->conn->h1.is_10 && !x->is_head;
    set_state(x, EXCHANGE_ANSWERED);
    conn_due_in(x->conn, x->set->deadlines.write_stall);
    exchange_ready(x);
}

/* The handler lets go of it. */
static void let_go(struct exchange *x)
{
    x->gone = NULL;
    x->room = NULL;
    x->is_held = false;
    if (x->is_begun)
        x->conn->begun_count--;
    x->is_begun = false;
}

static void put(struct exchange *x, struct blob *piece)
{
    size_t before = x->unsent;

    if (x->is_head) {
        blob_free(&piece);
        return;
    }
    if (before == 0 && x->state == EXCHANGE_SENDING) {
        x->since_ms = loop_now_ms(x->set->loop);
        conn_due_in(x->conn, x->set->deadlines.write_stall);
    }
    x->unsent += pieces_add(&x->pieces, x->set->pool, piece, x->is_chunked);
    count_pieces(x, before);
    x->is_above |= exchange_unsent(x) > LIMIT_UNSENT_BYTES / 2;
    if (x->anchor)
        x->anchor->is_above |= exchange_unsent(x->anchor) > LIMIT_UNSENT_BYTES / 2;
}

static void finish(struct exchange *x)
{
    size_t before = x->unsent;

    if (x->is_chunked)
        x->unsent += pieces_add_last_chunk(&x->pieces, x->set->pool);
    count_pieces(x, before);
    x->is_finished = true;
    let_go(x);
    exchange_ready(x);
}

static void answer(struct exchange *x, int status, const struct exchange_field *fields, size_t count,
                   struct blob *body)
{
    struct answer *a = answer_new(x->set->pool, status, ANSWER_WHOLE, fields, count);

    if (!body)
        body = blob_copy(TEXT("{}"));
    a->length = body->bytes;
    begin(x, a);
    put(x, body);
    finish(x);
}

void exchange_respond(struct exchange *x, int status, const struct exchange_field *fields,
                      size_t fields_count, struct blob *body)
{
    if (x->state == EXCHANGE_LOST) {
        blob_free(&body);
        exchange_end(x);
        return;
    }
    CHECK(x->state == EXCHANGE_ASKED && status >= 200);
    answer(x, status, fields, fields_count, body);
}

void exchange_begin(struct exchange *x, int status, const struct exchange_field *fields, size_t fields_count)
{
    if (x->state == EXCHANGE_LOST)
        return;
    CHECK(x->state == EXCHANGE_ASKED && !x->is_promised && status >= 200);
    begin(x, answer_new(x->set->pool, status, ANSWER_PIECES, fields, fields_count));
}

void exchange_tunnel(struct exchange *x, const struct exchange_field *fields, size_t fields_count,
                     exchange_input_fn *input, void *ctx)
{
    if (x->state == EXCHANGE_LOST)
        return;
    CHECK(x->tunnel && !x->is_promised);
    x->tunnel->input = input;
    x->tunnel->ctx = ctx;
    begin(x, answer_new(x->set->pool, x->is_http2 ? 200 : 101, ANSWER_TUNNEL, fields, fields_count));
}

void exchange_write(struct exchange *x, struct blob *piece)
{
    if (x->state == EXCHANGE_LOST) {
        blob_free(&piece);
        return;
    }
    CHECK(x->is_begun && !x->is_finished);
    put(x, piece);
    exchange_ready(x);
}

void exchange_finish(struct exchange *x)
{
    if (x->state == EXCHANGE_LOST) {
        exchange_end(x);
        return;
    }
    CHECK(x->is_begun && !x->is_finished);
    finish(x);
}

void exchange_abort(struct exchange *x)
{
    if (x->state == EXCHANGE_ENDED) /* inside its own gone */
        return;
    if (x->state == EXCHANGE_LOST) {
        x->gone = NULL;
        exchange_end(x);
        return;
    }
    CHECK(x->is_held);
    let_go(x);
    x->is_aborted = true;
    exchange_ready(x);
}

void exchange_pause(struct exchange *x, bool on)
{
    if (!x->conn || !x->tunnel || x->tunnel->is_paused == on)
        return;
    x->tunnel->is_paused = on;
    exchange_ready(x);
}

bool exchange_certificate(const struct exchange *x, char into[static EXCHANGE_NAME_BYTES])
{
    into[0] = 0;
    if (x->conn)
        stream_peer_name(&x->conn->stream, into, EXCHANGE_NAME_BYTES);
    return x->conn && x->conn->stream.ssl;
}

bool exchange_can_push(const struct exchange *x)
{
    return x->conn && x->is_http2 && promise_can(x->conn);
}

bool exchange_is_authoritative(const struct exchange *x)
{
    return x->conn && stream_names(&x->conn->stream, authority_of(x));
}

struct exchange *exchange_promise(struct exchange *x, struct text target)
{
    bool may = x->is_begun && !x->is_aborted && exchange_can_push(x) && authority_of(x).bytes;

    if (!may || !promise_has_room(x->conn))
        return NULL;
    return new_promised(x, target);
}

bool exchange_is_crowded(struct exchange *x)
{
    x->is_crowded = exchange_can_push(x) && !promise_has_room(x->conn);
    x->is_above |= x->is_crowded;
    return x->is_crowded;
}

/* The handler keeps the one it has; the peer's answer goes out on a copy that takes its place. */
static struct exchange *stand_in(struct exchange *x)
{
    struct exchange *copy = make(x->conn);

    copy->stream_id = x->stream_id;
    copy->is_http2 = x->is_http2;
    copy->is_head = x->is_head;
    copy->body_is_whole = x->body_is_whole;
    copy->state = EXCHANGE_ASKED;
    if (x->is_http2)
        h2_replace(x, copy);
    else
        h1_replace(x, copy);
    exchange_end(x);
    return copy;
}

void exchange_refuse(struct exchange *x, enum err err)
{
    struct exchange_field fields[REFUSAL_FIELDS_MAX];
    size_t count = refusal_fields(err, fields);

    CHECK(x->state == EXCHANGE_ARRIVING || x->state == EXCHANGE_ASKED);
    if (x->state == EXCHANGE_ASKED) {
        x = stand_in(x);
    } else {
        x->set->stats.bad_requests++;
        x->is_head = x->request->head.method == METHOD_HEAD;
        set_state(x, EXCHANGE_ASKED);
    }
    x->refused = err;
    answer(x, err_status(err), fields, count, refusal_body(err));
}

/* What was promised on it and is not answered has nobody any more who would be told. */
static void end_promises(struct exchange *x)
{
    struct exchange *p;

    for (p = x->promises ? TAILQ_FIRST(&x->conn->exchanges) : NULL; p; p = TAILQ_NEXT(p, link)) {
        if (p->anchor != x)
            continue;
        p->anchor = NULL;
        if (!p->is_held)
            continue;
        p->is_aborted = true; /* its handler is told when the stream is closed */
        exchange_ready(p);
    }
    x->promises = 0;
}

static void leave_conn(struct exchange *x)
{
    size_t before = x->unsent;

    exchange_unready(x);
    end_promises(x);
    pieces_clear(&x->pieces, x->set->pool);
    x->unsent = 0;
    count_pieces(x, before);
    if (x->anchor)
        x->anchor->promises--;
    if (x->is_begun)
        x->conn->begun_count--;
    x->anchor = NULL;
    x->conn = NULL;
}

void exchange_end(struct exchange *x)
{
    struct exchange_list *from = x->conn ? &x->conn->exchanges : &x->set->lost;
    bool is_lost = x->conn && x->is_held;

    CHECK(x->state != EXCHANGE_ENDED);
    TAILQ_REMOVE(from, x, link);
    if (x->conn)
        leave_conn(x);
    x->is_held &= is_lost;
    set_state(x, is_lost ? EXCHANGE_LOST : EXCHANGE_ENDED);
    TAILQ_INSERT_TAIL(is_lost ? &x->set->lost : &x->set->ended, x, link);
}

void exchange_bury(struct conn_set *set)
{
    struct exchange *x = TAILQ_FIRST(&set->lost);

    while (x) {
        exchange_gone_fn *gone = x->gone;

        if (!gone) {
            x = TAILQ_NEXT(x, link);
            continue;
        }
        exchange_end(x);
        gone(x, x->gone_ctx);
        x = TAILQ_FIRST(&set->lost); /* gone() may have answered, and so ended, any of them */
    }
    while ((x = TAILQ_FIRST(&set->ended))) {
        TAILQ_REMOVE(&set->ended, x, link);
        exchange_free(x);
    }
}
