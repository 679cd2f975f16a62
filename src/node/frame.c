/* node/frame.c - what nodes say to each other, as bytes
 *
 * What a type consists of is a table: the same one writes and reads, so they can't differ. Every size is checked
 * where it is read; nothing that came is trusted to be in its range.
 */
#include "node/frame.h"
#include <endian.h>
#include <stddef.h>

enum { FRAME_FIELDS_MAX = 12, FRAME_TYPES = 32, FRAME_NODES = 1024, FRAME_PLACE_BYTES = 16 };

enum frame_field {
    FIELD_NONE, /* the end */
    /* 4 bytes */
    FIELD_NODE,
    FIELD_VERSION_LEAST,
    FIELD_VERSION,
    FIELD_HOPS,
    FIELD_WAIT_MS,
    /* 8 bytes */
    FIELD_INCARNATION,
    FIELD_TO,
    FIELD_NUMBER,
    FIELD_REQUEST,
    FIELD_EPOCH,
    FIELD_TIMELINE,
    FIELD_REPLY_TO,
    FIELD_USER,
    FIELD_DEVICE,
    FIELD_CONVERSATION,
    FIELD_KEY_HIGH,
    FIELD_KEY_LOW,
    FIELD_ID,
    FIELD_SEQ,
    /* texts */
    FIELD_ENCODED,
    FIELD_KIND,
    FIELD_TEXT,
    FIELD_CIPHERTEXT,
    /* of their own kinds */
    FIELD_ERR,
    FIELD_IS_DUPLICATE,
    FIELD_PLACES,
};

static const uint16_t frame_offset[] = {
    [FIELD_NODE] = offsetof(struct frame, node),
    [FIELD_VERSION_LEAST] = offsetof(struct frame, version_least),
    [FIELD_VERSION] = offsetof(struct frame, version),
    [FIELD_HOPS] = offsetof(struct frame, hops),
    [FIELD_WAIT_MS] = offsetof(struct frame, wait_ms),
    [FIELD_INCARNATION] = offsetof(struct frame, incarnation),
    [FIELD_TO] = offsetof(struct frame, to),
    [FIELD_NUMBER] = offsetof(struct frame, number),
    [FIELD_REQUEST] = offsetof(struct frame, request),
    [FIELD_EPOCH] = offsetof(struct frame, epoch),
    [FIELD_TIMELINE] = offsetof(struct frame, timeline),
    [FIELD_REPLY_TO] = offsetof(struct frame, reply_to),
    [FIELD_USER] = offsetof(struct frame, user.n),
    [FIELD_DEVICE] = offsetof(struct frame, device.n),
    [FIELD_CONVERSATION] = offsetof(struct frame, conversation.n),
    [FIELD_KEY_HIGH] = offsetof(struct frame, key.high),
    [FIELD_KEY_LOW] = offsetof(struct frame, key.low),
    [FIELD_ID] = offsetof(struct frame, id.n),
    [FIELD_SEQ] = offsetof(struct frame, seq.n),
    [FIELD_ENCODED] = offsetof(struct frame, encoded),
    [FIELD_KIND] = offsetof(struct frame, kind),
    [FIELD_TEXT] = offsetof(struct frame, text),
    [FIELD_CIPHERTEXT] = offsetof(struct frame, ciphertext),
};

static const uint8_t frame_shape[FRAME_TYPES][FRAME_FIELDS_MAX] = {
    [FRAME_HELLO] = { FIELD_NODE, FIELD_INCARNATION, FIELD_TO, FIELD_VERSION_LEAST, FIELD_VERSION,
                      FIELD_NUMBER },
    [FRAME_WELCOME] = { FIELD_NODE, FIELD_INCARNATION, FIELD_VERSION, FIELD_NUMBER },
    [FRAME_ACK] = { FIELD_NUMBER },
    [FRAME_PING] = { FIELD_NONE },
    [FRAME_REFUSED] = { FIELD_TEXT },
    [FRAME_NOTICE] = { FIELD_NODE, FIELD_TIMELINE, FIELD_HOPS, FIELD_ENCODED, FIELD_PLACES },
    [FRAME_DELIVER] = { FIELD_NODE, FIELD_TIMELINE, FIELD_HOPS, FIELD_ENCODED, FIELD_PLACES },
    [FRAME_REGISTER] = { FIELD_REQUEST, FIELD_EPOCH, FIELD_PLACES },
    [FRAME_REGISTERED] = { FIELD_REQUEST, FIELD_TIMELINE, FIELD_PLACES },
    [FRAME_LEAVE] = { FIELD_PLACES },
    [FRAME_CHECK] = { FIELD_TIMELINE, FIELD_PLACES },
    [FRAME_HEADS] = { FIELD_TIMELINE, FIELD_PLACES },
    [FRAME_DOUBT] = { FIELD_HOPS },
    [FRAME_SIGNAL] = { FIELD_NODE, FIELD_HOPS, FIELD_DEVICE, FIELD_ENCODED, FIELD_PLACES },
    [FRAME_PASS] = { FIELD_NODE, FIELD_HOPS, FIELD_DEVICE, FIELD_ENCODED, FIELD_PLACES },
    [FRAME_REVOKE] = { FIELD_USER, FIELD_DEVICE },
    [FRAME_CHANGED] = { FIELD_CONVERSATION },
    [FRAME_SEND] = { FIELD_REQUEST, FIELD_HOPS, FIELD_WAIT_MS, FIELD_USER, FIELD_CONVERSATION, FIELD_KEY_HIGH,
                     FIELD_KEY_LOW, FIELD_REPLY_TO, FIELD_KIND, FIELD_TEXT, FIELD_CIPHERTEXT },
    [FRAME_SENT] = { FIELD_REQUEST, FIELD_ERR, FIELD_ID, FIELD_SEQ, FIELD_IS_DUPLICATE },
    [FRAME_EPOCH] = { FIELD_EPOCH },
};

