/* load/receiver.c - events by one of the ways
 *
 * Polls ask again with the cursor of each answer. Streams are cut where their format says (lines of an event stream,
 * lines of JSON, frames) as the bytes come. Cursors, heartbeats and acknowledgements stay in here.
 */
#include "load/receiver.h"

#include "base/check.h"
#include "load/scan.h"
#include <stdio.h>
#include <stdlib.h>

enum { RECEIVER_ACK_EVENTS = 50, RECEIVER_FRAME_BYTES = 132 * 1024 };
static const uint64_t receiver_ack_ns = 4000000000u;

static const char *const receiver_names[] = { "poll", "longpoll", "sse", "ws", "push" };

bool receiver_way_parse(const char *word, enum receiver_way *way)
{
    for (int n = 0; n <= RECEIVER_PUSH; n++) {
        if (strcmp(word, receiver_names[n]) == 0) {
            *way = (enum receiver_way)n;
            return true;
        }
    }
    return false;
}

const char *receiver_way_name(enum receiver_way way)
{
    return receiver_names[way];
}

bool receiver_version(enum receiver_way way, const char *http, enum link_version *version)
{
    bool is_h1 = strcmp(http, "1.1") == 0;

    *version = is_h1 ? LINK_H1 : way == RECEIVER_PUSH ? LINK_H2_PUSHED : LINK_H2;
    return (is_h1 && way != RECEIVER_PUSH) || strcmp(http, "2") == 0;
}

static void receiver_end(struct receiver *r, struct text why)
{
    if (r->is_over)
        return;
    r->is_over = true;
    r->ended(r, why);
}

static bool receiver_begins(struct text t, struct text with)
{
    return t.bytes >= with.bytes && memcmp(t.at, with.at, with.bytes) == 0;
}

