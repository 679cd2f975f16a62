/* lib/lanes.c - the way in use, and the one that is tried beside it: before one is left the other works */
#include "lib/lanes.h"
#include "lib/client.h"
#include "lib/clock.h"
#include "lib/receive.h"
#include <string.h>

/* The story: when nothing is open the best way is begun at due_ms. A way that ends is told to the choice of
 * ways (ways.c), which sets it aside or does not, and the best is begun again at the same cursor. When one
 * has been good for two minutes and a better one may be tried, that is opened beside it on connections of
 * its own; once live it becomes the one in use and the old is closed. Both may bring the same events for a
 * moment: receive.c hands each on once. A change of the choice goes the same road at once. */

static struct lane *in_use(struct posthorn *p)
{
    return &p->receive.lanes.at[p->receive.lanes.current];
}

static struct lane *beside(struct posthorn *p)
{
    return &p->receive.lanes.at[!p->receive.lanes.current];
}

static void tell(struct posthorn *p, const char *way, const char *why)
{
    struct client_note *n = client_note(p, NOTE_WAY);
    snprintf(n->way, sizeof n->way, "%s", way);
    snprintf(n->why.detail, sizeof n->why.detail, "%s", why ? why : "");
}

bool lanes_choose(struct posthorn *p, enum posthorn_transport transport, enum posthorn_http http)
{
    static const enum conn_protocol wants[] = { CONN_UNKNOWN, CONN_H1, CONN_H2 };
    if ((unsigned)transport > POSTHORN_TRANSPORT_POLL || (unsigned)http > POSTHORN_HTTP_2)
        return false;
    struct ways ways;
    ways_init(&ways, transport, http);
    if (ways.count == 0)
        return false;
    struct lanes *s = &p->receive.lanes;
    s->ways = ways;
    p->wants = wants[http];
    s->at[0].index = s->at[1].index = WAYS_NONE;
    s->try_ms = s->due_ms = 0;
    lane_close(beside(p));
    s->is_moving = lane_is_live(in_use(p));
    if (!s->is_moving)
        lane_close(in_use(p));
    return true;
}

void lanes_restart(struct posthorn *p, uint64_t due_ms)
{
    struct lanes *s = &p->receive.lanes;
    lane_close(&s->at[0]);
    lane_close(&s->at[1]);
    s->is_moving = false;
    s->due_ms = due_ms;
    s->words[0] = 0;
}

void lanes_stop(struct posthorn *p)
{
    lanes_restart(p, 0);
    p->receive.lanes.since_ms = 0;
}

void lanes_move(struct posthorn *p)
{
    struct lanes *s = &p->receive.lanes;
    s->is_moving |= lane_is_live(in_use(p)) && in_use(p)->moves != p->nodes.moves;
    s->try_ms = s->is_moving ? 0 : s->try_ms;
}

void lanes_start(struct posthorn *p, uint64_t now_ms)
{
    struct lanes *s = &p->receive.lanes;
    s->due_ms = now_ms;
    s->since_ms = now_ms;
    s->last = (struct posthorn_problem){ 0 };
}

/* Whether the connections of the requests may carry the feed, too. */
static bool may_share(const struct posthorn *p, struct way way)
{
    const char *version = http_version(p->http);
    if (p->http_wants != p->wants || p->is_http_failing || way.way == FEED_PUSH)
        return false;
    if (way.http == FEED_HTTP_1)
        return p->http_wants == CONN_H1 || strcmp(version, "1.1") == 0;
    return way.http == FEED_HTTP_ANY || strcmp(version, "1.1") != 0;
}

static void open_lane(struct posthorn *p, struct lane *l, int index, bool is_beside, uint64_t now_ms)
{
    struct way way = p->receive.lanes.ways.at[index].way;
    bool shares = !is_beside && may_share(p, way);
    enum conn_protocol wants = way.http == FEED_HTTP_1 ? CONN_H1 : p->wants;
    struct http *http = shares ? p->http : client_http(p, wants, way.way == FEED_PUSH);
    l->p = p;
    l->batch = receive_batch;
    l->signal = receive_signal;
    lane_open(l, http, !shares, way, index, p->cursor.text, client_token(p), p->receive.hold_s, now_ms);
    l->moves = p->nodes.moves;
}

/* The cursor and the session concern every way; false: it was only this one. */
static bool end_concerns_all(struct posthorn *p, const struct lane *l)
{
    const struct posthorn_problem *why = &l->problem;
    if (l->end != FEED_REFUSED)
        return false;
    if (why->http_status == 410 || strcmp(why->code, "bad_cursor") == 0 || strcmp(why->code, "resync") == 0) {
        receive_resync(p);
        return true;
    }
    if (why->http_status != 401 && strcmp(why->code, "revoked") != 0)
        return false;
    struct posthorn_problem copy = *why;
    copy.http_status = 401;
    client_online(p, false, &copy);
    receive_stop(p);
    return true;
}