bool frame_is_perishable(const struct blob *encoded)
{
    const unsigned char *at = (const unsigned char *)encoded->at;

    return (at[4] << 8 | at[5]) == FRAME_SEND;
}

static bool frame_is_known(uint32_t type)
{
    return type < FRAME_TYPES && (frame_shape[type][0] != FIELD_NONE || type == FRAME_PING);
}

static const char *frame_field_at(const struct frame *f, enum frame_field field)
{
    return (const char *)f + frame_offset[field];
}

static struct text frame_text_of(const struct frame *f, enum frame_field field)
{
    if (field == FIELD_ERR)
        return text_of(err_code(f->err));
    return *(const struct text *)(const void *)frame_field_at(f, field);
}

static size_t frame_field_bytes(const struct frame *f, enum frame_field field)
{
    if (field <= FIELD_WAIT_MS)
        return 4;
    if (field <= FIELD_SEQ)
        return 8;
    if (field == FIELD_IS_DUPLICATE)
        return 1;
    if (field == FIELD_PLACES)
        return 4 + (size_t)f->places * FRAME_PLACE_BYTES;
    return 4 + frame_text_of(f, field).bytes;
}

static char *frame_put_u32(char *at, uint32_t n)
{
    n = htobe32(n);
    memcpy(at, &n, sizeof(n));
    return at + sizeof(n);
}

static char *frame_put_u64(char *at, uint64_t n)
{
    n = htobe64(n);
    memcpy(at, &n, sizeof(n));
    return at + sizeof(n);
}

static char *frame_put_places(char *at, const struct frame *f)
{
    at = frame_put_u32(at, f->places);
    for (uint32_t k = 0; k < f->places; k++) {
        struct frame_place p = frame_place_at(f, k);

        at = frame_put_u64(at, p.user.n);
        at = frame_put_u64(at, p.i.n);
    }
    return at;
}

static char *frame_put_field(char *at, const struct frame *f, enum frame_field field)
{
    struct text t;

    if (field <= FIELD_WAIT_MS)
        return frame_put_u32(at, *(const uint32_t *)(const void *)frame_field_at(f, field));
    if (field <= FIELD_SEQ)
        return frame_put_u64(at, *(const uint64_t *)(const void *)frame_field_at(f, field));
    if (field == FIELD_PLACES)
        return frame_put_places(at, f);
    if (field == FIELD_IS_DUPLICATE) {
        *at = f->is_duplicate ? 1 : 0;
        return at + 1;
    }
    t = frame_text_of(f, field);
    at = frame_put_u32(at, (uint32_t)t.bytes);
    if (t.bytes)
        memcpy(at, t.at, t.bytes);
    return at + t.bytes;
}

struct blob *frame_encode(const struct frame *f)
{
    const uint8_t *shape;
    size_t bytes = FRAME_HEAD_BYTES;
    struct blob *b;
    char *at;

    CHECK(frame_is_known(f->type) && f->places <= FRAME_PLACES_MAX);
    shape = frame_shape[f->type];
    for (int i = 0; i < FRAME_FIELDS_MAX && shape[i]; i++)
        bytes += frame_field_bytes(f, shape[i]);
    CHECK(bytes <= FRAME_BYTES_MAX);
    b = blob_new(bytes);
    at = frame_put_u32(b->at, (uint32_t)bytes - 4);
    at = frame_put_u32(at, (uint32_t)f->type << 16);
    for (int i = 0; i < FRAME_FIELDS_MAX && shape[i]; i++)
        at = frame_put_field(at, f, shape[i]);
    CHECK(at == b->at + bytes);
    return b;
}

