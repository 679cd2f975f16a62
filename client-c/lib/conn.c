/* lib/conn.c - one connection and the exchanges on it: HTTP/2 carries many, HTTP/1.1 one after the other */
#include "lib/conn.h"
#include <string.h>

static void finish(struct conn *c, struct exchange *x, enum exchange_end end)
{
    x->end = end;
    TAILQ_REMOVE(&c->open, x, entry);
    TAILQ_INSERT_TAIL(c->finished, x, entry);
}

static void h2_ended(void *context, struct exchange *x)
{
    finish(context, x, x->end);
}

static void h2_pushed(void *context, struct exchange *x)
{
    struct conn *c = context;
    TAILQ_INSERT_TAIL(&c->open, x, entry);
}

struct conn *conn_new(const struct url *u, const struct proxy *proxy, SSL_CTX *tls, enum conn_protocol wants,
                      bool takes_pushes, struct exchange_list *finished, uint64_t now_ms)
{
    struct conn *c = buf_zeroed(1, sizeof *c);
    c->url = *u;
    c->wants = wants;
    c->takes_pushes = takes_pushes;
    c->finished = finished;
    c->heard_ms = now_ms;
    TAILQ_INIT(&c->open);
    link_open(&c->link, u, proxy, tls, wants != CONN_H1, now_ms);
    return c;
}

bool conn_has_room(const struct conn *c, uint64_t now_ms)
{
    if (c->link.state != LINK_OPEN || c->is_retired)
        return false;
    if (c->speaks == CONN_H2)
        return !h2_is_leaving(c->h2);
    return c->speaks == CONN_H1 && TAILQ_EMPTY(&c->open) && now_ms - c->heard_ms < CONN_REUSE_MS;
}

void conn_begin(struct conn *c, struct exchange *x)
{
    enum exchange_http speaks = c->speaks == CONN_H2 ? EXCHANGE_HTTP_2 : EXCHANGE_HTTP_1;
    TAILQ_INSERT_TAIL(&c->open, x, entry);
    x->moves = c->moves;
    if (x->only != EXCHANGE_HTTP_ANY && x->only != speaks) {
        finish(c, x, EXCHANGE_UNFIT);
        return;
    }
    if (c->speaks == CONN_H2) {
        h2_begin(c->h2, x);
        return;
    }
    struct buf out = { 0 };
    h1_begin(&c->h1);
    h1_write(&out, x, c->url.authority);
    link_write(&c->link, out.at, out.bytes);
    explicit_bzero(out.at, out.bytes); /* token, perhaps a password */
    buf_fini(&out);
}

static void lose_all(struct conn *c)
{
    struct exchange *x;
    enum exchange_end end = c->speaks == CONN_UNKNOWN ? EXCHANGE_UNSENT : EXCHANGE_LOST;
    while ((x = TAILQ_FIRST(&c->open))) {
        x->was_told = c->h2 && h2_is_leaving(c->h2);
        if (c->h2)
            h2_cancel(c->h2, x);
        finish(c, x, end);
    }
}

void conn_end(struct conn *c, struct exchange *x, enum exchange_end end)
{
    if (c->speaks == CONN_H2)
        h2_cancel(c->h2, x);
    else
        link_close(&c->link);
    finish(c, x, end);
}

static void opened(struct conn *c, uint64_t now_ms)
{
    /* Without TLS nobody negotiates: HTTP/2 with prior knowledge unless HTTP/1.1 was asked for. */
    static const struct h2_events events = { h2_ended, h2_pushed };
    bool is_h2 = c->link.ssl ? c->link.is_h2 : c->wants != CONN_H1;
    c->heard_ms = now_ms;
    if (c->wants == CONN_H2 && !is_h2) {
        snprintf(c->link.why, sizeof c->link.why, "the server does not speak HTTP/2");
        link_close(&c->link);
        return;
    }
    c->speaks = is_h2 ? CONN_H2 : CONN_H1;
    if (is_h2)
        c->h2 = h2_new(c->url.authority, c->link.ssl != NULL, c->takes_pushes, &events, c);
}

static void take_h1(struct conn *c, const char *bytes, size_t count)
{
    struct exchange *x = TAILQ_FIRST(&c->open);
    size_t used = x ? h1_read(&c->h1, &x->response, bytes, count) : 0;
    if (x && c->h1.state == H1_DONE) {
        finish(c, x, EXCHANGE_ANSWERED);
        if (!c->h1.keeps_alive || used < count)
            link_close(&c->link);
    } else if (!x || c->h1.state == H1_BAD) {
        snprintf(c->link.why, sizeof c->link.why, "%s", x ? "not an HTTP/1.1 answer" : "");
        link_close(&c->link); /* an answer that nobody asked for, or not one */
    }
}