static void tell_end(struct posthorn *p, struct lane *l)
{
    char words[200];
    lane_explain(l);
    lane_words(l, words, sizeof words);
    tell(p, words, l->problem.detail);
    if (l->end != FEED_MOVED)
        p->receive.lanes.last = l->problem;
}

/* A poll that the network cut waits half as long the next time; no fault of the way. */
static bool was_cut(struct posthorn *p, const struct lane *l, uint64_t now_ms)
{
    struct receive *r = &p->receive;
    if (l->way.way != FEED_LONGPOLL || (l->end != FEED_BROKEN && l->end != FEED_MUTE))
        return false;
    if (now_ms - l->heard_ms < 3000 || r->hold_s <= RECEIVE_HOLD_LEAST_S)
        return false;
    r->hold_s = r->hold_s / 2 < RECEIVE_HOLD_LEAST_S ? RECEIVE_HOLD_LEAST_S : r->hold_s / 2;
    return true;
}

/* To another node there is no reason to wait: when this one comes back is of no interest. */
static bool goes_elsewhere(struct posthorn *p, const struct lane *l)
{
    if (lane_is_sent_away(l) && p->nodes.moves == l->moves)
        nodes_bade(&p->nodes, nodes_url(&p->nodes));
    if (p->nodes.moves == l->moves)
        return false;
    http_retire(p->http);
    return true;
}

/* A stream without heartbeats, and a node that can't serve us: the way is not all that may be at fault. */
static void blame_node(struct posthorn *p, const struct lane *l)
{
    int status = l->problem.http_status;
    bool is_poll = l->way.way == FEED_LONGPOLL || l->way.way == FEED_POLL;
    if (l->end == FEED_MUTE && l->live_ms && !is_poll)
        nodes_silent(&p->nodes, l->moves);
    else if (l->end == FEED_REFUSED && status >= 500 && status != 501 && status != 505)
        nodes_refused(&p->nodes, l->moves);
    if (p->nodes.moves != l->moves)
        http_retire(p->http);
}

static void in_use_ended(struct posthorn *p, uint64_t now_ms)
{
    struct lanes *s = &p->receive.lanes;
    struct lane *l = in_use(p);
    if (end_concerns_all(p, l))
        return;
    tell_end(p, l);
    struct ways_end e = lane_end(l, now_ms);
    uint32_t wait_ms = 0;
    blame_node(p, l);
    if (l->end == FEED_MOVED && goes_elsewhere(p, l))
        wait_ms = clock_dice(LANES_MOVE_MS);
    else if (l->index != WAYS_NONE && !was_cut(p, l, now_ms))
        wait_ms = ways_ended(&s->ways, l->index, &e, now_ms);
    if (!s->since_ms)
        s->since_ms = now_ms;
    bool falls_back =
        (l->end == FEED_BROKEN || l->end == FEED_MUTE) && !l->live_ms && client_fall_back(p, l->http);
    lane_close(l);
    if (falls_back && client_is_idle(p))
        client_renew_http(p);
    s->words[0] = 0;
    s->due_ms = now_ms + wait_ms;
    s->is_moving = false;
    if (lane_is_open(beside(p)))
        s->current = !s->current;
}

static void beside_ended(struct posthorn *p, uint64_t now_ms)
{
    struct lanes *s = &p->receive.lanes;
    struct lane *l = beside(p);
    if (end_concerns_all(p, l))
        return;
    tell_end(p, l);
    struct ways_end e = lane_end(l, now_ms);
    s->try_ms = now_ms + ways_ended(&s->ways, l->index, &e, now_ms);
    lane_close(l);
}

static void take(struct posthorn *p, const char *words)
{
    struct lanes *s = &p->receive.lanes;
    s->since_ms = 0;
    nodes_served(&p->nodes);
    p->knows_h2 |= strcmp(http_version(in_use(p)->http), "2") == 0;
    snprintf(s->words, sizeof s->words, "%s", words);
    tell(p, words, NULL);
    client_online(p, true, NULL);
}

static void step_lane(struct posthorn *p, bool is_beside, uint64_t now_ms)
{
    struct lanes *s = &p->receive.lanes;
    struct lane *l = is_beside ? beside(p) : in_use(p);
    bool was_live = lane_is_live(l);
    lane_step(l, now_ms);
    if (l->has_ended && is_beside) {
        beside_ended(p, now_ms);
    } else if (l->has_ended) {
        in_use_ended(p, now_ms);
    } else if (lane_is_live(l) && !was_live) {
        char words[200];
        lane_words(l, words, sizeof words);
        if (is_beside) {
            lane_close(in_use(p));
            s->current = !s->current;
            s->is_moving = in_use(p)->moves != p->nodes.moves; /* it may have begun before a move */
            p->borrows_http = true; /* one connection is enough, if it is of the right kind */
        }
        take(p, words);
    }
}

