/* fake/net.c - exchanges made by hand, linked in place of the net */
#include "fake/net.h"
#include "base/check.h"
#include <stdio.h>
#include <stdlib.h>

enum { FAKE_STREAM_BYTES = 1024 * 1024 };

const struct exchange_head *exchange_head(const struct exchange *x)
{
    return &x->head;
}

struct text exchange_body(const struct exchange *x)
{
    return x->body;
}

struct text exchange_peer(const struct exchange *x)
{
    return x->peer;
}

void exchange_respond(struct exchange *x, int status, const struct exchange_field *fields,
                      size_t fields_count, struct blob *body)
{
    size_t at = 0;

    CHECK(!x->status && status >= 200 && status < 600);
    x->status = status;
    x->answer = body;
    for (size_t n = 0; n < fields_count; n++)
        at += (size_t)snprintf(x->fields + at, sizeof x->fields - at, "%s: %.*s\n", fields[n].name,
                               (int)fields[n].value.bytes, fields[n].value.at);
}

void exchange_on_gone(struct exchange *x, exchange_gone_fn *gone, void *ctx)
{
    x->gone = gone;
    x->gone_ctx = ctx;
}

void exchange_trusted(struct exchange *x)
{
    x->is_trusted = true;
}

void net_stats_read(const struct net *n, struct net_stats *s)
{
    (void)n;
    *s = (struct net_stats){ .accepted = 3 };
}

void exchange_forget(struct exchange *x)
{
    x->is_forgotten = true;
    x->head = (struct exchange_head){ .method = x->head.method };
    x->body = (struct text){ 0 };
}

void exchange_begin(struct exchange *x, int status, const struct exchange_field *fields, size_t fields_count)
{
    exchange_respond(x, status, fields, fields_count, NULL);
    buf_init(&x->stream, FAKE_STREAM_BYTES);
    x->is_begun = true;
}

void exchange_write(struct exchange *x, struct blob *piece)
{
    CHECK((x->is_begun || x->is_tunnel) && !x->is_finished && !x->is_aborted);
    buf_put_text(&x->stream, blob_text(piece));
    CHECK(!x->stream.overflowed);
    blob_free(&piece);
}

void exchange_finish(struct exchange *x)
{
    CHECK((x->is_begun || x->is_tunnel) && !x->is_finished && !x->is_aborted);
    x->is_finished = true;
}

void exchange_abort(struct exchange *x)
{
    CHECK(!x->is_finished && !x->is_aborted);
    x->is_aborted = true;
}

size_t exchange_unsent(const struct exchange *x)
{
    return x->unsent;
}

void exchange_on_room(struct exchange *x, exchange_room_fn *room, void *ctx)
{
    x->room = room;
    x->room_ctx = ctx;
}

void exchange_tunnel(struct exchange *x, const struct exchange_field *fields, size_t fields_count,
                     exchange_input_fn *input, void *ctx)
{
    exchange_respond(x, 200, fields, fields_count, NULL);
    buf_init(&x->stream, FAKE_STREAM_BYTES);
    x->is_tunnel = true;
    x->input = input;
    x->input_ctx = ctx;
}

void exchange_pause(struct exchange *x, bool on)
{
    x->is_paused = on;
}

bool exchange_can_push(const struct exchange *x)
{
    return x->takes_pushes;
}

bool exchange_is_authoritative(const struct exchange *x)
{
    return x->is_authoritative;
}

bool exchange_is_crowded(struct exchange *x)
{
    return x->is_crowded;
}

struct exchange *exchange_promise(struct exchange *x, struct text target)
{
    struct exchange *promised;

    CHECK(x->is_begun && !x->is_finished);
    if (!x->takes_pushes)
        return NULL;
    promised = calloc(1, sizeof *promised);
    CHECK(promised);
    snprintf(promised->target, sizeof promised->target, "%.*s", (int)target.bytes, target.at);
    promised->promised = x->promised;
    x->promised = promised;
    return promised;
}

void fake_net_room(struct exchange *x)
{
    x->unsent = 0;
    x->room(x, x->room_ctx);
}

void fake_net_fini(struct exchange *x)
{
    while (x->promised) {
        struct exchange *gone = x->promised;

        x->promised = gone->promised;
        blob_free(&gone->answer);
        free(gone);
    }
    blob_free(&x->answer);
    buf_fini(&x->stream);
}

void fake_net_hang_up(struct exchange *x)
{
    if (x->gone)
        x->gone(x, x->gone_ctx);
    x->gone = NULL;
}
