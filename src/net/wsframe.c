/* net/wsframe.c - WebSocket frames without a socket
 *
 * Head, payload, head, payload: what can be refused is refused as soon as the byte that shows it is there. Data
 * frames gather in the message, control frames, which may come between them, in a buffer of their own.
 */
#include "net/wsframe.h"
#include "base/check.h"
#include "limits.h"

enum {
    BIT_FIN = 0x80,
    BITS_RESERVED = 0x70,
    BITS_OPCODE = 0x0f,
    BIT_CONTROL = 0x08,
    BIT_MASK = 0x80,
    BITS_LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    MASK_BYTES = 4,
    ROOM_BYTES_MIN = 128,
};

void wsframe_init(struct wsframe *f, bool takes_binary)
{
    *f = (struct wsframe){ .takes_binary = takes_binary };
}

static void drop_message(struct wsframe *f)
{
    free(f->message);
    f->message = NULL;
    f->message_bytes = f->message_room = f->fragments = 0;
}

static void drop_control(struct wsframe *f)
{
    free(f->control);
    f->control = NULL;
    f->control_bytes = 0;
}

void wsframe_fini(struct wsframe *f)
{
    drop_message(f);
    drop_control(f);
}

void wsframe_taken(struct wsframe *f)
{
    if (!f->is_given)
        return;
    f->is_given = false;
    if (f->head[0] & BIT_CONTROL)
        drop_control(f);
    else
        drop_message(f);
}

bool wsframe_is_idle(const struct wsframe *f)
{
    return !f->head_bytes && !f->in_payload && !f->fragments && !f->is_given && !f->is_over;
}

bool wsframe_is_code(uint32_t code)
{
    if (code >= 3000 && code <= 4999)
        return true;
    return code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006);
}

static void bad(struct wsframe *f, struct wsframe_event *e, uint16_t code)
{
    wsframe_fini(f);
    f->is_over = true;
    *e = (struct wsframe_event){ WSFRAME_IS_BAD, code, { NULL, 0 } };
}

static enum wsframe_opcode opcode_of(const struct wsframe *f)
{
    return (enum wsframe_opcode)(f->head[0] & BITS_OPCODE);
}

static bool is_control(const struct wsframe *f)
{
    return f->head[0] & BIT_CONTROL;
}

/* The first byte, against what came before it; 0: good. */
static uint16_t look_at_opcode(const struct wsframe *f)
{
    uint8_t first = f->head[0];

    if (first & BITS_RESERVED) /* no extension was agreed on */
        return WSFRAME_BROKEN;
    switch (opcode_of(f)) {
    case WSFRAME_CONTINUATION:
        if (f->fragments == 0)
            return WSFRAME_BROKEN;
        return f->fragments < LIMIT_SOCKET_FRAGMENTS ? 0 : WSFRAME_TOO_BIG;
    case WSFRAME_TEXT:
        return f->fragments ? WSFRAME_BROKEN : 0;
    case WSFRAME_BINARY:
        if (f->fragments)
            return WSFRAME_BROKEN;
        return f->takes_binary ? 0 : WSFRAME_NOT_TAKEN;
    case WSFRAME_CLOSE:
    case WSFRAME_PING:
    case WSFRAME_PONG:
        return first & BIT_FIN ? 0 : WSFRAME_BROKEN;
    default:
        return WSFRAME_BROKEN;
    }
}

static size_t head_needs(const struct wsframe *f)
{
    uint8_t length = f->head[1] & BITS_LENGTH;

    if (f->head_bytes < 2)
        return 2;
    return 2u + MASK_BYTES + (length == LENGTH_16 ? 2u : length == LENGTH_64 ? 8u : 0u);
}

/* The length of a whole head; UINT64_MAX: not written in the shortest way (RFC 6455 5.2). */
static uint64_t length_of(const struct wsframe *f)
{
    uint8_t length = f->head[1] & BITS_LENGTH;
    uint64_t value = 0;
    unsigned bytes = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;

    if (bytes == 0)
        return length;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | f->head[2 + i];
    return value > (bytes == 2 ? 125u : 0xffffu) ? value : UINT64_MAX;
}

