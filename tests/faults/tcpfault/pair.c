/* faults/tcpfault/pair.c - one connection through the proxy: two sockets, and what is on its way between them
 *
 * What is read is decided on at once and lies in a queue of marks: so many bytes, due then, and after them perhaps an
 * end. So a cut comes behind exactly the byte that it is for, whatever the sockets take at a time.
 */
#include "tcpfault/pair.h"

#include "base/check.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAIR_DRAIN_MAX = 64 };

/* A close with unread bytes would be a reset. */
static void pair_close(int fd, bool is_reset)
{
    char waste[4096];

    if (is_reset) {
        struct linger none = { .l_onoff = 1 };
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    } else {
        shutdown(fd, SHUT_WR);
        for (int n = 0; n < PAIR_DRAIN_MAX && recv(fd, waste, sizeof waste, 0) > 0; n++)
            ;
    }
    close(fd);
}

static void pair_end(struct pair *p, bool is_reset)
{
    if (p->is_dead)
        return;
    p->is_dead = true;
    p->pairs->open--;
    for (unsigned n = 0; n < ORDERS_WAYS; n++) {
        loop_timer_clear(&p->way[n].timer);
        loop_io_fini(&p->side[n].io);
        pair_close(p->side[n].fd, is_reset);
    }
}

static void pair_mark(struct pair_way *w, size_t bytes, enum pair_then then)
{
    const struct pairs *ps = w->pair->pairs;
    uint64_t due_ms = loop_now_ms(ps->loop) + ps->orders->delay_ms;
    struct pair_mark *last = w->marks ? &w->mark[w->marks - 1] : NULL;

    if (due_ms < w->hold_until_ms)
        due_ms = w->hold_until_ms;
    if (last && due_ms < last->due_ms)
        due_ms = last->due_ms;
    w->seen += bytes;
    w->is_over = w->is_over || then >= PAIR_CUT;
    if (last && last->then == PAIR_GOES_ON && last->due_ms == due_ms) {
        last->bytes += bytes;
        last->then = then;
        return;
    }
    CHECK(w->marks < PAIR_MARKS_MAX);
    w->mark[w->marks++] = (struct pair_mark){ due_ms, bytes, then };
}

/* How much of what was read may go as it is, and what comes then. */
static size_t pair_limit(struct pair_way *w, size_t bytes, enum pair_then *then, enum commits_act *act)
{
    struct pairs *ps = w->pair->pairs;
    struct orders_cut *cut = &ps->orders->cut[w->n];

    *act = COMMITS_PASS;
    if (ps->is_postgres)
        bytes = commits_take(&w->pair->commits, &ps->orders->commit, w->n, w->bytes + w->seen, bytes, act);
    *then = *act == COMMITS_CUT ? PAIR_CUT : PAIR_GOES_ON;
    if (!cut->is_armed)
        return bytes;
    if (bytes < cut->left) {
        cut->left -= bytes;
        return bytes;
    }
    cut->is_armed = false;
    *then = cut->is_reset ? PAIR_RESET : PAIR_CUT;
    return (size_t)cut->left;
}

static bool pair_has_marks(const struct pair_way *w)
{
    return w->marks + 2 < PAIR_MARKS_MAX;
}

static void pair_decide(struct pair_way *w)
{
    struct pairs *ps = w->pair->pairs;

    while (w->seen < w->used && !w->is_over && pair_has_marks(w)) {
        enum pair_then then;
        enum commits_act act;
        size_t bytes = pair_limit(w, w->used - w->seen, &then, &act);
        if (bytes || then != PAIR_GOES_ON)
            pair_mark(w, bytes, then);
        if (act == COMMITS_HOLD)
            w->hold_until_ms = loop_now_ms(ps->loop) + ps->orders->commit.hold_ms;
        else if (bytes == 0)
            break;
    }
    if (w->has_eof && !w->is_over && pair_has_marks(w)) {
        pair_mark(w, w->used - w->seen, PAIR_FIN);
        w->is_over = true;
    }
}

