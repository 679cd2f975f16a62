/* unit/net/tunnel.c - an exchange that is a fake: the functions of net/exchange.h that a tunnel uses
 *
 * They stand here, so that no other part of the net is linked.
 */
#include "unit/net/tunnel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct tunnel_fake *fake_of(struct exchange *x)
{
    return (struct tunnel_fake *)x;
}

void tunnel_fake_init(struct tunnel_fake *f)
{
    f->set = calloc(1, sizeof(*f->set));
    assert_non_null(f->set);
    f->x.set = f->set;
    f->set->loop = loop_new();
    buf_init(&f->out, 1 << 20);
}

void tunnel_fake_fini(struct tunnel_fake *f)
{
    loop_free(&f->set->loop);
    buf_fini(&f->out);
    free(f->set);
}

void tunnel_fake_come(struct tunnel_fake *f, const char *at, size_t bytes)
{
    char *copy = malloc(bytes);

    assert_non_null(copy);
    memcpy(copy, at, bytes);
    f->input(&f->x, (struct text){ copy, bytes }, f->input_ctx);
    free(copy);
}

void exchange_tunnel(struct exchange *x, const struct exchange_field *fields, size_t fields_count,
                     exchange_input_fn *input, void *ctx)
{
    struct tunnel_fake *f = fake_of(x);

    for (size_t i = 0; i < fields_count; i++)
        snprintf(f->fields + strlen(f->fields), sizeof(f->fields) - strlen(f->fields), "%s: %.*s\n",
                 fields[i].name, (int)fields[i].value.bytes, fields[i].value.at);
    f->input = input;
    f->input_ctx = ctx;
}

void exchange_forget(struct exchange *x)
{
    fake_of(x)->is_forgotten = true;
}

void exchange_write(struct exchange *x, struct blob *piece)
{
    struct tunnel_fake *f = fake_of(x);

    assert_false(f->is_finished || f->is_aborted || f->has_left);
    buf_put_text(&f->out, blob_text(piece));
    f->unsent += piece->bytes;
    f->pieces++;
    blob_free(&piece);
}

void exchange_finish(struct exchange *x)
{
    struct tunnel_fake *f = fake_of(x);

    assert_false(f->is_finished || f->is_aborted || f->has_left);
    f->is_finished = true;
}

void exchange_abort(struct exchange *x)
{
    struct tunnel_fake *f = fake_of(x);

    assert_false(f->is_finished || f->is_aborted || f->has_left);
    f->is_aborted = true;
}

size_t exchange_unsent(const struct exchange *x)
{
    return ((const struct tunnel_fake *)x)->unsent;
}

void exchange_on_room(struct exchange *x, exchange_room_fn *room, void *ctx)
{
    fake_of(x)->room = room;
    fake_of(x)->room_ctx = ctx;
}

void exchange_on_gone(struct exchange *x, exchange_gone_fn *gone, void *ctx)
{
    fake_of(x)->gone = gone;
    fake_of(x)->gone_ctx = ctx;
}

void exchange_pause(struct exchange *x, bool on)
{
    fake_of(x)->is_paused = on;
}
