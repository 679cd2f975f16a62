/* lib/http.c - requests to one server: connections made, shared, replaced */
#include "lib/http.h"
#include "lib/clock.h"
#include <string.h>

/* The story: a request waits in `queued` until a connection has room; conn.c moves it to `finished` when it
 * ended; http_step() hands it to done(), or queues it once more when that is harmless: the server refused it
 * unread, or the connection broke under a request that may be repeated. While no connection is open all
 * wait for the one that is being made, and for those to the other nodes after it, and fail with the last:
 * trying again later is the caller's policy. Beside connections that last there is a pause instead. */

LIST_HEAD(conn_list, conn);

struct http {
    struct nodes *nodes; /* borrowed */
    struct proxy proxy;
    char path[320]; /* in words */
    SSL_CTX *tls;
    bool takes_pushes, overrides_method;
    enum conn_protocol wants;
    enum conn_protocol speaks; /* of the last connection that opened */
    struct conn_list conns;
    struct exchange_list queued, finished;
    size_t queued_count;
    uint64_t rest_ms; /* nobody could be reached: no connection is made before */
    char why[200];
};

struct http *http_new(struct nodes *nodes, const struct proxy *proxy, SSL_CTX *tls, enum conn_protocol wants,
                      bool takes_pushes)
{
    struct http *h = buf_zeroed(1, sizeof *h);
    h->nodes = nodes;
    h->proxy = *proxy;
    h->takes_pushes = takes_pushes;
    snprintf(h->path, sizeof h->path, "%s", "direct");
    if (proxy->is_used)
        snprintf(h->path, sizeof h->path, "through the proxy %s:%s", proxy->host, proxy->port);
    h->tls = tls;
    h->wants = wants;
    LIST_INIT(&h->conns);
    TAILQ_INIT(&h->queued);
    TAILQ_INIT(&h->finished);
    return h;
}

bool http_start(struct http *h, struct exchange *x, uint64_t deadline_ms)
{
    if (h->queued_count >= HTTP_QUEUED_MOST || x->body.bytes > EXCHANGE_BODY_MOST)
        return false;
    x->deadline_ms = deadline_ms;
    x->end = EXCHANGE_OPEN;
    x->moves = h->nodes->moves;
    if (h->overrides_method && strcmp(x->method, "GET") != 0 && strcmp(x->method, "POST") != 0) {
        x->overridden = x->method;
        x->method = "POST";
    }
    TAILQ_INSERT_TAIL(&h->queued, x, entry);
    h->queued_count++;
    return true;
}

static void unqueue(struct http *h, struct exchange *x)
{
    TAILQ_REMOVE(&h->queued, x, entry);
    h->queued_count--;
}

static bool list_has(const struct exchange_list *list, const struct exchange *x)
{
    const struct exchange *at;
    TAILQ_FOREACH(at, list, entry)
    if (at == x)
        return true;
    return false;
}

void http_cancel(struct http *h, struct exchange *x)
{
    struct conn *c;
    if (list_has(&h->queued, x)) {
        unqueue(h, x);
    } else {
        LIST_FOREACH(c, &h->conns, entry)
        if (list_has(&c->open, x)) {
            conn_end(c, x, EXCHANGE_LOST);
            break;
        }
        TAILQ_REMOVE(&h->finished, x, entry);
    }
    exchange_free(&x);
}

/* Gives queued requests to connections with room; makes one more connection when that helps. */
static void assign(struct http *h, uint64_t now_ms)
{
    struct conn *c;
    unsigned count = 0, opening = 0;
    LIST_FOREACH(c, &h->conns, entry)
    {
        count++;
        opening += c->speaks == CONN_UNKNOWN;
        struct exchange *x;
        while (conn_has_room(c, now_ms) && (x = TAILQ_FIRST(&h->queued))) {
            unqueue(h, x);
            conn_begin(c, x);
        }
    }
    bool may_open = count < HTTP_CONNS_MOST && (h->speaks == CONN_H1 || opening == 0);
    if (TAILQ_EMPTY(&h->queued) || !may_open || opening >= h->queued_count || now_ms < h->rest_ms)
        return;
    c = conn_new(nodes_url(h->nodes), &h->proxy, h->tls, h->wants, h->takes_pushes, &h->finished, now_ms);
    c->moves = h->nodes->moves;
    LIST_INSERT_HEAD(&h->conns, c, entry);
}