/* False: there is none that could be one. */
static bool receiver_keep_cursor(struct receiver *r, struct text cursor)
{
    const char *dot = cursor.bytes ? memchr(cursor.at, '.', cursor.bytes) : NULL;

    if (!dot || cursor.bytes >= sizeof r->cursor)
        return false;
    memcpy(r->cursor, cursor.at, cursor.bytes);
    r->cursor[cursor.bytes] = 0;
    if (!r->is_open)
        r->first_i = strtoull(r->cursor + (dot - cursor.at) + 1, NULL, 10);
    r->is_open = true;
    return true;
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

/* Masked with zeros: as good as any mask to the server, and free for us. */
static void receiver_frame(struct receiver *r, uint8_t opcode, struct text payload)
{
    uint8_t head[14] = { (uint8_t)(0x80 | opcode) };
    size_t bytes = 2;

    if (payload.bytes < 126) {
        head[1] = (uint8_t)(0x80 | payload.bytes);
    } else {
        CHECK(payload.bytes < 65536);
        head[1] = 0x80 | 126;
        head[bytes++] = (uint8_t)(payload.bytes >> 8);
        head[bytes++] = (uint8_t)payload.bytes;
    }
    link_tell(r->link, &r->ask, (struct text){ (const char *)head, bytes + 4 });
    link_tell(r->link, &r->ask, payload);
}

static void receiver_acknowledge(struct receiver *r)
{
    char ack[64];

    if (r->unacknowledged < RECEIVER_ACK_EVENTS &&
        (!r->unacknowledged || r->now_ns - r->acknowledged_ns < receiver_ack_ns))
        return;
    snprintf(ack, sizeof ack, "{\"ack\":\"%s\"}", r->cursor);
    receiver_frame(r, 1, text_of(ack));
    r->unacknowledged = 0;
    r->acknowledged_ns = r->now_ns;
}

static uint32_t receiver_count(struct text json)
{
    uint32_t count = 0;

    while (scan_piece(&json, "{\"i\":").bytes)
        count++;
    return count;
}

static void receiver_message(struct receiver *r, struct text json)
{
    if (json.bytes > 6 && memcmp(json.at, "{\"id\":", 6) == 0 && r->answered) {
        r->answered(r, json);
        return;
    }
    if (json.bytes > 10 && memcmp(json.at, "{\"events\":", 10) == 0) {
        /* Texts of loads hold no quotes: the last "cursor" is the batch's. */
        if (!receiver_keep_cursor(r, scan_word(json, "cursor"))) {
            receiver_end(r, json);
            return;
        }
        r->unacknowledged += receiver_count(json);
        r->events(r, json);
        receiver_acknowledge(r);
        return;
    }
    if (!receiver_begins(json, TEXT("{\"signal\":")))
        receiver_end(r, json);
    else if (r->signals)
        r->signals(r, json);
}

/* A whole frame at the start of t: its length in all; 0: not yet. */
static size_t receiver_cut_frame(struct text t, uint8_t *opcode, struct text *payload)
{
    const uint8_t *at = (const uint8_t *)t.at;
    size_t bytes, head = 2;

    if (t.bytes < 2)
        return 0;
    *opcode = at[0] & 15;
    bytes = at[1] & 127;
    if (bytes > 125) {
        head = bytes == 126 ? 4 : 10;
        if (t.bytes < head)
            return 0;
        bytes = 0;
        for (size_t n = 2; n < head; n++)
            bytes = bytes << 8 | at[n];
    }
    if (t.bytes - head < bytes)
        return 0;
    *payload = (struct text){ t.at + head, bytes };
    return head + bytes;
}

static void receiver_take_frames(struct receiver *r)
{
    struct text rest = buf_text(&r->ask.answer), payload;
    uint8_t opcode;

    for (size_t bytes; !r->is_over && (bytes = receiver_cut_frame(rest, &opcode, &payload));) {
        rest = (struct text){ rest.at + bytes, rest.bytes - bytes };
        if (opcode == 1)
            receiver_message(r, payload);
        else if (opcode == 9)
            receiver_frame(r, 10, payload);
        else
            receiver_end(r, TEXT("a Close frame"));
    }
    buf_drop(&r->ask.answer, r->ask.answer.bytes - rest.bytes);
}

/* --- lines ----------------------------------------------------------------------------------------------------- */

/* What stands before the mark, and *rest moves behind it; false: the mark has not come. */
static bool receiver_cut(struct text *rest, struct text mark, struct text *piece)
{
    const char *end = rest->bytes ? memmem(rest->at, rest->bytes, mark.at, mark.bytes) : NULL;

    if (!end)
        return false;
    *piece = (struct text){ rest->at, (size_t)(end - rest->at) };
    size_t used = piece->bytes + mark.bytes;
    *rest = (struct text){ rest->at + used, rest->bytes - used };
    return true;
}

/* One event of an event stream: its lines. */
static void receiver_take_block(struct receiver *r, struct text block)
{
    struct text line, id = { NULL, 0 };
    bool is_bye = false;

    for (bool more = true; more;) {
        more = receiver_cut(&block, TEXT("\n"), &line);
        if (!more)
            line = block;
        if (receiver_begins(line, TEXT("id: ")))
            id = (struct text){ line.at + 4, line.bytes - 4 };
        is_bye = is_bye || text_equal(line, TEXT("event: bye"));
        if (receiver_begins(line, TEXT("data: {\"i\":")))
            r->events(r, line);
        else if (is_bye && receiver_begins(line, TEXT("data: ")))
            receiver_end(r, line);
        else if (r->signals && receiver_begins(line, TEXT("data: {\"t\":")))
            r->signals(r, line);
    }
    if (id.bytes && !receiver_keep_cursor(r, id))
        receiver_end(r, id);
}

static void receiver_take_blocks(struct receiver *r)
{
    struct text rest = buf_text(&r->ask.answer), block;

    while (!r->is_over && receiver_cut(&rest, TEXT("\n\n"), &block))
        receiver_take_block(r, block);
    buf_drop(&r->ask.answer, r->ask.answer.bytes - rest.bytes);
}

static void receiver_take_lines(struct receiver *r)
{
    struct text rest = buf_text(&r->ask.answer), line;

    while (!r->is_over && receiver_cut(&rest, TEXT("\n"), &line)) {
        if (receiver_begins(line, TEXT("{\"cursor\":")) ? !receiver_keep_cursor(r, scan_word(line, "cursor"))
                                                        : !receiver_begins(line, TEXT("{\"signal\":")))
            receiver_end(r, line);
    }
    buf_drop(&r->ask.answer, r->ask.answer.bytes - rest.bytes);
}

/* --- asks ------------------------------------------------------------------------------------------------------ */

static void receiver_more(struct link_ask *a)
{
    struct receiver *r = a->ctx;

    if (a->status != 200 && a->status != 101)
        return;
    if (r->way == RECEIVER_WS)
        receiver_take_frames(r);
    else if (r->way == RECEIVER_SSE)
        receiver_take_blocks(r);
    else
        receiver_take_lines(r);
}

/* A poll's answer, or a pushed one: events, and perhaps signals. */
static void receiver_take_page(struct receiver *r, struct text page)
{
    r->events(r, page);
    if (r->signals && !r->is_over)
        r->signals(r, page);
}

static void receiver_pushed(struct link_ask *a, struct text answer)
{
    struct receiver *r = a->ctx;

    if (r->is_over)
        return;
    if (!receiver_keep_cursor(r, scan_word(answer, "cursor")))
        receiver_end(r, TEXT("a pushed response that is no answer"));
    else
        receiver_take_page(r, answer);
}

static void receiver_poll(struct receiver *r)
{
    uint32_t wait_s = r->is_open && r->way == RECEIVER_LONGPOLL ? r->wait_s : 0;

    snprintf(r->path, sizeof r->path, "/v1/events?after=%s&limit=500&wait=%u", r->cursor, wait_s);
    r->is_waiting = wait_s;
    link_ask(r->link, &r->ask);
}

static void receiver_answered(struct link_ask *a)
{
    struct receiver *r = a->ctx;
    struct text answer = buf_text(&a->answer);
    bool is_poll = r->way == RECEIVER_POLL || r->way == RECEIVER_LONGPOLL, was_open = r->is_open;

    r->is_waiting = false;
    if (r->is_over)
        return;
    if (!is_poll || a->status != 200 || !receiver_keep_cursor(r, scan_word(answer, "cursor"))) {
        receiver_end(r, answer.bytes ? answer : TEXT("the connection was lost"));
        return;
    }
    if (was_open)
        receiver_take_page(r, answer);
    if ((r->way == RECEIVER_LONGPOLL || r->drains) && !r->is_over)
        receiver_poll(r);
}

static void receiver_begin(struct receiver *r)
{
    link_ask_init(&r->ask);
    r->ask.method = "GET";
    r->ask.path = r->path;
    r->ask.token = r->token;
    r->ask.done = receiver_answered;
    r->ask.ctx = r;
    if (r->way == RECEIVER_POLL || r->way == RECEIVER_LONGPOLL) {
        receiver_poll(r);
        return;
    }
    r->ask.more = receiver_more;
    r->ask.is_socket = r->way == RECEIVER_WS;
    r->ask.accept = r->way == RECEIVER_SSE ? "text/event-stream" : NULL;
    r->ask.pushed = r->way == RECEIVER_PUSH ? receiver_pushed : NULL;
    snprintf(r->path, sizeof r->path, "/v1/events?after=%s%s", r->cursor,
             r->way == RECEIVER_PUSH ? "&push=1" : "");
    link_ask(r->link, &r->ask);
}

void receiver_open(struct receiver *r)
{
    snprintf(r->cursor, sizeof r->cursor, "now");
    receiver_begin(r);
}

void receiver_open_after(struct receiver *r, const char *cursor)
{
    CHECK(receiver_keep_cursor(r, text_of(cursor)));
    receiver_begin(r);
}
void receiver_do(struct receiver *r, uint32_t id, const char *path, struct text body)
{
    struct buf b;

    buf_init(&b, RECEIVER_FRAME_BYTES);
    buf_printf(&b, "{\"id\":%u,\"do\":\"POST\",\"path\":\"%s\",\"body\":", id, path);
    buf_put_text(&b, body);
    buf_put_text(&b, TEXT("}"));
    CHECK(!b.overflowed);
    receiver_frame(r, 1, buf_text(&b));
    buf_fini(&b);
}

void receiver_fini(struct receiver *r)
{
    link_ask_fini(&r->ask);
}
