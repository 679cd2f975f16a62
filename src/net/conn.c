/* net/conn.c - one connection from accept to burial, and the set of all of them
 *
 * PROXY (a trusted proxy says who it speaks for), HANDSHAKE (TLS, ALPN chooses) or SNIFF (in the clear, the first
 * bytes choose), then H1 or H2, then LINGER (our end is said; a socket that is closed with unread bytes would reset
 * the last answer away), then DEAD until the turn's end. All writing is done by the flush.
 */
#include "net/conn.h"
#include "base/log.h"
#include "net/proxy.h"
#include "net/refusal.h"
#include "net/unsent.h"
#include <netinet/in.h>
#include <unistd.h>

enum {
    READS_A_TURN = 4, /* of one connection, so that the others get their turn */
    REFUSED_MAX = 64, /* connections that were one too many and are told so */
    LINGER_BYTES_MAX = 4 * 1024 * 1024, /* thrown away so that our last words arrive */
};

/* The header of a proxy, as far as it came. */
struct conn_proxy {
    struct sockaddr_storage own; /* the proxy's */
    size_t have;
    uint8_t at[PROXY_BYTES_MAX];
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum { PREFACE_BYTES = sizeof(preface) - 1 };

uint64_t conn_now(const struct conn *c)
{
    return loop_now_ms(c->set->loop);
}

const char *conn_peer(const struct conn *c)
{
    return peers_text(c->address, c->set->peer_text);
}

void conn_touch(struct conn *c)
{
    if (c->is_dirty || c->phase == CONN_DEAD)
        return;
    c->is_dirty = true;
    TAILQ_INSERT_TAIL(&c->set->dirty, c, dirty);
}

void conn_due_in(struct conn *c, uint32_t wait_ms)
{
    uint64_t at_ms = conn_now(c) + wait_ms;

    if (c->phase == CONN_DEAD || at_ms >= c->timer_at_ms)
        return;
    c->timer_at_ms = at_ms;
    loop_timer_set(&c->timer, wait_ms);
}

void conn_resume(struct conn *c)
{
    c->is_resuming = true;
    conn_due_in(c, 0);
}

static void lose_exchanges(struct conn *c)
{
    struct exchange *x;

    while ((x = TAILQ_FIRST(&c->exchanges)))
        exchange_end(x);
    if (!c->is_http2)
        c->h1.x = NULL;
}

/* Among whom it counts. */
static uint32_t *counter(struct conn *c)
{
    if (c->is_link)
        return &c->set->stats.links;
    return c->is_refused ? &c->set->refused_count : &c->set->stats.connections;
}

void conn_kill(struct conn *c)
{
    struct conn_set *set = c->set;

    if (c->phase == CONN_DEAD)
        return;
    lose_exchanges(c);
    unsent_count(set, stream_pending(&c->stream), 0);
    c->phase = CONN_DEAD;
    stream_fini(&c->stream);
    loop_timer_clear(&c->timer);
    if (c->peer)
        peers_leave(set->peers, c->peer);
    free(c->proxy);
    c->proxy = NULL;
    *counter(c) -= 1;
    if (c->is_dirty)
        TAILQ_REMOVE(&set->dirty, c, dirty);
    TAILQ_REMOVE(&set->live, c, link);
    TAILQ_INSERT_TAIL(&set->dead, c, link);
}

void conn_finish(struct conn *c)
{
    if (c->phase == CONN_DEAD || c->is_finishing)
        return;
    c->is_finishing = true;
    stream_pause(&c->stream, true);
    conn_touch(c);
}

static void linger(struct conn *c)
{
    lose_exchanges(c);
    c->phase = CONN_LINGER;
    c->accepted_ms = conn_now(c);
    stream_say_end(&c->stream);
    conn_due_in(c, c->set->deadlines.linger);
}

static void stalled(struct conn *c)
{
    c->stalled_ms = conn_now(c);
    conn_due_in(c, c->set->deadlines.write_stall);
}

bool conn_write(struct conn *c, const struct iovec *parts, int count)
{
    size_t before = stream_pending(&c->stream);
    enum stream_result result = stream_write(&c->stream, parts, count);

    unsent_count(c->set, before, stream_pending(&c->stream));
    if (result == STREAM_FAILED) {
        conn_kill(c);
        return false;
    }
    if (stream_pending(&c->stream) && !c->stalled_ms)
        stalled(c);
    return true;
}

bool conn_offer(struct conn *c, const struct iovec *parts, int count, size_t keep_bytes, size_t *taken)
{
    size_t total = 0;
    enum stream_result result = stream_offer(&c->stream, parts, count, keep_bytes, taken);

    unsent_count(c->set, 0, stream_pending(&c->stream));
    if (result == STREAM_FAILED) {
        conn_kill(c);
        return false;
    }
    for (int i = 0; i < count; i++)
        total += parts[i].iov_len;
    if (*taken == total && stream_pending(&c->stream) == 0)
        c->stalled_ms = 0;
    else if (*taken || !c->stalled_ms)
        stalled(c);
    return true;
}

/* Sends what the socket refused before; false: the connection is dead. */
static bool drain(struct conn *c)
{
    size_t before = stream_pending(&c->stream);
    enum stream_result result = stream_drain(&c->stream);

    unsent_count(c->set, before, stream_pending(&c->stream));
    if (result == STREAM_FAILED) {
        conn_kill(c);
        return false;
    }
    if (stream_pending(&c->stream) == 0)
        c->stalled_ms = 0;
    else if (stream_pending(&c->stream) < before)
        c->stalled_ms = conn_now(c);
    return true;
}

void conn_flush(struct conn *c)
{
    if (stream_pending(&c->stream) && !drain(c))
        return;
    if (c->phase == CONN_H1)
        h1_flush(c);
    else if (c->phase == CONN_H2)
        h2_flush(c);
    if (c->is_finishing && (c->phase == CONN_H1 || c->phase == CONN_H2) && stream_pending(&c->stream) == 0)
        linger(c);
    else
        unsent_look_for_room(c);
}

static void begin(struct conn *c, enum conn_phase phase)
{
    c->phase = phase;
    c->is_http2 = phase == CONN_H2;
    if (c->is_http2)
        h2_init(c);
    else
        h1_init(c);
    c->is_draining = c->set->is_draining && !c->is_link;
    if (c->is_draining && phase == CONN_H2)
        h2_drain(c);
}

/* Beyond what a turn takes it stays as it is: its socket says so again in the next one. */
static void handshake(struct conn *c)
{
    if (!c->is_link && c->set->handshakes == LIMIT_HANDSHAKES)
        return;
    c->set->handshakes += !c->is_link; /* a storm of clients does not keep other nodes out */
    enum stream_result result = stream_handshake(&c->stream);
    if (result == STREAM_FAILED)
        conn_kill(c);
    else if (result == STREAM_OK)
        begin(c, text_equal(stream_protocol(&c->stream), TEXT("h2")) ? CONN_H2 : CONN_H1);
}

static void protocol_input(struct conn *c, const char *at, size_t bytes)
{
    if (c->phase == CONN_H1)
        h1_input(c, at, bytes);
    else if (c->phase == CONN_H2)
        h2_input(c, at, bytes);
    else if ((c->lingered_bytes += (uint32_t)bytes) > LINGER_BYTES_MAX)
        conn_kill(c);
}

/* What came of the preface needs no buffer: its bytes are known. */
static void sniff(struct conn *c, const char *at, size_t bytes)
{
    size_t known = c->sniffed, same = 0;

    while (same < bytes && known + same < PREFACE_BYTES && at[same] == preface[known + same])
        same++;
    c->sniffed = (uint8_t)(known + same);
    if (same == bytes && c->sniffed < PREFACE_BYTES)
        return;
    begin(c, c->sniffed == PREFACE_BYTES ? CONN_H2 : CONN_H1);
    if (known)
        protocol_input(c, preface, known);
    protocol_input(c, at, bytes);
}

static void input_end(struct conn *c)
{
    if (c->phase == CONN_H1)
        h1_input_end(c);
    else
        conn_kill(c);
}

static void input(struct conn *c)
{
    char *at = c->set->in;
    size_t bytes = 0;

    for (int i = 0; i < READS_A_TURN && c->phase != CONN_DEAD && !c->stream.is_paused; i++) {
        enum stream_result result = stream_read(&c->stream, at, &bytes);

        if (result == STREAM_EOF)
            input_end(c);
        else if (result == STREAM_FAILED)
            conn_kill(c);
        else if (result == STREAM_OK && c->phase == CONN_SNIFF)
            sniff(c, at, bytes);
        else if (result == STREAM_OK)
            protocol_input(c, at, bytes);
        if (result != STREAM_OK || (!c->stream.ssl && bytes < STREAM_CHUNK_BYTES))
            break;
    }
}

/* Too many. In the clear it is told so, and lingers, so that closing does not take the words back. */
static void turn_away(struct conn *c)
{
    struct conn_set *set = c->set;
    struct exchange_field fields[REFUSAL_FIELDS_MAX];
    struct iovec parts[2] = { { set->out, 0 } };
    struct blob *body;
    struct answer *a;

    set->stats.refused++;
    if (!c->is_refused) {
        set->stats.connections--;
        set->refused_count++;
        c->is_refused = true;
    }
    if (c->is_tls || set->refused_count > REFUSED_MAX) {
        conn_kill(c);
        return;
    }
    body = refusal_body(ERR_BUSY);
    a = answer_new(set->pool, err_status(ERR_BUSY), ANSWER_WHOLE, fields, refusal_fields(ERR_BUSY, fields));
    a->length = body->bytes;
    parts[0].iov_len =
        answer_text(a, conn_set_date(set), "connection: close\r\n", set->out, sizeof(set->out));
    parts[1] = (struct iovec){ body->at, body->bytes };
    if (conn_write(c, parts, 2))
        linger(c);
    answer_free(set->pool, &a);
    blob_free(&body);
}

/* The peer is known: it is counted, and speaks from here on. */
static void welcome(struct conn *c, const struct sockaddr *address)
{
    struct conn_set *set = c->set;

    peers_address(address, c->address);
    c->peer = peers_enter(set->peers, address, c->is_link ? UINT32_MAX : set->connections_per_ip_max);
    if (!c->peer) {
        turn_away(c);
        return;
    }
    set->stats.accepted++;
    c->phase = c->is_tls ? CONN_HANDSHAKE : CONN_SNIFF;
    conn_due_in(c, c->is_tls ? set->deadlines.handshake : set->deadlines.head);
    conn_due_in(c, set->deadlines.unauthenticated);
}

/* Exactly the header is read: what follows is the peer's, and perhaps TLS. */
static void proxy_input(struct conn *c)
{
    struct conn_proxy *p = c->proxy;
    struct sockaddr_storage from;
    size_t whole = 0, bytes = 0;
    enum stream_result result = STREAM_OK;
    enum err err = proxy_bytes(p->at, p->have, &whole);

    while (!err && result == STREAM_OK && p->have < whole) {
        result = stream_read_below(&c->stream, p->at + p->have, whole - p->have, &bytes);
        p->have += result == STREAM_OK ? bytes : 0;
        err = proxy_bytes(p->at, p->have, &whole);
    }
    if (!err && result == STREAM_AGAIN)
        return;
    if (!err && result == STREAM_OK)
        err = proxy_read(p->at, p->have, &from);
    if (err) {
        c->set->stats.bad_requests++;
        log_line(LOG_WARN, "net.proxy.bad", "peer=%s", conn_peer(c));
    }
    if (err || result != STREAM_OK) {
        conn_kill(c);
        return;
    }
    if (from.ss_family == AF_UNSPEC)
        from = p->own;
    free(p);
    c->proxy = NULL;
    welcome(c, (struct sockaddr *)&from);
}

static void on_io(void *ctx, unsigned what)
{
    struct conn *c = ctx;

    if (c->phase == CONN_HANDSHAKE || c->phase == CONN_PROXY) {
        if (c->phase == CONN_PROXY)
            proxy_input(c);
        else
            handshake(c);
        return;
    }
    if (what & LOOP_WRITE) {
        c->stream.wants_write = false;
        conn_touch(c);
    }
    if (what & LOOP_READ)
        input(c);
}

/* What is due whatever is spoken; acts on it. */
static uint64_t transport_due(struct conn *c, uint64_t now_ms)
{
    const struct net_deadlines *d = &c->set->deadlines;
    uint64_t due = UINT64_MAX;

    if (c->phase == CONN_HANDSHAKE || c->phase == CONN_PROXY)
        due = c->accepted_ms + d->handshake;
    else if (c->phase == CONN_SNIFF)
        due = c->accepted_ms + d->head;
    else if (c->phase == CONN_LINGER)
        due = c->accepted_ms + d->linger;
    if (c->stalled_ms && c->stalled_ms + d->write_stall < due)
        due = c->stalled_ms + d->write_stall;
    if (due > now_ms)
        return due;
    c->set->stats.timeouts += c->phase != CONN_LINGER;
    conn_kill(c);
    return UINT64_MAX;
}

static uint64_t protocol_due(struct conn *c, uint64_t now_ms)
{
    uint64_t trust = c->is_trusted ? UINT64_MAX : c->accepted_ms + c->set->deadlines.unauthenticated, due;

    if (c->is_finishing || (c->phase != CONN_H1 && c->phase != CONN_H2))
        return UINT64_MAX;
    if (trust <= now_ms) {
        c->set->stats.timeouts++;
        if (c->phase == CONN_H2)
            h2_quit(c);
        else
            conn_finish(c);
        c->is_trusted = true; /* once is enough */
        return UINT64_MAX;
    }
    due = c->phase == CONN_H1 ? h1_due(c, now_ms) : h2_due(c, now_ms);
    return due < trust ? due : trust;
}

static void on_timer(void *ctx)
{
    struct conn *c = ctx;
    uint64_t now_ms = conn_now(c), due, other;

    c->timer_at_ms = UINT64_MAX;
    if (c->is_resuming) {
        c->is_resuming = false;
        if (c->phase == CONN_H1)
            h1_resume(c);
        else if (c->phase == CONN_H2)
            h2_resume(c);
    }
    due = transport_due(c, now_ms);
    other = protocol_due(c, now_ms);
    due = due < other ? due : other;
    if (due != UINT64_MAX)
        conn_due_in(c, (uint32_t)(due - now_ms));
}

static struct conn *make(struct conn_set *set, int fd, SSL_CTX *tls)
{
    struct conn *c = calloc(1, sizeof(*c));