/* Idle HTTP/1.1 connections that are too old to reuse only stand in the way. */
static bool is_stale(const struct conn *c, uint64_t now_ms)
{
    if (c->is_retired && TAILQ_EMPTY(&c->open))
        return true;
    return c->speaks == CONN_H1 && TAILQ_EMPTY(&c->open) && now_ms - c->heard_ms >= CONN_REUSE_MS;
}

static void fail_queued(struct http *h)
{
    struct exchange *x;
    h->rest_ms = 0;
    while ((x = TAILQ_FIRST(&h->queued))) {
        unqueue(h, x);
        x->end = EXCHANGE_UNSENT;
        x->was_requeued = true; /* it never left, but nobody is there: no second try now */
        TAILQ_INSERT_TAIL(&h->finished, x, entry);
    }
}

/* What a connection says of its node. One that broke says nothing: the network cuts, too, and a node that died
 * takes no new one. False: all have failed, and nothing is to be tried now. */
static bool tell_nodes(struct http *h, struct conn *c, bool was_unknown)
{
    if (c->speaks != CONN_UNKNOWN && was_unknown)
        nodes_worked(h->nodes);
    if (conn_is_closed(c) && c->speaks == CONN_UNKNOWN)
        return nodes_failed(h->nodes, &c->url);
    if (c->has_left || !(conn_is_leaving(c) || c->fell_silent))
        return true;
    c->has_left = true;
    if (c->fell_silent)
        nodes_left(h->nodes, &c->url);
    else
        nodes_bade(h->nodes, &c->url);
    return true;
}

static void step_conns(struct http *h, uint64_t now_ms)
{
    struct conn *c = LIST_FIRST(&h->conns), *next;
    for (; c; c = next) {
        next = LIST_NEXT(c, entry);
        bool was_unknown = c->speaks == CONN_UNKNOWN;
        conn_step(c, now_ms);
        if (!tell_nodes(h, c, was_unknown))
            h->rest_ms = now_ms + HTTP_REST_MS;
        if (c->speaks != CONN_UNKNOWN && was_unknown) {
            h->speaks = c->speaks;
            h->rest_ms = 0;
            h->why[0] = 0;
        }
        if (!conn_is_closed(c) && !is_stale(c, now_ms))
            continue;
        if (c->link.why[0])
            memcpy(h->why, c->link.why, sizeof h->why);
        LIST_REMOVE(c, entry);
        conn_free(&c);
    }
    if (LIST_EMPTY(&h->conns) && now_ms < h->rest_ms)
        fail_queued(h);
}

static void expire(struct http *h, uint64_t now_ms)
{
    struct exchange *x, *next;
    struct conn *c;
    for (x = TAILQ_FIRST(&h->queued); x; x = next) {
        next = TAILQ_NEXT(x, entry);
        if (now_ms < x->deadline_ms)
            continue;
        unqueue(h, x);
        x->end = EXCHANGE_LATE;
        TAILQ_INSERT_TAIL(&h->finished, x, entry);
    }
    LIST_FOREACH(c, &h->conns, entry)
    {
        for (x = TAILQ_FIRST(&c->open); x; x = next) {
            next = TAILQ_NEXT(x, entry);
            if (now_ms >= x->deadline_ms)
                conn_end(c, x, EXCHANGE_LATE);
        }
    }
}

static bool may_repeat(const struct exchange *x, uint64_t now_ms)
{
    if (x->was_requeued || now_ms >= x->deadline_ms)
        return false;
    if (x->end == EXCHANGE_UNSENT)
        return true;
    return x->end == EXCHANGE_LOST && !x->response.wants_pieces && exchange_is_idempotent(x);
}