static void read_all(struct conn *c, uint64_t now_ms)
{
    char part[16 * 1024];
    size_t got;
    /* Bounded: one connection may not keep the program from the others. */
    for (int round = 0; round < 64 && (got = link_read(&c->link, part, sizeof part)) > 0; round++) {
        c->heard_ms = now_ms;
        c->pinged_ms = 0;
        if (c->speaks == CONN_H1) {
            take_h1(c, part, got);
        } else if (!h2_read(c->h2, part, got)) {
            snprintf(c->link.why, sizeof c->link.why, "the server broke the HTTP/2 protocol");
            link_close(&c->link);
        }
    }
    struct exchange *x = TAILQ_FIRST(&c->open);
    if (c->link.state == LINK_CLOSED && c->speaks == CONN_H1 && x) {
        h1_closed(&c->h1);
        if (c->h1.state == H1_DONE)
            finish(c, x, EXCHANGE_ANSWERED);
    }
}

static void write_h2(struct conn *c)
{
    struct buf out = { 0 };
    if (c->link.out.bytes < LINK_OUT_MOST && !h2_write(c->h2, &out, LINK_OUT_MOST))
        link_close(&c->link);
    link_write(&c->link, out.at, out.bytes);
    buf_fini(&out);
    if (c->link.state == LINK_OPEN && c->link.out.bytes == 0 && h2_is_over(c->h2))
        link_close(&c->link);
}

/* Over cleartext nobody has said that HTTP/2 is spoken here, and nobody has yet. */
static bool is_guess(const struct conn *c)
{
    return c->speaks == CONN_H2 && !c->link.ssl && c->wants == CONN_UNKNOWN && !h2_is_settled(c->h2);
}

uint64_t conn_due_ms(const struct conn *c)
{
    if (c->speaks == CONN_UNKNOWN)
        return c->link.deadline_ms;
    if (c->speaks == CONN_H2 && is_guess(c))
        return c->heard_ms + CONN_PRIOR_MS;
    if (c->speaks != CONN_H2 || TAILQ_EMPTY(&c->open))
        return UINT64_MAX;
    return c->pinged_ms ? c->pinged_ms + CONN_PONG_MS : c->heard_ms + CONN_QUIET_MS;
}

/* Broken connections are often silent: ask, and give up when nothing comes. */
static void watch(struct conn *c, uint64_t now_ms)
{
    if (is_guess(c) && now_ms - c->heard_ms >= CONN_PRIOR_MS) {
        snprintf(c->link.why, sizeof c->link.why, "what answers does not speak HTTP/2");
        link_close(&c->link);
        return;
    }
    if (c->speaks != CONN_H2 || TAILQ_EMPTY(&c->open))
        return;
    if (c->pinged_ms && now_ms - c->pinged_ms >= CONN_PONG_MS) {
        snprintf(c->link.why, sizeof c->link.why, "the server fell silent");
        c->fell_silent = true;
        link_close(&c->link);
    } else if (!c->pinged_ms && now_ms - c->heard_ms >= CONN_QUIET_MS) {
        h2_ping(c->h2);
        c->pinged_ms = now_ms;
    }
}

/* Tunnels that waited for the server's settings, or have something to say. */
static void step_tunnels(struct conn *c)
{
    struct exchange *x, *next;
    for (x = TAILQ_FIRST(&c->open); x; x = next) {
        next = TAILQ_NEXT(x, entry);
        if (c->speaks == CONN_H2 && x->is_waiting && h2_is_settled(c->h2)) {
            h2_begin(c->h2, x);
        } else if (x->out.bytes && exchange_is_through(x) && c->speaks == CONN_H2) {
            h2_resume(c->h2, x);
        } else if (x->out.bytes && exchange_is_through(x) && c->link.out.bytes < LINK_OUT_MOST) {
            link_write(&c->link, x->out.at, x->out.bytes);
            buf_drop(&x->out, x->out.bytes);
        }
    }
}

void conn_step(struct conn *c, uint64_t now_ms)
{
    link_step(&c->link, &c->url, now_ms);
    if (c->link.state == LINK_OPEN && c->speaks == CONN_UNKNOWN)
        opened(c, now_ms);
    if (c->link.state == LINK_OPEN)
        read_all(c, now_ms);
    if (c->link.state == LINK_OPEN)
        watch(c, now_ms);
    if (c->link.state == LINK_OPEN)
        step_tunnels(c);
    if (c->link.state == LINK_OPEN && c->speaks == CONN_H2)
        write_h2(c);
    if (c->link.state == LINK_CLOSED)
        lose_all(c);
}

bool conn_is_closed(const struct conn *c)
{
    return c->link.state == LINK_CLOSED;
}

bool conn_is_leaving(const struct conn *c)
{
    return c->speaks == CONN_H2 && h2_is_leaving(c->h2);
}

void conn_free(struct conn **c)
{
    if (!*c)
        return;
    lose_all(*c);
    link_close(&(*c)->link);
    h1_fini(&(*c)->h1);
    h2_free(&(*c)->h2);
    free(*c);
    *c = NULL;
}
