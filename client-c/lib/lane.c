/* lib/lane.c - a way that is being used or tried: a feed, and the connections that it runs on */
#include "lib/lane.h"
#include <string.h>

/* Nothing is closed inside a callback of the feed: it is noted, and lanes_step() sees it. */

static void batch(void *context, struct feed *f, struct posthorn_answer *a)
{
    struct lane *l = context;
    (void)f;
    l->batch(l->p, a);
}

static void heard_signal(void *context, struct feed *f, struct posthorn_answer *a)
{
    struct lane *l = context;
    (void)f;
    l->signal(l->p, a);
}

static void ended(void *context, struct feed *f)
{
    struct lane *l = context;
    l->has_ended = true;
    l->end = f->end;
    l->problem = f->problem;
    l->retry_ms = f->retry_ms;
}

void lane_open(struct lane *l, struct http *http, bool owns_http, struct way way, int index,
               const char *cursor, const char *token, uint32_t hold_s, uint64_t now_ms)
{
    static const struct feed_events events = { batch, heard_signal, ended };
    CHECK(!lane_is_open(l));
    *l = (struct lane){ .p = l->p, .batch = l->batch, .signal = l->signal };
    l->http = http;
    l->owns_http = owns_http;
    l->way = way;
    l->index = index;
    l->since_ms = l->heard_ms = now_ms;
    l->feed = feed_open(http, way.way, cursor, token, hold_s, &events, l);
}

bool lane_is_open(const struct lane *l)
{
    return l->http != NULL;
}

bool lane_is_live(const struct lane *l)
{
    return l->live_ms != 0 && !l->has_ended;
}

void lane_step(struct lane *l, uint64_t now_ms)
{
    if (!l->feed || l->has_ended)
        return;
    feed_step(l->feed, now_ms);
    if (!l->live_ms && !l->has_ended && feed_is_live(l->feed))
        l->live_ms = now_ms;
}

uint64_t lane_due_ms(const struct lane *l)
{
    if (!l->feed)
        return UINT64_MAX;
    bool has_news = l->has_ended || (!l->live_ms && feed_is_live(l->feed));
    return has_news ? 0 : feed_due_ms(l->feed);
}

void lane_close(struct lane *l)
{
    if (l->feed)
        feed_close(&l->feed);
    if (l->owns_http)
        http_free(&l->http);
    l->http = NULL;
    l->owns_http = false;
    l->has_ended = false;
    l->live_ms = 0;
}

static const char *name_of(enum feed_way way)
{
    switch (way) {
    case FEED_WS:
        return "WebSocket";
    case FEED_SSE:
        return "server-sent events";
    case FEED_PUSH:
        return "pushed responses";
    case FEED_LONGPOLL:
        return "long polling";
    case FEED_POLL:
        return "polling";
    }
    return "";
}

void lane_words(const struct lane *l, char *into, size_t room)
{
    const char *version = l->http ? http_version(l->http) : "";
    if (!*version && l->way.http != FEED_HTTP_ANY)
        version = l->way.http == FEED_HTTP_2 ? "2" : "1.1";
    const char *path = l->http ? http_path(l->http) : "";
    snprintf(into, room, "%s%s%s%s%s", name_of(l->way.way), *version ? " over HTTP/" : "", version,
             *path ? ", " : "", path);
}

void lane_explain(struct lane *l)
{
    struct posthorn_problem *why = &l->problem;
    if (why->detail[0])
        return;
    const char *said = http_why(l->http);
    switch (l->end) {
    case FEED_OPEN:
        break;
    case FEED_MOVED:
        said = "moved";
        break;
    case FEED_REFUSED:
        said = "the server refused it";
        break;
    case FEED_BROKEN:
        said = *said ? said : "the connection was lost";
        break;
    case FEED_MUTE:
        said = "answers are held back: not a byte came";
        break;
    case FEED_GARBLED:
        said = "something on the way changes what the server answers";
        break;
    }
    snprintf(why->detail, sizeof why->detail, "%s", said);
}

bool lane_is_sent_away(const struct lane *l)
{
    const char *code = l->problem.code;
    return l->end == FEED_MOVED && strcmp(code, "replaced") != 0 && strcmp(code, "slow") != 0;
}

struct ways_end lane_end(const struct lane *l, uint64_t now_ms)
{
    int status = l->problem.http_status;
    /* A proxy's own 503 says nothing about how long. */
    bool is_ours = l->problem.code[0] && strcmp(l->problem.code, "bad_answer") != 0;
    return (struct ways_end){
        .end = l->end,
        .was_live = l->live_ms != 0,
        .lived_ms = l->live_ms ? now_ms - l->live_ms : 0,
        .is_busy = l->end == FEED_REFUSED && (status == 429 || (status == 503 && is_ours)),
        .retry_ms = l->retry_ms,
    };
}