    CHECK(c);
    c->set = set;
    c->is_tls = tls != NULL;
    c->accepted_ms = conn_now(c);
    c->timer_at_ms = UINT64_MAX;
    TAILQ_INIT(&c->exchanges);
    TAILQ_INIT(&c->ready);
    TAILQ_INSERT_TAIL(&set->live, c, link);
    stream_init(&c->stream, set->loop, fd, tls, on_io, c);
    loop_timer_init(&c->timer, set->loop, on_timer, c);
    return c;
}

static void expect_proxy(struct conn *c, const struct sockaddr *address)
{
    size_t bytes = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    c->proxy = calloc(1, sizeof(*c->proxy));
    CHECK(c->proxy);
    memcpy(&c->proxy->own, address, bytes);
    peers_address(address, c->address);
    c->phase = CONN_PROXY;
    conn_due_in(c, c->set->deadlines.handshake);
}

void conn_accept(struct conn_set *set, int fd, const struct sockaddr *address, struct conn_how how)
{
    bool is_refused = !how.is_link && set->stats.connections >= set->connections_max;
    struct conn *c;

    if (is_refused && (how.tls || set->refused_count == REFUSED_MAX)) {
        set->stats.refused++;
        close(fd);
        return;
    }
    c = make(set, fd, how.tls);
    c->fn = how.fn;
    c->ctx = how.ctx;
    c->is_refused = is_refused;
    c->is_link = how.is_link;
    *counter(c) += 1;
    if (is_refused) {
        turn_away(c);
        return;
    }
    if (how.is_proxied)
        expect_proxy(c, address);
    else
        welcome(c, address);
}
