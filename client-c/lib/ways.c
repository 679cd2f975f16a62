/* lib/ways.c - which way to take to the server's events, and for how long to leave one aside */
#include "lib/ways.h"
#include "lib/check.h"
#include "lib/clock.h"

/* Pushed responses stand at the end: nobody gets them who did not ask for them (ways_init). */
static const struct {
    enum posthorn_transport transport;
    struct way way;
} known[] = {
    { POSTHORN_TRANSPORT_WS, { FEED_WS, FEED_HTTP_2 } },
    { POSTHORN_TRANSPORT_WS, { FEED_WS, FEED_HTTP_1 } },
    { POSTHORN_TRANSPORT_SSE, { FEED_SSE, FEED_HTTP_ANY } },
    { POSTHORN_TRANSPORT_LONGPOLL, { FEED_LONGPOLL, FEED_HTTP_ANY } },
    { POSTHORN_TRANSPORT_POLL, { FEED_POLL, FEED_HTTP_ANY } },
    { POSTHORN_TRANSPORT_PUSH, { FEED_PUSH, FEED_HTTP_2 } },
};

void ways_init(struct ways *w, enum posthorn_transport transport, enum posthorn_http http)
{
    static const enum feed_http versions[] = { FEED_HTTP_ANY, FEED_HTTP_1, FEED_HTTP_2 };
    enum feed_http wanted = versions[http];
    *w = (struct ways){ 0 };
    for (size_t n = 0; n < sizeof known / sizeof known[0]; n++) {
        bool is_wanted = known[n].transport == transport ||
                         (transport == POSTHORN_TRANSPORT_AUTO && known[n].way.way != FEED_PUSH);
        struct way way = known[n].way;
        bool is_other = wanted != FEED_HTTP_ANY && way.http != FEED_HTTP_ANY && way.http != wanted;
        if (!is_wanted || is_other)
            continue;
        if (wanted != FEED_HTTP_ANY)
            way.http = wanted;
        w->at[w->count++].way = way;
    }
}

int ways_best(const struct ways *w, uint64_t now_ms)
{
    for (int n = 0; n < w->count; n++)
        if (now_ms >= w->at[n].aside_until_ms)
            return n;
    return WAYS_NONE;
}

uint64_t ways_better_due_ms(const struct ways *w, int n)
{
    uint64_t due = UINT64_MAX;
    for (int better = 0; better < n; better++)
        if (w->at[better].aside_until_ms < due)
            due = w->at[better].aside_until_ms;
    return due;
}

/* A quarter more or less, so that a crowd behind one proxy does not come back at once. */
static uint32_t with_jitter(uint32_t ms)
{
    return ms - ms / 4 + clock_dice(ms / 2);
}

static void set_aside(struct ways_one *one, enum feed_end why, uint64_t now_ms)
{
    uint32_t aside_ms = WAYS_ASIDE_LEAST_MS;
    for (unsigned n = 0; n < one->fails && aside_ms < WAYS_ASIDE_MOST_MS; n++)
        aside_ms *= 2;
    if (aside_ms > WAYS_ASIDE_MOST_MS)
        aside_ms = WAYS_ASIDE_MOST_MS;
    one->fails++;
    one->breaks = 0;
    one->why = why;
    one->aside_until_ms = now_ms + with_jitter(aside_ms);
}

/* It has lived WAYS_GOOD_MS: what it did before is forgotten. */
static void forgive(struct ways_one *one)
{
    one->fails = 0;
    one->breaks = 0;
    one->why = FEED_OPEN;
    one->aside_until_ms = 0;
}

static uint32_t after_break(struct ways *w, const struct ways_end *e)
{
    bool was_steady = e->lived_ms >= WAYS_STEADY_MS && !e->retry_ms;
    return was_steady ? backoff_broken(&w->backoff) : backoff_next(&w->backoff, e->retry_ms);
}

uint32_t ways_ended(struct ways *w, int n, const struct ways_end *e, uint64_t now_ms)
{
    CHECK(n >= 0 && n < w->count && e->end != FEED_OPEN);
    struct ways_one *one = &w->at[n];
    if (e->was_live && e->lived_ms >= WAYS_GOOD_MS)
        forgive(one);
    if (e->was_live && e->lived_ms >= WAYS_STEADY_MS)
        ways_worked(w);
    if (e->end == FEED_MOVED && e->was_live && e->lived_ms >= BACKOFF_LEAST_MS)
        return e->retry_ms; /* the server has spread these already */
    if (e->end == FEED_MOVED || e->is_busy)
        return backoff_next(&w->backoff, e->retry_ms);
    if (e->end == FEED_BROKEN && e->was_live && one->breaks < WAYS_AGAIN_IN_PLACE) {
        one->breaks++;
        return after_break(w, e);
    }
    set_aside(one, e->end, now_ms);
    return 0;
}

uint32_t ways_nothing(struct ways *w, uint64_t now_ms)
{
    bool is_any_broken = false;
    for (int n = 0; n < w->count; n++)
        is_any_broken |= w->at[n].why == FEED_BROKEN;
    uint32_t wait_ms = backoff_next(&w->backoff, 0);
    for (int n = 0; n < w->count; n++) {
        struct ways_one *one = &w->at[n];
        /* A server that is away says nothing about its ways; a way that is mute or refused stays so. */
        if (is_any_broken && one->why != FEED_BROKEN)
            continue;
        one->aside_until_ms = now_ms + wait_ms;
        one->fails = 0;
        one->why = FEED_OPEN;
    }
    return wait_ms;
}

void ways_worked(struct ways *w)
{
    backoff_reset(&w->backoff);
}
