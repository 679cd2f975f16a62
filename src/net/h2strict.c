/* net/h2strict.c - what nghttp2 lets pass, as it forgets streams that ended: late frames, and priorities unread
 *
 * nghttp2 could keep closed streams, for 23 KB a connection. But to tell a client that breaks the protocol from one
 * that could not know of our reset yet, its own words are enough: which streams it has begun, and which it has ended.
 * Two bits a stream, for the last ones; what is older is ignored, as nghttp2 does.
 */
#include "net/h2strict.h"
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <string.h>

enum { PREFACE_BYTES = 24, HEAD_BYTES = 9, DEPENDS_BYTES = 4, PRIORITY_BYTES = 5, MAP_BITS = 64 };

void h2strict_init(struct h2strict *s)
{
    memset(s, 0, sizeof(*s));
    s->skip_bytes = PREFACE_BYTES;
}

static void open_stream(struct h2strict *s, uint32_t stream)
{
    uint32_t steps = (stream + 1) / 2 - (s->newest + 1) / 2;

    s->opened = steps < MAP_BITS ? s->opened << steps : 0;
    s->ended = steps < MAP_BITS ? s->ended << steps : 0;
    s->opened |= 1;
    s->newest = stream;
}

/* HEADERS, DATA or RST_STREAM on one of the client's streams. */
static enum h2strict_offence on_stream(struct h2strict *s, uint32_t stream, uint8_t type, uint8_t flags)
{
    bool is_reset = type == NGHTTP2_RST_STREAM;
    uint64_t bit;

    if (type == NGHTTP2_HEADERS && stream > s->newest)
        open_stream(s, stream);
    if (stream > s->newest || (s->newest - stream) / 2 >= MAP_BITS)
        return H2STRICT_NONE; /* idle, which nghttp2 knows; or long ago */
    bit = UINT64_C(1) << (s->newest - stream) / 2;
    if (!is_reset && !(s->opened & bit))
        return H2STRICT_SKIPPED;
    if (!is_reset && s->ended & bit)
        return H2STRICT_ENDED;
    if (is_reset || flags & NGHTTP2_FLAG_END_STREAM)
        s->ended |= bit;
    return H2STRICT_NONE;
}

static uint32_t number(const uint8_t *at, size_t bytes)
{
    uint32_t n = 0;

    while (bytes--)
        n = n << 8 | *at++;
    return n;
}

/* What is there of a frame's head; sets skip_bytes when it is enough. */
static enum h2strict_offence on_head(struct h2strict *s)
{
    uint32_t length = number(s->head, 3), stream = number(s->head + 5, 4) & INT32_MAX;
    uint8_t type = s->head[3], flags = s->head[4];
    bool is_priority = type == NGHTTP2_PRIORITY && length == PRIORITY_BYTES && stream;

    if (is_priority && s->have_bytes < HEAD_BYTES + DEPENDS_BYTES)
        return H2STRICT_NONE;
    s->have_bytes = 0;
    s->skip_bytes = is_priority ? PRIORITY_BYTES - DEPENDS_BYTES : length;
    if (is_priority)
        return (number(s->head + HEAD_BYTES, DEPENDS_BYTES) & INT32_MAX) == stream ? H2STRICT_LOOP
                                                                                   : H2STRICT_NONE;
    if (stream % 2 && (type == NGHTTP2_HEADERS || type == NGHTTP2_DATA || type == NGHTTP2_RST_STREAM))
        return on_stream(s, stream, type, flags);
    return H2STRICT_NONE;
}

enum h2strict_offence h2strict_input(struct h2strict *s, const char *at, size_t bytes)
{
    enum h2strict_offence offence = H2STRICT_NONE;

    while (bytes && !offence) {
        size_t taken = s->skip_bytes < bytes ? s->skip_bytes : bytes;

        at += taken;
        bytes -= taken;
        s->skip_bytes -= (uint32_t)taken;
        if (!bytes)
            break;
        s->head[s->have_bytes++] = (uint8_t)*at++;
        bytes--;
        if (s->have_bytes >= HEAD_BYTES)
            offence = on_head(s);
    }
    return offence;
}