/* The second byte, once it is there; 0: good. */
static uint16_t look_at_length(const struct wsframe *f)
{
    if (!(f->head[1] & BIT_MASK))
        return WSFRAME_BROKEN;
    return is_control(f) && (f->head[1] & BITS_LENGTH) > WSFRAME_CONTROL_BYTES ? WSFRAME_BROKEN : 0;
}

/* Gathers the head; false: refused. When it is whole, the payload is next. */
static bool read_head(struct wsframe *f, uint8_t byte, struct wsframe_event *e)
{
    uint16_t code = 0;
    uint64_t bytes;

    f->head[f->head_bytes++] = byte;
    if (f->head_bytes == 1)
        code = look_at_opcode(f);
    else if (f->head_bytes == 2)
        code = look_at_length(f);
    if (code) {
        bad(f, e, code);
        return false;
    }
    if (f->head_bytes < head_needs(f))
        return true;
    bytes = length_of(f);
    if (bytes == UINT64_MAX || (bytes > LIMIT_SOCKET_BYTES - f->message_bytes && !is_control(f))) {
        bad(f, e, bytes == UINT64_MAX || bytes >> 63 ? WSFRAME_BROKEN : WSFRAME_TOO_BIG);
        return false;
    }
    f->left = (uint32_t)bytes;
    memmove(f->head + 2, f->head + f->head_bytes - MASK_BYTES, MASK_BYTES); /* over a length of 16 bits */
    f->mask_at = 0;
    f->in_payload = true;
    if (is_control(f))
        return true;
    f->fragments++;
    if (opcode_of(f) != WSFRAME_CONTINUATION)
        f->is_text = opcode_of(f) == WSFRAME_TEXT;
    return true;
}

/* Copies and unmasks, eight bytes at a time. */
static void unmask(struct wsframe *f, char *into, const char *from, size_t bytes)
{
    uint8_t mask[8];
    uint64_t masks, eight;
    size_t i = 0;

    for (unsigned k = 0; k < sizeof(mask); k++)
        mask[k] = f->head[2 + (f->mask_at + k) % MASK_BYTES];
    memcpy(&masks, mask, sizeof(masks));
    for (; bytes - i >= sizeof(eight); i += sizeof(eight)) {
        memcpy(&eight, from + i, sizeof(eight));
        eight ^= masks;
        memcpy(into + i, &eight, sizeof(eight));
    }
    for (; i < bytes; i++)
        into[i] = (char)((uint8_t)from[i] ^ mask[i % MASK_BYTES]);
    f->mask_at = (uint8_t)((f->mask_at + bytes) % MASK_BYTES);
}

/* Room for what has come, never for what is only announced; exactly as much when the message ends with it. */
static void make_room(struct wsframe *f, size_t bytes)
{
    size_t needed = f->message_bytes + bytes, room = needed;
    bool is_last = (f->head[0] & BIT_FIN) && bytes == f->left;

    if (needed <= f->message_room)
        return;
    if (!is_last) {
        room = 2 * (size_t)f->message_room;
        if (room < needed)
            room = needed;
        if (room < ROOM_BYTES_MIN)
            room = ROOM_BYTES_MIN;
        if (room > LIMIT_SOCKET_BYTES)
            room = LIMIT_SOCKET_BYTES;
    }
    /* not realloc(NULL): the fuzzer takes that for a leak, and searches for it each time */
    f->message = f->message ? realloc(f->message, room) : malloc(room);
    CHECK(f->message);
    f->message_room = (uint32_t)room;
}

/* More of a data frame's payload; false: refused. */
static bool read_data(struct wsframe *f, const char *at, size_t bytes, struct wsframe_event *e)
{
    char *into;

    if (bytes == 0)
        return true;
    make_room(f, bytes);
    into = f->message + f->message_bytes;
    unmask(f, into, at, bytes);
    f->message_bytes += (uint32_t)bytes;
    f->left -= (uint32_t)bytes;
    if (!f->is_text || utf8_put(&f->utf8, (struct text){ into, bytes }))
        return true;
    bad(f, e, WSFRAME_NO_TEXT);
    return false;
}