static void hand_out(struct http *h, uint64_t now_ms)
{
    struct exchange *x;
    while ((x = TAILQ_FIRST(&h->finished))) {
        TAILQ_REMOVE(&h->finished, x, entry);
        if (may_repeat(x, now_ms)) {
            x->was_requeued = true;
            x->end = EXCHANGE_OPEN;
            x->response.status = 0;
            buf_drop(&x->response.body, x->response.body.bytes);
            TAILQ_INSERT_HEAD(&h->queued, x, entry);
            h->queued_count++;
            continue;
        }
        x->done(x->context, x);
        exchange_free(&x);
    }
}

void http_step(struct http *h, uint64_t now_ms)
{
    assign(h, now_ms);
    step_conns(h, now_ms);
    assign(h, now_ms); /* a connection may just have opened */
    step_conns(h, now_ms);
    expire(h, now_ms);
    hand_out(h, now_ms);
}

size_t http_fds(const struct http *h, struct pollfd *at, size_t room)
{
    size_t count = 0;
    const struct conn *c;
    LIST_FOREACH(c, &h->conns, entry)
    {
        short events = link_events(&c->link);
        if (events && count < room)
            at[count++] = (struct pollfd){ .fd = c->link.fd, .events = events };
    }
    return count;
}

int http_timeout_ms(const struct http *h, uint64_t now_ms)
{
    uint64_t due = UINT64_MAX;
    const struct exchange *x;
    const struct conn *c;
    if (!TAILQ_EMPTY(&h->finished))
        return 0;
    if (!TAILQ_EMPTY(&h->queued) && LIST_EMPTY(&h->conns))
        return 0; /* a connection is to be made */
    TAILQ_FOREACH(x, &h->queued, entry)
    due = x->deadline_ms < due ? x->deadline_ms : due;
    if (!TAILQ_EMPTY(&h->queued) && now_ms < h->rest_ms)
        due = h->rest_ms < due ? h->rest_ms : due;
    LIST_FOREACH(c, &h->conns, entry)
    {
        if (!TAILQ_EMPTY(&h->queued) && conn_has_room(c, now_ms))
            return 0; /* it opened, or was freed, in the last step */
        due = conn_due_ms(c) < due ? conn_due_ms(c) : due;
        TAILQ_FOREACH(x, &c->open, entry)
        due = x->deadline_ms < due ? x->deadline_ms : due;
    }
    if (due == UINT64_MAX)
        return -1;
    return due <= now_ms ? 0 : due - now_ms > 60000 ? 60000 : (int)(due - now_ms);
}

static void close_all(struct http *h)
{
    struct conn *c;
    while ((c = LIST_FIRST(&h->conns))) {
        LIST_REMOVE(c, entry);
        conn_free(&c);
    }
}

void http_retire(struct http *h)
{
    struct conn *c;
    LIST_FOREACH(c, &h->conns, entry)
    c->is_retired |= c->moves != h->nodes->moves;
}

const char *http_why(const struct http *h)
{
    return h->why;
}

const char *http_path(const struct http *h)
{
    return h->path;
}

void http_override_methods(struct http *h, bool on)
{
    h->overrides_method = on;
}

bool http_overrides_method(const struct http *h)
{
    return h->overrides_method;
}

const char *http_version(const struct http *h)
{
    return h->speaks == CONN_H2 ? "2" : h->speaks == CONN_H1 ? "1.1" : "";
}

void http_free(struct http **h)
{
    if (!*h)
        return;
    close_all(*h);
    struct exchange *x;
    while ((x = TAILQ_FIRST(&(*h)->queued))) {
        TAILQ_REMOVE(&(*h)->queued, x, entry);
        exchange_free(&x);
    }
    while ((x = TAILQ_FIRST(&(*h)->finished))) {
        TAILQ_REMOVE(&(*h)->finished, x, entry);
        exchange_free(&x);
    }
    explicit_bzero(*h, sizeof **h); /* the proxy's password */
    free(*h);
    *h = NULL;
}
