/* net/conn_set.c - all connections of a worker: made, flushed, drained and buried together */
#include "net/conn.h"
#include "net/h2peer.h"
#include <stdio.h>
#include <time.h>

struct conn_set *conn_set_new(struct loop *l, const struct config *config)
{
    struct conn_set *set = calloc(1, sizeof(*set));

    CHECK(set);
    set->loop = l;
    set->pool = loop_pool(l);
    set->deadlines = (struct net_deadlines){
        .handshake = LIMIT_HANDSHAKE_MS,
        .head = LIMIT_HEAD_MS,
        .body = LIMIT_BODY_MS,
        .idle = LIMIT_IDLE_MS,
        .unauthenticated = LIMIT_UNAUTHENTICATED_MS,
        .write_stall = LIMIT_WRITE_STALL_MS,
        .request = LIMIT_REQUEST_MS,
        .linger = 2000,
        .goaway = 1000,
        .push_ack = LIMIT_PUSH_ACK_MS,
    };
    set->connections_max = (uint32_t)config->server_connections_max;
    set->connections_per_ip_max = (uint32_t)config->server_connections_per_ip_max;
    set->exchanges_max = 4 * set->connections_max;
    set->unsent_max = LIMIT_UNSENT_WORKER_BYTES;
    TAILQ_INIT(&set->live);
    TAILQ_INIT(&set->dirty);
    TAILQ_INIT(&set->dead);
    TAILQ_INIT(&set->lost);
    TAILQ_INIT(&set->ended);
    set->peers = peers_new();
    set->h2 = h2peer_settings_new(set->pool);
    return set;
}

static void bury(struct conn_set *set)
{
    struct conn *c;

    exchange_bury(set);
    while ((c = TAILQ_FIRST(&set->dead))) {
        TAILQ_REMOVE(&set->dead, c, link);
        if (c->is_http2)
            h2_fini(c);
        else
            h1_fini(c);
        free(c);
    }
}

void conn_set_flush(struct conn_set *set)
{
    /* what is touched meanwhile (a hang-up that answers somebody else) goes out in the same flush */
    do {
        struct conn *c;

        while ((c = TAILQ_FIRST(&set->dirty))) {
            TAILQ_REMOVE(&set->dirty, c, dirty);
            c->is_dirty = false;
            conn_flush(c);
        }
        bury(set);
    } while (!TAILQ_EMPTY(&set->dirty));
    set->handshakes = 0;
}

void conn_set_drain(struct conn_set *set)
{
    struct conn *c;

    set->is_draining = true;
    for (c = TAILQ_FIRST(&set->live); c; c = TAILQ_NEXT(c, link)) {
        if (c->is_draining || c->is_link || c->phase == CONN_LINGER)
            continue;
        c->is_draining = true;
        if (c->phase == CONN_H1)
            h1_drain(c);
        else if (c->phase == CONN_H2)
            h2_drain(c);
    }
}

void conn_set_free(struct conn_set **at)
{
    struct conn_set *set = *at;
    struct exchange *x;

    if (!set)
        return;
    while (!TAILQ_EMPTY(&set->live))
        conn_kill(TAILQ_FIRST(&set->live));
    bury(set);
    while ((x = TAILQ_FIRST(&set->lost)))
        exchange_end(x);
    bury(set);
    h2peer_settings_free(&set->h2);
    peers_free(&set->peers);
    free(set);
    *at = NULL;
}

struct text conn_set_date(struct conn_set *set)
{
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t now = (time_t)(loop_unix_ms(set->loop) / 1000);
    struct tm t;

    if (set->date_s != (uint64_t)now) {
        set->date_s = (uint64_t)now;
        gmtime_r(&now, &t);
        snprintf(set->date, sizeof(set->date), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday],
                 t.tm_mday, months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    }
    return text_of(set->date);
}