static void read_control(struct wsframe *f, const char *at, size_t bytes)
{
    if (bytes == 0)
        return;
    if (!f->control) {
        f->control = malloc(f->left); /* at most 125 */
        CHECK(f->control);
    }
    unmask(f, f->control + f->control_bytes, at, bytes);
    f->control_bytes = (uint8_t)(f->control_bytes + bytes);
    f->left -= (uint32_t)bytes;
}

static void end_close(struct wsframe *f, struct wsframe_event *e)
{
    struct text payload = { f->control, f->control_bytes };
    const uint8_t *at = (const uint8_t *)f->control;
    struct utf8 utf8 = { 0 };
    uint16_t code;

    f->is_over = true;
    *e = (struct wsframe_event){ WSFRAME_IS_CLOSE, WSFRAME_NO_CODE, { NULL, 0 } };
    if (payload.bytes == 0)
        return;
    if (payload.bytes == 1) {
        bad(f, e, WSFRAME_BROKEN);
        return;
    }
    code = (uint16_t)(at[0] << 8 | at[1]);
    e->code = code;
    e->payload = (struct text){ payload.at + 2, payload.bytes - 2 };
    if (!wsframe_is_code(code))
        bad(f, e, WSFRAME_BROKEN);
    else if (!utf8_put(&utf8, e->payload) || !utf8_is_whole(&utf8))
        bad(f, e, WSFRAME_NO_TEXT);
}

/* The payload is whole; false: the message is not, so that more has to come. */
static bool end_frame(struct wsframe *f, struct wsframe_event *e)
{
    f->in_payload = false;
    f->head_bytes = 0;
    if (is_control(f)) {
        f->is_given = true;
        if (opcode_of(f) == WSFRAME_CLOSE) {
            end_close(f, e);
            return true;
        }
        e->what = opcode_of(f) == WSFRAME_PING ? WSFRAME_IS_PING : WSFRAME_IS_PONG;
        e->payload = (struct text){ f->control, f->control_bytes };
        return true;
    }
    if (!(f->head[0] & BIT_FIN))
        return false;
    if (f->is_text && !utf8_is_whole(&f->utf8)) {
        bad(f, e, WSFRAME_NO_TEXT);
        return true;
    }
    f->is_given = true;
    e->what = f->is_text ? WSFRAME_IS_TEXT : WSFRAME_IS_BINARY;
    e->payload = (struct text){ f->message, f->message_bytes };
    return true;
}

size_t wsframe_read(struct wsframe *f, struct text bytes, struct wsframe_event *e)
{
    size_t i = 0;

    *e = (struct wsframe_event){ WSFRAME_IS_MORE, 0, { NULL, 0 } };
    wsframe_taken(f);
    while (!f->is_over && i < bytes.bytes) {
        size_t most;

        if (!f->in_payload && !read_head(f, (uint8_t)bytes.at[i++], e))
            return i;
        if (!f->in_payload)
            continue;
        most = bytes.bytes - i < f->left ? bytes.bytes - i : f->left;
        if (is_control(f))
            read_control(f, bytes.at + i, most);
        else if (!read_data(f, bytes.at + i, most, e))
            return i + most;
        i += most;
        if (f->left == 0 && end_frame(f, e))
            return i;
    }
    return f->is_over ? bytes.bytes : i;
}

size_t wsframe_head(uint8_t into[static WSFRAME_HEAD_BYTES], enum wsframe_opcode opcode, size_t payload_bytes)
{
    unsigned bytes = payload_bytes <= WSFRAME_CONTROL_BYTES ? 0 : payload_bytes <= 0xffff ? 2 : 8;

    into[0] = (uint8_t)(BIT_FIN | opcode);
    into[1] = (uint8_t)(bytes == 0 ? payload_bytes : bytes == 2 ? LENGTH_16 : LENGTH_64);
    for (unsigned i = 0; i < bytes; i++)
        into[2 + i] = (uint8_t)(payload_bytes >> 8 * (bytes - 1 - i));
    return 2 + bytes;
}
