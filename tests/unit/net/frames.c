/* unit/net/frames.c - an HTTP/2 client, frame by frame */
#include "frames.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

void frames_send(int fd, unsigned kind, unsigned flags, uint32_t stream, const void *payload, size_t bytes)
{
    unsigned char head[9] = { (unsigned char)(bytes >> 16),  (unsigned char)(bytes >> 8),
                              (unsigned char)bytes,          (unsigned char)kind,
                              (unsigned char)flags,          (unsigned char)(stream >> 24),
                              (unsigned char)(stream >> 16), (unsigned char)(stream >> 8),
                              (unsigned char)stream };

    assert_int_equal(send(fd, head, sizeof(head), MSG_NOSIGNAL), (ssize_t)sizeof(head));
    if (bytes)
        assert_int_equal(send(fd, payload, bytes, MSG_NOSIGNAL), (ssize_t)bytes);
}

int frames_connect(struct wire *w, bool takes_pushes, uint32_t window_bytes)
{
    const unsigned char entries[12] = { 0,
                                        4,
                                        (unsigned char)(window_bytes >> 24),
                                        (unsigned char)(window_bytes >> 16),
                                        (unsigned char)(window_bytes >> 8),
                                        (unsigned char)window_bytes,
                                        0,
                                        2,
                                        0,
                                        0,
                                        0,
                                        takes_pushes };
    int fd = wire_connect(w);

    wire_send(fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frames_send(fd, SETTINGS, 0, 0, entries, sizeof(entries));
    return fd;
}

/* A literal field without indexing; name 0: a new one. */
static size_t literal(unsigned char *into, unsigned name, const char *new_name, const char *value)
{
    size_t at = 0;

    into[at++] = (unsigned char)name;
    if (!name) {
        into[at++] = (unsigned char)strlen(new_name);
        memcpy(into + at, new_name, strlen(new_name));
        at += strlen(new_name);
    }
    into[at++] = (unsigned char)strlen(value);
    memcpy(into + at, value, strlen(value));
    return at + strlen(value);
}

void frames_request(int fd, uint32_t stream, bool is_post, const char *path, unsigned flags)
{
    unsigned char block[256] = { is_post ? 0x83 : 0x82, 0x86 };
    size_t bytes = 2;

    bytes += literal(block + bytes, 1, NULL, "localhost");
    bytes += literal(block + bytes, 4, NULL, path);
    frames_send(fd, HEADERS, END_HEADERS | flags, stream, block, bytes);
}

void frames_websocket(int fd, uint32_t stream, const char *protocol, const char *path, unsigned flags)
{
    unsigned char block[256];
    size_t bytes = literal(block, 2, NULL, "CONNECT");

    bytes += literal(block + bytes, 1, NULL, "localhost");
    if (protocol) {
        block[bytes++] = 0x86;
        bytes += literal(block + bytes, 4, NULL, path);
        bytes += literal(block + bytes, 0, ":protocol", protocol);
        bytes += literal(block + bytes, 0, "sec-websocket-version", "13");
    }
    frames_send(fd, HEADERS, END_HEADERS | flags, stream, block, bytes);
}

static uint32_t u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void take_data(struct frames_said *s, uint32_t stream, const unsigned char *p, size_t bytes)
{
    if (s->data_bytes + bytes < sizeof(s->body))
        memcpy(s->body + s->data_bytes, p, bytes);
    s->data_bytes += bytes;
    if (stream >= FRAMES_STREAMS)
        return;
    if (s->stream_bytes[stream] + bytes < sizeof(s->bodies[0]))
        memcpy(s->bodies[stream] + s->stream_bytes[stream], p, bytes);
    s->stream_bytes[stream] += bytes;
}

static void take_block(struct frames_said *s, const unsigned char *p, size_t bytes)
{
    if (s->blocks_count == FRAMES_BLOCKS || bytes > sizeof(s->blocks[0].at))
        return;
    memcpy(s->blocks[s->blocks_count].at, p, bytes);
    s->blocks[s->blocks_count++].bytes = bytes;
}

static void note(struct frames_said *s, unsigned kind, unsigned flags, uint32_t stream)
{
    static const char letters[] = "DHORSupGW";
    size_t at = strlen(s->order);
    bool is_ack = (kind == PING || kind == SETTINGS) && (flags & ACK);

    if (kind < KINDS)
        snprintf(s->order + at, sizeof(s->order) - at, "%c%u ", is_ack ? 'k' : letters[kind], stream);
}

static void take_settings(struct frames_said *s, const unsigned char *p, size_t bytes)
{
    for (size_t i = 0; i + 6 <= bytes; i += 6)
        s->has_connect_protocol |= p[i] == 0 && p[i + 1] == 8 && u32(p + i + 2) == 1;
}

static void take(struct frames_said *s, unsigned kind, unsigned flags, uint32_t stream,
                 const unsigned char *p, size_t bytes)
{
    if (kind < KINDS)
        s->frames[kind]++;
    note(s, kind, flags, stream);
    if (kind == DATA)
        take_data(s, stream, p, bytes);
    if ((kind == DATA || kind == HEADERS) && (flags & END_STREAM)) {
        s->ends++;
        if (stream < FRAMES_STREAMS)
            s->stream_ended[stream] = true;
    }
    if (kind == HEADERS)
        take_block(s, p, bytes);
    if (kind == SETTINGS)
        take_settings(s, p, bytes);
    if (kind == PUSH) {
        s->promised = u32(p);
        take_block(s, p + 4, bytes - 4);
    }
    if (kind == PING && !(flags & ACK))
        memcpy(s->ping, p, sizeof(s->ping));
    if (kind == RST) {
        s->last_reset = u32(p);
        s->reset_stream = stream;
    }
    if (kind == GOAWAY) {
        s->goaway_code = u32(p + 4);
        s->goaway_last[s->goaways++ % 4] = u32(p);
    }
}

static void hear_more(struct wire *w, int fd, struct frames_said *s, unsigned char *inbox, size_t room,
                      size_t *have, size_t *at)
{
    ssize_t r = -1;

    wire_run(w, 1);
    errno = EAGAIN; /* a full inbox says nothing of the socket */
    while (*have < room && (r = recv(fd, inbox + *have, room - *have, 0)) > 0)
        *have += (size_t)r;
    s->closed = r == 0 || errno != EAGAIN;
    while (*have - *at >= 9) {
        const unsigned char *head = inbox + *at;
        size_t bytes = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];

        if (*have - *at < 9 + bytes)
            break;
        take(s, head[3], head[4], u32(head + 5), head + 9, bytes);
        *at += 9 + bytes;
    }
}

struct frames_said frames_hear(struct wire *w, int fd, unsigned ms, unsigned ends)
{
    struct frames_said s = { 0 };
    size_t have = 0, at = 0;

    for (unsigned i = 0; i * 5 < ms && !s.closed && !(ends && s.ends >= ends); i++)
        hear_more(w, fd, &s, w->frames_inbox, WIRE_FRAMES_BYTES, &have, &at);
    return s;
}

struct frames_said frames_hear_until(struct wire *w, int fd, unsigned kind, unsigned count)
{
    struct frames_said s = { 0 };
    size_t have = 0, at = 0;

    for (unsigned i = 0; i < 2500 && !s.closed && s.frames[kind] < count; i++)
        hear_more(w, fd, &s, w->frames_inbox, WIRE_FRAMES_BYTES, &have, &at);
    assert_int_equal(s.frames[kind], count);
    return s;
}