static uint64_t trial_due_ms(const struct posthorn *p)
{
    const struct lanes *s = &p->receive.lanes;
    const struct lane *l = &s->at[s->current];
    if (!lane_is_live(l) || lane_is_open(&s->at[!s->current]))
        return UINT64_MAX;
    if (s->is_moving)
        return s->try_ms;
    uint64_t due = l->index == WAYS_NONE ? UINT64_MAX : ways_better_due_ms(&s->ways, l->index);
    if (due == UINT64_MAX)
        return due;
    due = due < l->live_ms + WAYS_GOOD_MS ? l->live_ms + WAYS_GOOD_MS : due;
    return due < s->try_ms ? s->try_ms : due;
}

static void begin_trial(struct posthorn *p, uint64_t now_ms)
{
    struct lanes *s = &p->receive.lanes;
    int index = ways_best(&s->ways, now_ms);
    if (index == WAYS_NONE)
        s->try_ms = now_ms + ways_nothing(&s->ways, now_ms);
    else
        open_lane(p, beside(p), index, true, now_ms);
}

static void begin(struct posthorn *p, uint64_t now_ms)
{
    struct lanes *s = &p->receive.lanes;
    int index = ways_best(&s->ways, now_ms);
    if (index != WAYS_NONE) {
        open_lane(p, in_use(p), index, false, now_ms);
        return;
    }
    s->due_ms = now_ms + ways_nothing(&s->ways, now_ms);
    client_online(p, false, &s->last);
}

void lanes_step(struct posthorn *p, uint64_t now_ms)
{
    struct lanes *s = &p->receive.lanes;
    if (lane_is_open(beside(p)))
        step_lane(p, true, now_ms);
    if (p->receive.state == RECEIVE_ON && lane_is_open(in_use(p)))
        step_lane(p, false, now_ms);
    /* What waits for the dispatch would come twice if a way began at the cursor now. */
    if (p->receive.state != RECEIVE_ON || receive_has_news(p) || p->is_dispatching)
        return;
    if (!lane_is_open(in_use(p)) && now_ms >= s->due_ms)
        begin(p, now_ms);
    else if (now_ms >= trial_due_ms(p))
        begin_trial(p, now_ms);
    if (s->since_ms && now_ms - s->since_ms >= LANES_OFFLINE_MS)
        client_online(p, false, &s->last);
}

uint64_t lanes_due_ms(const struct posthorn *p)
{
    const struct lanes *s = &p->receive.lanes;
    uint64_t due = UINT64_MAX;
    for (unsigned n = 0; n < 2; n++)
        due = lane_due_ms(&s->at[n]) < due ? lane_due_ms(&s->at[n]) : due;
    if (p->receive.state != RECEIVE_ON || receive_has_news(p) || p->is_dispatching)
        return due;
    if (s->since_ms && (!p->knows_online || p->is_online) && s->since_ms + LANES_OFFLINE_MS < due)
        due = s->since_ms + LANES_OFFLINE_MS;
    if (!lane_is_open(&s->at[s->current]))
        due = s->due_ms < due ? s->due_ms : due;
    return trial_due_ms(p) < due ? trial_due_ms(p) : due;
}

void lanes_ack(struct posthorn *p)
{
    if (lane_is_live(in_use(p)))
        feed_ack(in_use(p)->feed, p->cursor.text);
}

void lanes_heard(struct posthorn *p, bool is_empty, uint64_t now_ms)
{
    struct receive *r = &p->receive;
    struct lane *l = in_use(p);
    uint64_t lasted_ms = now_ms - l->heard_ms;
    l->heard_ms = now_ms;
    if (!is_empty)
        ways_worked(&r->lanes.ways);
    if (l->way.way != FEED_LONGPOLL || r->hold_s >= p->poll_s || lasted_ms + 500 < (uint64_t)r->hold_s * 1000)
        return;
    if (is_empty && ++l->quiet >= RECEIVE_CREEP_POLLS) {
        r->hold_s++;
        lane_close(l);
        r->lanes.due_ms = now_ms;
    }
}

size_t lanes_https(const struct posthorn *p, struct http *at[static 2])
{
    size_t count = 0;
    for (unsigned n = 0; n < 2; n++)
        if (p->receive.lanes.at[n].owns_http)
            at[count++] = p->receive.lanes.at[n].http;
    return count;
}

void lanes_lend(struct posthorn *p)
{
    struct lane *l = in_use(p);
    bool is_wanted = p->is_http_failing || p->http_wants != p->wants || p->borrows_http;
    if (!is_wanted || !lane_is_live(l))
        return;
    bool has_other_version = l->way.http == FEED_HTTP_1 && p->wants != CONN_H1;
    /* Pushed responses are for connections that asked for them; HTTP/1.1 where HTTP/2 works is a step back. */
    bool is_fit = l->owns_http && l->way.way != FEED_PUSH && (p->is_http_failing || !has_other_version);
    if (!is_fit) {
        p->borrows_http = false;
        return;
    }
    if (!client_is_idle(p) || (lane_is_open(beside(p)) && !beside(p)->owns_http))
        return;
    http_free(&p->http);
    p->http = l->http;
    p->http_wants = has_other_version ? CONN_H1 : p->wants;
    l->owns_http = false;
    p->borrows_http = p->is_http_failing = false;
}
