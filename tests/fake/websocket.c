/* fake/websocket.c - a WebSocket made by hand, linked in place of the net's */
#include "fake/websocket.h"
#include "base/check.h"
#include "fake/net.h"
#include <stdio.h>
#include <stdlib.h>

enum { FAKE_SAID_BYTES = 1024 * 1024 };

static struct websocket *newest;

struct websocket *fake_websocket(void)
{
    return newest;
}

struct websocket *websocket_accept(struct exchange *x, struct text protocol, bool takes_binary,
                                   const struct websocket_events *events, void *ctx)
{
    struct websocket *w = calloc(1, sizeof *w);

    CHECK(w && !takes_binary && text_equal(protocol, TEXT("posthorn.v1")));
    x->status = 101;
    x->gone = NULL;
    w->x = x;
    w->events = events;
    w->ctx = ctx;
    buf_init(&w->said, FAKE_SAID_BYTES);
    newest = w;
    return w;
}

void websocket_send(struct websocket *w, struct blob *message)
{
    CHECK(!w->code && !memchr(message->at, '\n', message->bytes));
    buf_put_text(&w->said, blob_text(message));
    buf_put_text(&w->said, TEXT("\n"));
    CHECK(!w->said.overflowed);
    blob_free(&message);
}

void websocket_ping(struct websocket *w)
{
    w->pings++;
}

void websocket_close(struct websocket *w, enum websocket_code code, const char *reason)
{
    w->code = code;
    snprintf(w->reason, sizeof w->reason, "%s", reason);
}

void websocket_pause(struct websocket *w, bool on)
{
    w->is_paused = on;
}

size_t websocket_unsent(const struct websocket *w)
{
    return w->unsent;
}

uint64_t websocket_heard_ms(const struct websocket *w)
{
    return w->heard_ms;
}

void fake_websocket_say(struct websocket *w, const char *text)
{
    w->events->message(w, true, text_of(text), w->ctx);
}

void fake_websocket_room(struct websocket *w)
{
    w->unsent = 0;
    w->events->room(w, w->ctx);
}

void fake_websocket_end(struct websocket *w)
{
    w->events->closed(w, WEBSOCKET_LOST, w->ctx);
    buf_fini(&w->said);
    free(w);
    newest = NULL;
}
