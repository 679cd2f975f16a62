/* load/link_h1.c - a link's HTTP/1.1: one ask at a time, answers by length, in chunks, or a WebSocket's bytes */
#include "load/link_inner.h"

#include "base/check.h"
#include "load/scan.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { LINK_H1_HEAD_BYTES = 16 * 1024, LINK_H1_IN_BYTES = 4 << 20 };

void link_h1_begin(struct link *l)
{
    buf_init(&l->h1.in, LINK_H1_IN_BYTES);
}

void link_h1_fini(struct link *l)
{
    buf_fini(&l->h1.in);
}

void link_h1_ask(struct link *l, struct link_ask *a)
{
    CHECK(l->open_count == 1);
    l->h1.state = LINK_H1_HEAD;
    buf_printf(&l->out, "%s %s HTTP/1.1\r\nhost: %s\r\n", a->method, a->path, l->target->authority);
    if (a->token)
        buf_printf(&l->out, "authorization: Bearer %s\r\n", a->token);
    if (a->accept)
        buf_printf(&l->out, "accept: %s\r\n", a->accept);
    if (a->is_socket)
        buf_put_text(&l->out,
                     TEXT("connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
                          "sec-websocket-protocol: posthorn.v1\r\n"
                          "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    if (a->body.bytes)
        buf_printf(&l->out, "content-type: application/json\r\ncontent-length: %zu\r\n", a->body.bytes);
    buf_put_text(&l->out, TEXT("\r\n"));
    buf_put_text(&l->out, a->body);
}

/* The value of a field in a head that ends with an empty line; empty: it is not there. */
static struct text link_h1_field(struct text head, const char *name)
{
    size_t bytes = strlen(name);

    for (const char *at = head.at, *end = head.at + head.bytes, *line; at < end; at = line + 2) {
        line = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (!line)
            break;
        if ((size_t)(line - at) > bytes + 1 && at[bytes] == ':' && strncasecmp(at, name, bytes) == 0) {
            at += bytes + 1;
            while (at < line && *at == ' ')
                at++;
            return (struct text){ at, (size_t)(line - at) };
        }
    }
    return (struct text){ NULL, 0 };
}

static bool link_h1_head(struct link *l, struct link_ask *a)
{
    struct link_h1 *h = &l->h1;
    const char *end = memmem(h->in.at, h->in.bytes, "\r\n\r\n", 4);
    struct text head = { h->in.at, end ? (size_t)(end + 4 - h->in.at) : 0 };

    if (!end)
        return h->in.bytes < LINK_H1_HEAD_BYTES;
    if (head.bytes < 13 || memcmp(head.at, "HTTP/1.1 ", 9) != 0)
        return false;
    a->status = (int)scan_digits((struct text){ head.at + 9, 3 }, 10);
    struct text length = link_h1_field(head, "content-length");
    if (a->status == 101)
        h->state = LINK_H1_SOCKET;
    else if (link_h1_field(head, "transfer-encoding").bytes)
        h->state = LINK_H1_CHUNK_HEAD;
    else if (!length.bytes)
        return false;
    else {
        h->state = LINK_H1_LENGTH;
        h->left = scan_digits(length, 10);
    }
    buf_drop(&h->in, head.bytes);
    return true;
}

/* At most left bytes of what came belong to the answer. */
static void link_h1_data(struct link *l, struct link_ask *a)
{
    struct link_h1 *h = &l->h1;
    size_t bytes = h->in.bytes < h->left ? h->in.bytes : (size_t)h->left;

    buf_put(&a->answer, h->in.at, bytes);
    buf_drop(&h->in, bytes);
    h->left -= bytes;
    if (bytes && a->more)
        a->more(a);
}

/* A line that says how long a chunk is, or the empty one behind the last. */
static bool link_h1_chunk_head(struct link *l, bool *is_over)
{
    struct link_h1 *h = &l->h1;
    const char *end = h->in.bytes ? memmem(h->in.at, h->in.bytes, "\r\n", 2) : NULL;

    if (!end)
        return h->in.bytes < 32;
    size_t bytes = (size_t)(end + 2 - h->in.at);
    if (bytes > 2) {
        h->left = scan_digits((struct text){ h->in.at, bytes }, 16);
        h->state = h->left ? LINK_H1_CHUNK : LINK_H1_TRAILER;
    } else if (h->state == LINK_H1_TRAILER) {
        *is_over = true;
    }
    buf_drop(&h->in, bytes);
    return true;
}

/* One step through what came; *is_over: the answer is whole. */
static bool link_h1_step(struct link *l, struct link_ask *a, bool *is_over)
{
    struct link_h1 *h = &l->h1;

    switch (h->state) {
    case LINK_H1_HEAD:
        return link_h1_head(l, a);
    case LINK_H1_LENGTH:
        link_h1_data(l, a);
        *is_over = h->left == 0;
        return true;
    case LINK_H1_CHUNK_HEAD:
    case LINK_H1_TRAILER:
        return link_h1_chunk_head(l, is_over);
    case LINK_H1_CHUNK:
        link_h1_data(l, a);
        if (h->left == 0)
            h->state = LINK_H1_CHUNK_HEAD; /* the line end behind the chunk is an empty head */
        return true;
    case LINK_H1_SOCKET:
        h->left = h->in.bytes;
        link_h1_data(l, a);
        return true;
    }
    return false;
}

bool link_h1_take(struct link *l, struct text bytes)
{
    struct link_h1 *h = &l->h1;
    size_t before;

    buf_put_text(&h->in, bytes);
    if (h->in.overflowed)
        return false;
    do {
        if (!l->open_count)
            return h->in.bytes == 0; /* nobody asked */
        struct link_ask *a = l->open[0];
        enum link_h1_state state = h->state;
        bool is_over = false;
        before = h->in.bytes;
        if (!link_h1_step(l, a, &is_over) || a->answer.overflowed)
            return false;
        if (is_over)
            link_ended(l, a, a->status);
        else if (h->in.bytes == before && h->state == state)
            break;
    } while (h->in.bytes || h->state == LINK_H1_LENGTH);
    return true;
}
