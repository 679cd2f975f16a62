/* lib/nodes.c - where the next connection goes: the server's nodes, and which of them is in use */
#include "lib/nodes.h"
#include "lib/files.h"
#include "lib/wire.h"
#include <string.h>

/* The story: connections are made to the node in use. When none can be made, when it says good-bye or falls
 * silent, the next one is in use; a round in which none could be reached is the caller's failure, who
 * waits and tries again. The list comes with a login and after each move, and is kept for the next run. */

enum { NODES_FILE_MOST = 8 * 1024, NODES_LINE_MOST = 300 };

static bool is_same(const struct url *a, const struct url *b)
{
    return a->is_tls == b->is_tls && strcmp(a->authority, b->authority) == 0;
}

/* A server that was not told its own address names the one that it listens on. */
static bool is_local(const struct url *u)
{
    return strncmp(u->host, "127.", 4) == 0 || strcmp(u->host, "localhost") == 0 ||
           strcmp(u->host, "::1") == 0 || strcmp(u->host, "0.0.0.0") == 0 || strcmp(u->host, "::") == 0;
}

static bool is_fit(const struct nodes *n, const struct url *u)
{
    return u->is_tls == n->given.is_tls && (!is_local(u) || is_local(&n->given));
}

void nodes_init(struct nodes *n, const struct url *given)
{
    *n = (struct nodes){ .given = *given, .count = 1 };
    n->at[0] = *given;
}

/* Adds a node; one too many, one that is there and one that does not fit are left out. */
static void add(struct nodes *n, const char *text)
{
    struct url u;
    if (n->count == NODES_MOST - 1 || !url_read(&u, text) || !is_fit(n, &u))
        return;
    for (size_t k = 0; k < n->count; k++)
        if (is_same(&n->at[k], &u))
            return;
    n->at[n->count++] = u;
}

static void add_given(struct nodes *n)
{
    n->is_front = false;
    for (size_t k = 0; k < n->count; k++)
        if (is_same(&n->at[k], &n->given))
            return;
    n->is_front = n->count > 0;
    n->at[n->count++] = n->given;
}

static void url_text(const struct url *u, char into[static NODES_LINE_MOST])
{
    snprintf(into, NODES_LINE_MOST, "%s://%s", u->is_tls ? "https" : "http", u->authority);
}

void nodes_load(struct nodes *n, const char *dir)
{
    char *path = files_join(dir, "nodes"), *rest = NULL;
    char given[NODES_LINE_MOST];
    struct buf b = { 0 };
    url_text(&n->given, given);
    if (!n->is_fixed && files_read(path, NODES_FILE_MOST, &b) && b.at) {
        char *line = strtok_r(b.at, "\n", &rest);
        if (line && strcmp(line, given) == 0) {
            n->count = 0;
            while ((line = strtok_r(NULL, "\n", &rest)))
                add(n, line);
            add_given(n);
        }
    }
    buf_fini(&b);
    free(path);
}

/* The given one, and then all with the one in use first: that is where the next run begins. */
bool nodes_save(struct nodes *n, const char *dir)
{
    char line[NODES_LINE_MOST];
    struct buf b = { 0 };
    if (!dir)
        return true;
    url_text(&n->given, line);
    buf_format(&b, "%s\n", line);
    for (size_t k = 0; k < n->count; k++) {
        url_text(&n->at[(n->now + k) % n->count], line);
        buf_format(&b, "%s\n", line);
    }
    bool is_saved = files_replace(dir, "nodes", b.at, b.bytes);
    n->is_unkept = !is_saved;
    buf_fini(&b);
    return is_saved;
}

const struct url *nodes_url(const struct nodes *n)
{
    return &n->at[n->now];
}

bool nodes_is_in_use(const struct nodes *n, const char *text)
{
    struct url u;
    return url_read(&u, text) && is_same(&u, nodes_url(n));
}

static void move_on(struct nodes *n)
{
    n->now = (n->now + 1) % n->count;
    n->moves++;
    n->refusals = 0;
    n->ask_ms = 0;
    n->is_unkept = true;
}

bool nodes_failed(struct nodes *n, const struct url *u)
{
    if (!is_same(u, nodes_url(n)))
        return true;
    if (n->count > 1)
        move_on(n);
    if (++n->failed < n->count)
        return true;
    n->failed = 0;
    return false;
}

bool nodes_left(struct nodes *n, const struct url *u)
{
    if (n->count == 1 || !is_same(u, nodes_url(n)))
        return n->count > 1;
    move_on(n);
    return true;
}

bool nodes_bade(struct nodes *n, const struct url *u)
{
    return !(n->is_front && is_same(u, &n->given)) && nodes_left(n, u);
}

void nodes_silent(struct nodes *n, unsigned moves)
{
    if (moves == n->moves && n->count > 1)
        move_on(n);
}

void nodes_refused(struct nodes *n, unsigned moves)
{
    if (moves != n->moves || n->count == 1 || ++n->refusals < (unsigned)NODES_REFUSALS << n->rounds)
        return;
    n->rounds += n->rounds < NODES_DOUBLINGS;
    move_on(n);
}

void nodes_served(struct nodes *n)
{
    n->refusals = n->rounds = 0;
}

void nodes_worked(struct nodes *n)
{
    n->failed = 0;
}

static bool may_steer(const struct nodes *n)
{
    bool is_one_host = false;
    for (size_t k = 0; k < n->count; k++)
        is_one_host |= !is_same(&n->at[k], &n->given) && strcmp(n->at[k].host, n->given.host) == 0;
    return is_one_host || is_same(&n->at[0], &n->given);
}

bool nodes_take(struct nodes *n, const struct posthorn_answer *a)
{
    struct nodes fresh = *n;
    struct posthorn_answer *item;
    if (n->is_fixed || !wire_has_array(a, "nodes"))
        return false;
    fresh.count = fresh.now = 0;
    for (size_t k = 0; k < NODES_MOST && (item = wire_item(a, "nodes", k)); k++) {
        if (wire_string(item, "url"))
            add(&fresh, wire_string(item, "url"));
        wire_free(&item);
    }
    add_given(&fresh);
    bool is_steered = !n->has_asked && may_steer(&fresh);
    for (size_t k = 0; k < fresh.count && !is_steered; k++)
        if (is_same(&fresh.at[k], nodes_url(n)))
            fresh.now = k;
    fresh.has_asked = true;
    fresh.moves += !is_same(nodes_url(&fresh), nodes_url(n));
    bool is_new = fresh.count != n->count || fresh.now != n->now;
    for (size_t k = 0; k < fresh.count && !is_new; k++)
        is_new = !is_same(&fresh.at[k], &n->at[k]);
    fresh.is_unkept |= is_new;
    *n = fresh;
    return is_new;
}
