/* lib/feed_poll.c - polls, long and short: one after the other, each from the cursor of the last */
#include "lib/backoff.h"
#include "lib/clock.h"
#include "lib/feed_inner.h"
#include <string.h>

/* When to ask again after an answer. An empty one long before its time, and no word when to come back: another
 * client polls with our session, and two that hurry would never stop. */
static uint64_t pause_ms(struct feed_inner *f, bool has_news, uint64_t lasted_ms)
{
    f->quiet = has_news ? 0 : f->quiet + 1;
    if (f->way == FEED_POLL)
        return has_news ? 0 : f->quiet >= FEED_POLL_QUIET ? FEED_POLL_QUIET_MS : FEED_POLL_MS;
    bool is_early = !has_news && lasted_ms + 1000 < (uint64_t)f->asked_s * 1000;
    f->early = is_early ? f->early + 1 : 0;
    if (!is_early)
        return 0;
    struct backoff b = { .tries = f->early - 1 };
    return backoff_next(&b, 0);
}

static void answered(struct feed_inner *f, const struct exchange *x)
{
    const struct posthorn_event *at;
    size_t count = 0;
    struct posthorn_answer *a = wire_parse(x->response.body.at, x->response.body.bytes);
    const char *cursor = a ? wire_string(a, "cursor") : NULL;
    if (!cursor || strlen(cursor) > 63 || !wire_events(a, "events", &at, &count)) {
        wire_free(&a);
        feed_inner_end(f, FEED_GARBLED, "what answers is not a Posthorn server");
        return;
    }
    uint64_t now_ms = clock_ms();
    free(f->cursor);
    f->cursor = buf_copy(cursor);
    bool has_news = count || wire_has_array(a, "signals");
    f->due_ms = now_ms + pause_ms(f, has_news, now_ms - f->heard_ms);
    f->heard_ms = now_ms;
    uint64_t retry_ms = wire_number(a, "retry_ms");
    feed_inner_batch(f, a);
    if (retry_ms)
        feed_inner_bye(f, "draining", retry_ms); /* an empty answer that nobody waited for */
}

static void done(void *context, struct exchange *x)
{
    struct feed_inner *f = context;
    f->request = NULL;
    if (f->is_over)
        return;
    if (x->end != EXCHANGE_ANSWERED)
        feed_inner_failed(f, x);
    else if (x->response.status == 200)
        answered(f, x);
    else
        feed_inner_refused(f, x);
}

void feed_poll_step(struct feed_inner *f, uint64_t now_ms)
{
    if (f->request || now_ms < f->due_ms)
        return;
    /* The first answer comes soon: then it is known that the way works. */
    f->asked_s = f->way == FEED_POLL ? 0 : f->is_live ? f->hold_s : 1;
    struct buf path = { 0 };
    buf_text(&path, "/v1/events?after=");
    buf_escape(&path, f->cursor);
    buf_format(&path, "&wait=%u", f->asked_s);
    struct exchange *x = exchange_new("GET", path.at, f->token, NULL);
    buf_fini(&path);
    x->done = done;
    x->context = f;
    f->heard_ms = now_ms;
    if (http_start(f->http, x, now_ms + FEED_GRACE_MS + (uint64_t)f->asked_s * 1000)) {
        f->request = x;
        return;
    }
    exchange_free(&x);
    feed_inner_end(f, FEED_BROKEN, "too many requests wait already");
}