static uint32_t frame_get_u32(const char *at)
{
    uint32_t n;

    memcpy(&n, at, sizeof(n));
    return be32toh(n);
}

static uint64_t frame_get_u64(const char *at)
{
    uint64_t n;

    memcpy(&n, at, sizeof(n));
    return be64toh(n);
}

uint32_t frame_bytes(const char head[static FRAME_HEAD_BYTES])
{
    uint32_t follows = frame_get_u32(head), type = frame_get_u32(head + 4);

    if (follows < FRAME_HEAD_BYTES - 4 || follows > FRAME_BYTES_MAX - 4 || type >> 16 == 0 || type & 0xffff)
        return 0;
    return follows + 4;
}

/* The next bytes of rest, which moves behind them; NULL: there are not so many. */
static const char *frame_take(struct text *rest, size_t bytes)
{
    const char *at = rest->at;

    if (bytes > rest->bytes)
        return NULL;
    rest->at += bytes;
    rest->bytes -= bytes;
    return at;
}

static bool frame_get_number(struct text *rest, struct frame *f, enum frame_field field)
{
    size_t bytes = field <= FIELD_WAIT_MS ? 4 : 8;
    const char *at = frame_take(rest, bytes);
    char *into = (char *)f + frame_offset[field];

    if (!at)
        return false;
    if (bytes == 8)
        *(uint64_t *)(void *)into = frame_get_u64(at);
    else
        *(uint32_t *)(void *)into = frame_get_u32(at);
    return field != FIELD_NODE || f->node < FRAME_NODES;
}

static bool frame_get_text(struct text *rest, struct text *into)
{
    const char *at = frame_take(rest, 4);
    uint32_t bytes = at ? frame_get_u32(at) : 0;

    if (!at || !(into->at = frame_take(rest, bytes)))
        return false;
    into->bytes = bytes;
    return true;
}

static bool frame_get_err(struct text *rest, struct frame *f)
{
    struct text code;

    if (!frame_get_text(rest, &code))
        return false;
    f->err = ERR_INTERNAL;
    for (int e = 0; e < ERR_COUNT; e++) {
        if (text_equal(code, text_of(err_code((enum err)e))))
            f->err = (enum err)e;
    }
    return true;
}

static bool frame_get_places(struct text *rest, struct frame *f)
{
    const char *at = frame_take(rest, 4);
    uint32_t places = at ? frame_get_u32(at) : 0;

    if (!at || places > FRAME_PLACES_MAX ||
        !(f->places_at = frame_take(rest, (size_t)places * FRAME_PLACE_BYTES)))
        return false;
    f->places = places;
    return true;
}

static bool frame_get_field(struct text *rest, struct frame *f, enum frame_field field)
{
    const char *at;

    if (field <= FIELD_SEQ)
        return frame_get_number(rest, f, field);
    if (field == FIELD_ERR)
        return frame_get_err(rest, f);
    if (field == FIELD_PLACES)
        return frame_get_places(rest, f);
    if (field != FIELD_IS_DUPLICATE)
        return frame_get_text(rest, (struct text *)(void *)((char *)f + frame_offset[field]));
    at = frame_take(rest, 1);
    f->is_duplicate = at && *at == 1;
    return at && (*at == 0 || *at == 1);
}

enum err frame_decode(struct text bytes, struct frame *into)
{
    const uint8_t *shape;
    uint32_t type;

    *into = (struct frame){ 0 };
    if (bytes.bytes < FRAME_HEAD_BYTES || frame_bytes(bytes.at) != bytes.bytes)
        return ERR_BAD_REQUEST;
    type = frame_get_u32(bytes.at + 4) >> 16;
    into->type = (enum frame_type)type;
    if (!frame_is_known(type))
        return ERR_OK;
    shape = frame_shape[type];
    bytes.at += FRAME_HEAD_BYTES;
    bytes.bytes -= FRAME_HEAD_BYTES;
    for (int i = 0; i < FRAME_FIELDS_MAX && shape[i]; i++) {
        if (!frame_get_field(&bytes, into, shape[i]))
            return ERR_BAD_REQUEST;
    }
    return ERR_OK;
}

struct frame_place frame_place_at(const struct frame *f, uint32_t k)
{
    const char *at;

    CHECK(k < f->places);
    if (f->place)
        return f->place[k];
    at = f->places_at + (size_t)k * FRAME_PLACE_BYTES;
    return (struct frame_place){ { frame_get_u64(at) }, { frame_get_u64(at + 8) } };
}
