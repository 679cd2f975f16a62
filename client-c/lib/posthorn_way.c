/* lib/posthorn_way.c - the ways to receive: which is in use, another choice, trying one out */
#include "lib/client.h"
#include "lib/clock.h"
#include <string.h>

enum { PROBE_MS = 25 * 1000 };

const char *posthorn_way(const struct posthorn *p)
{
    return p->receive.lanes.words;
}

enum posthorn_status posthorn_set_transport(struct posthorn *p, enum posthorn_transport transport,
                                            enum posthorn_http http)
{
    if (!lanes_choose(p, transport, http))
        return client_fail(p, POSTHORN_MISUSE, "misuse", "no such way: pushed responses need HTTP/2");
    return POSTHORN_OK;
}

static void forget(struct posthorn *p, struct posthorn_answer *a)
{
    (void)p;
    wire_free(&a); /* the way in use brings it, too */
}

static void wait_for(struct posthorn *p, struct lane *l, uint64_t end_ms)
{
    for (uint64_t now = clock_ms(); !l->has_ended && !lane_is_live(l) && now < end_ms; now = clock_ms()) {
        struct pollfd fds[CLIENT_FDS_MOST + HTTP_CONNS_MOST];
        size_t count = client_fds(p, fds, CLIENT_FDS_MOST);
        count += http_fds(l->http, fds + count, HTTP_CONNS_MOST);
        int own = client_due_ms(p), theirs = http_timeout_ms(l->http, now), wait = 1000;
        uint64_t due = lane_due_ms(l);
        wait = own >= 0 && own < wait ? own : wait;
        wait = theirs >= 0 && theirs < wait ? theirs : wait;
        wait = due < now + (uint64_t)wait ? (due > now ? (int)(due - now) : 0) : wait;
        poll(fds, (nfds_t)count, wait);
        client_pump(p);
        http_step(l->http, clock_ms());
        lane_step(l, clock_ms());
    }
}

/* What a person can understand of it. */
static void say_why(struct lane *l, struct posthorn_problem *why)
{
    lane_explain(l);
    *why = l->problem;
    bool asks_upgrade = l->way.way == FEED_WS && l->way.http == FEED_HTTP_1;
    if (l->end == FEED_GARBLED && asks_upgrade && l->problem.http_status)
        snprintf(why->detail, sizeof why->detail, "the network strips Upgrade: %d came instead",
                 l->problem.http_status);
    if (why->code[0] == 0)
        snprintf(why->code, sizeof why->code, "network");
}

static void try_out(struct posthorn *p, struct way way, struct posthorn_probe *result)
{
    struct lane l = { .p = p, .batch = forget, .signal = forget };
    enum conn_protocol wants = way.http == FEED_HTTP_1 ? CONN_H1 : CONN_H2;
    uint64_t begun = clock_ms();
    const char *cursor = p->cursor.text[0] ? p->cursor.text : "now";
    lane_open(&l, client_http(p, wants, way.way == FEED_PUSH), true, way, WAYS_NONE, cursor, client_token(p),
              1, begun);
    wait_for(p, &l, begun + PROBE_MS);
    result->took_ms = (uint32_t)(clock_ms() - begun);
    result->works = lane_is_live(&l);
    snprintf(result->http, sizeof result->http, "%s", http_version(l.http));
    snprintf(result->path, sizeof result->path, "%s", http_path(l.http));
    if (!result->works && !l.has_ended)
        l.end = FEED_MUTE;
    if (!result->works)
        say_why(&l, &result->why);
    lane_close(&l);
}

enum posthorn_status posthorn_probe(struct posthorn *p, enum posthorn_transport transport,
                                    enum posthorn_http http, struct posthorn_probe *result)
{
    *result = (struct posthorn_probe){ 0 };
    struct ways ways;
    if ((unsigned)transport <= POSTHORN_TRANSPORT_POLL && (unsigned)http <= POSTHORN_HTTP_2)
        ways_init(&ways, transport, http == POSTHORN_HTTP_AUTO ? POSTHORN_HTTP_2 : http);
    else
        ways.count = 0;
    if (transport == POSTHORN_TRANSPORT_AUTO || ways.count != 1)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "no such way");
    if (!client_token(p))
        return client_fail(p, POSTHORN_LOGGED_OUT, "logged_out", "not logged in");
    try_out(p, ways.at[0].way, result);
    return POSTHORN_OK;
}
