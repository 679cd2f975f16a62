/* faults/tcpfault/commits.c - where in a connection to Postgres a transaction ends
 *
 * Version 3 of its protocol, as far as this needs it: frames of a type, a length and a content. A transaction is
 * what lies before a Sync (or what a Query says), and stands when the ReadyForQuery that answers it says "idle" and
 * nothing before it was an error or a rollback. Which statements it executed is seen by their names in Bind.
 *
 *   before  the Sync is not passed on                       Postgres rolls back
 *   after   the connection ends right behind the Sync       nobody knows
 *   reply   the ReadyForQuery of a commit is not passed on  it stands, and only Postgres knows
 *   hold    that ReadyForQuery comes late
 */
#include "tcpfault/commits.h"

#include <string.h>

enum {
    COMMITS_HEAD_BYTES = 5,
    COMMITS_LOOK_BYTES = 256, /* so much of a Bind or a Query is looked at */
    COMMITS_CANCEL = 80877102,
    COMMITS_SSL = 80877103,
    COMMITS_GSS = 80877104
};

static uint32_t commits_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void commits_push(struct commits *c, bool named)
{
    if (c->open == COMMITS_OPEN_MAX) {
        c->is_lost = true;
        return;
    }
    c->named[(c->first + c->open++) % COMMITS_OPEN_MAX] = named;
}

static bool commits_pop(struct commits *c)
{
    if (c->open == 0) {
        c->is_lost = true;
        return false;
    }
    bool named = c->named[c->first];
    c->first = (c->first + 1) % COMMITS_OPEN_MAX;
    c->open--;
    return named;
}

/* A Bind begins with the names of portal and statement. */
static bool commits_binds(const uint8_t *p, size_t bytes, const char *statement)
{
    const uint8_t *end = memchr(p, 0, bytes);

    if (!end)
        return false;
    size_t left = bytes - (size_t)(end + 1 - p), wanted = strlen(statement) + 1;
    return left >= wanted && memcmp(end + 1, statement, wanted) == 0;
}

/* The first packet of a connection. Its length counts itself. */
static size_t commits_start(struct commits *c, const uint8_t *p, size_t bytes)
{
    if (bytes < 8)
        return 0;
    uint32_t length = commits_u32(p), code = commits_u32(p + 4);
    if (length < 8 || code == COMMITS_CANCEL) {
        c->is_lost = true;
    } else if (code == COMMITS_SSL || code == COMMITS_GSS) {
        c->asked++;
    } else {
        c->has_started = true;
        c->left[ORDERS_UP] = length - 8;
        commits_push(c, false);
    }
    return 8;
}

/* The end of a transaction on its way to Postgres. Returns whether it must not go there. */
static bool commits_end(struct commits *c, struct orders_commit *order)
{
    bool named = c->is_named || !order->statement[0];
    bool is_struck = named && (order->moment == ORDERS_BEFORE || order->moment == ORDERS_AFTER);

    if (is_struck) {
        c->must_cut = order->moment == ORDERS_AFTER;
        orders_struck(order);
        if (!c->must_cut)
            return true;
    }
    c->is_named = false;
    commits_push(c, named);
    return false;
}

static bool commits_asks(struct commits *c, struct orders_commit *order, const uint8_t *p, size_t bytes,
                         enum commits_act *act)
{
    const uint8_t *content = p + COMMITS_HEAD_BYTES;
    size_t seen = bytes - COMMITS_HEAD_BYTES;

    if (p[0] == 'B' && commits_binds(content, seen, order->statement))
        c->is_named = true;
    if (p[0] == 'Q' && memmem(content, seen, order->statement, strlen(order->statement)))
        c->is_named = true;
    if ((p[0] == 'S' || p[0] == 'Q' || p[0] == 'F') && commits_end(c, order)) {
        *act = COMMITS_CUT;
        return false;
    }
    return true;
}

/* ReadyForQuery. */
static bool commits_ready(struct commits *c, struct orders_commit *order, uint8_t status,
                          enum commits_act *act)
{
    bool named = (c->open && c->named[c->first]) || c->is_carried;
    bool stands = named && !c->has_failed && status == 'I';

    if (stands && !c->was_held && (order->moment == ORDERS_REPLY || order->moment == ORDERS_HOLD)) {
        c->was_held = true;
        *act = order->moment == ORDERS_REPLY ? COMMITS_CUT : COMMITS_HOLD;
        orders_struck(order);
        return false;
    }
    commits_pop(c);
    c->is_carried = named && status == 'T';
    c->has_failed = c->was_held = false;
    return true;
}

static bool commits_answers(struct commits *c, struct orders_commit *order, const uint8_t *p, size_t bytes,
                            enum commits_act *act)
{
    if (p[0] == 'E')
        c->has_failed = true;
    if (p[0] == 'C' && bytes >= COMMITS_HEAD_BYTES + 8 && memcmp(p + COMMITS_HEAD_BYTES, "ROLLBACK", 8) == 0)
        c->has_failed = true;
    return p[0] != 'Z' || commits_ready(c, order, p[COMMITS_HEAD_BYTES], act);
}

/* How much of a frame must be there before it is understood. */
static size_t commits_need(uint8_t type, uint64_t whole)
{
    size_t most = type == 'B' || type == 'Q' || type == 'C' ? COMMITS_LOOK_BYTES : COMMITS_HEAD_BYTES + 1;

    return whole < most ? (size_t)whole : most;
}

/* The beginning of a frame; 0: not enough of it, or *act comes first. */
static size_t commits_frame(struct commits *c, struct orders_commit *order, unsigned way, const uint8_t *p,
                            size_t bytes, enum commits_act *act)
{
    if (bytes < COMMITS_HEAD_BYTES)
        return 0;
    uint64_t whole = 1 + (uint64_t)commits_u32(p + 1);
    if (whole < COMMITS_HEAD_BYTES || (p[0] == 'Z' && whole != COMMITS_HEAD_BYTES + 1)) {
        c->is_lost = true;
        return bytes;
    }
    size_t need = commits_need(p[0], whole);
    if (bytes < need)
        return 0;
    bool passes =
        way == ORDERS_UP ? commits_asks(c, order, p, need, act) : commits_answers(c, order, p, need, act);
    if (!passes)
        return 0;
    c->left[way] = whole - need;
    return need;
}

static size_t commits_step(struct commits *c, struct orders_commit *order, unsigned way, const uint8_t *p,
                           size_t bytes, enum commits_act *act)
{
    if (c->left[way]) {
        size_t n = c->left[way] < bytes ? (size_t)c->left[way] : bytes;
        c->left[way] -= n;
        return n;
    }
    if (way == ORDERS_UP && !c->has_started)
        return commits_start(c, p, bytes);
    if (way == ORDERS_DOWN && c->asked) {
        c->is_lost = *p != 'N';
        c->asked--;
        return 1;
    }
    return commits_frame(c, order, way, p, bytes, act);
}

size_t commits_take(struct commits *c, struct orders_commit *order, unsigned way, const uint8_t *p,
                    size_t bytes, enum commits_act *act)
{
    size_t taken = 0;

    *act = COMMITS_PASS;
    while (taken < bytes && !c->is_lost) {
        size_t n = commits_step(c, order, way, p + taken, bytes - taken, act);
        taken += n;
        if (c->must_cut && way == ORDERS_UP && !c->left[way]) {
            *act = COMMITS_CUT;
            return taken;
        }
        if (n == 0)
            return taken;
    }
    return c->is_lost ? bytes : taken;
}