static size_t pair_room(struct pair_way *w)
{
    if (w->at == w->used)
        w->at = w->used = w->seen = 0;
    if (w->at && w->used == PAIR_BYTES) {
        memmove(w->bytes, w->bytes + w->at, w->used - w->at);
        w->used -= w->at;
        w->seen -= w->at;
        w->at = 0;
    }
    return PAIR_BYTES - w->used;
}

static void pair_read(struct pair_way *w)
{
    struct pair *p = w->pair;
    size_t room = pair_room(w);

    if (room == 0 || w->is_over || w->has_eof)
        return;
    ssize_t n = recv(p->side[w->n].fd, w->bytes + w->used, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (p->pairs->orders->swallows[w->n]) {
        p->has_hole = true;
        w->is_over = n <= 0;
        return;
    }
    if (n < 0) {
        pair_end(p, true);
        return;
    }
    w->has_eof = n == 0;
    w->used += (size_t)n;
    pair_decide(w);
}

static void pair_then(struct pair_way *w, enum pair_then then)
{
    struct pair *p = w->pair;

    switch (then) {
    case PAIR_GOES_ON:
        return;
    case PAIR_FIN:
        shutdown(p->side[!w->n].fd, SHUT_WR);
        w->has_fin = true;
        if (p->way[!w->n].has_fin)
            pair_end(p, false);
        return;
    case PAIR_CUT:
    case PAIR_RESET:
        p->pairs->ended++;
        pair_end(p, then == PAIR_RESET);
        return;
    }
}

/* Writes of the first mark. false: no more for now. */
static bool pair_write_mark(struct pair_way *w)
{
    struct pair *p = w->pair;
    const struct orders *o = p->pairs->orders;
    struct pair_mark *m = &w->mark[0];
    size_t bytes = o->slice_bytes && o->slice_bytes < m->bytes ? o->slice_bytes : m->bytes;

    ssize_t n = send(p->side[!w->n].fd, w->bytes + w->at, bytes, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        w->is_blocked = true;
        return false;
    }
    if (n < 0) {
        pair_end(p, true);
        return false;
    }
    w->at += (size_t)n;
    m->bytes -= (size_t)n;
    p->pairs->bytes[w->n] += (uint64_t)n;
    /* Slices go one a round, so that the other side has a chance to see each. */
    w->is_blocked = o->slice_bytes && m->bytes;
    return !w->is_blocked;
}

static void pair_write(struct pair_way *w)
{
    struct pair *p = w->pair;
    const struct orders *o = p->pairs->orders;
    uint64_t now_ms = loop_now_ms(p->pairs->loop);

    while (w->marks && !p->is_dead && !p->is_connecting && !o->stalls[w->n] && !w->is_blocked) {
        struct pair_mark *m = &w->mark[0];
        if (o->swallows[w->n]) {
            p->has_hole = true;
            w->at = w->seen;
            w->marks = 0;
            return;
        }
        if (m->due_ms > now_ms) {
            loop_timer_set(&w->timer, m->due_ms - now_ms);
            return;
        }
        if (m->bytes && !pair_write_mark(w))
            return;
        if (m->bytes)
            continue;
        enum pair_then then = m->then;
        memmove(w->mark, w->mark + 1, --w->marks * sizeof *w->mark);
        pair_then(w, then);
    }
}

static unsigned pair_wants(struct pair *p, unsigned n)
{
    const bool *stalls = p->pairs->orders->stalls;
    struct pair_way *in = &p->way[n], *out = &p->way[!n];

    if (p->is_connecting)
        return n == ORDERS_DOWN ? LOOP_WRITE : 0;
    bool reads = !in->has_eof && !in->is_over && !stalls[n] && pair_has_marks(in) && pair_room(in) > 0;
    bool writes = out->is_blocked && !stalls[!n];
    return (reads ? LOOP_READ : 0u) | (writes ? LOOP_WRITE : 0u);
}

/* Writes what may go, and waits for what can happen then. */
static void pair_settle(struct pair *p)
{
    for (unsigned n = 0; n < ORDERS_WAYS && !p->is_dead; n++) {
        pair_write(&p->way[n]);
        if (!p->is_dead && !p->pairs->orders->swallows[n])
            pair_decide(&p->way[n]); /* there may be marks again */
    }
    for (unsigned n = 0; n < ORDERS_WAYS && !p->is_dead; n++)
        loop_io_want(&p->side[n].io, pair_wants(p, n));
}

static void pair_timer(void *ctx)
{
    struct pair_way *w = ctx;

    pair_settle(w->pair);
}

static void pair_happened(void *ctx, unsigned what)
{
    struct pair_side *side = ctx;
    struct pair *p = side->pair;

    if (p->is_connecting) {
        int err = 0;
        socklen_t bytes = sizeof err;
        getsockopt(side->fd, SOL_SOCKET, SO_ERROR, &err, &bytes);
        if (err) {
            pair_end(p, true);
            return;
        }
        p->is_connecting = false;
    }
    if (what & LOOP_WRITE)
        p->way[!side->n].is_blocked = false;
    if (what & LOOP_READ)
        pair_read(&p->way[side->n]);
    pair_settle(p);
}

static void pair_hurry(struct pair *p)
{
    struct pairs *ps = p->pairs;

    address_hurry(ps->listen, p->side[ORDERS_UP].fd, ps->orders->slice_bytes);
    address_hurry(ps->to, p->side[ORDERS_DOWN].fd, ps->orders->slice_bytes);
}

void pair_new(struct pairs *ps, int fd)
{
    int there = ps->open < PAIRS_MAX && !ps->orders->refuses ? address_connect(ps->to) : -1;

    ps->accepted++;
    if (there < 0) {
        pair_close(fd, true);
        return;
    }
    struct pair *p = calloc(1, sizeof *p);
    CHECK(p);
    *p = (struct pair){ .pairs = ps, .next = ps->first, .is_connecting = true };
    ps->first = p;
    ps->open++;
    for (unsigned n = 0; n < ORDERS_WAYS; n++) {
        struct pair_way *w = &p->way[n];
        struct pair_side *side = &p->side[n];
        *w = (struct pair_way){ .pair = p, .n = n, .bytes = malloc(PAIR_BYTES) };
        CHECK(w->bytes);
        loop_timer_init(&w->timer, ps->loop, pair_timer, w);
        *side = (struct pair_side){ .pair = p, .n = n, .fd = n == ORDERS_UP ? fd : there };
        loop_io_init(&side->io, ps->loop, side->fd, pair_happened, side);
    }
    pair_hurry(p);
    pair_settle(p);
}

static void pair_release(struct pair *p)
{
    for (unsigned n = 0; n < ORDERS_WAYS; n++) {
        struct pair_way *w = &p->way[n];
        w->hold_until_ms = 0;
        for (unsigned m = 0; m < w->marks; m++)
            w->mark[m].due_ms = 0;
    }
}

void pair_all(struct pairs *ps, enum orders_act act)
{
    for (struct pair *p = ps->first; p; p = p->next) {
        bool ends = act == ORDERS_CUT || act == ORDERS_RESET || (act == ORDERS_PASS && p->has_hole);
        if (p->is_dead)
            continue;
        if (ends) {
            ps->ended++;
            pair_end(p, act != ORDERS_CUT);
            continue;
        }
        if (act == ORDERS_PASS)
            pair_release(p);
        pair_hurry(p);
        pair_settle(p);
    }
}

void pair_bury(struct pairs *ps)
{
    for (struct pair **at = &ps->first, *p; (p = *at);) {
        if (!p->is_dead) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        for (unsigned n = 0; n < ORDERS_WAYS; n++)
            free(p->way[n].bytes);
        free(p);
    }
}
