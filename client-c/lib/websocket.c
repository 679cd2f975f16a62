/* lib/websocket.c - WebSocket frames (RFC 6455) as a client reads and writes them */
#include "lib/websocket.h"
#include "lib/clock.h"
#include "lib/utf8.h"
#include <openssl/evp.h>
#include <string.h>

/* The story of reading: a head of 2, 4 or 10 bytes, then a payload, which goes to `message` or, of a control
 * frame (it may stand between the fragments of a message), to `control`. What breaks the rules is answered by
 * the number that a Close says it with. */

enum { BINARY = 2, BROKEN = 1002, NOT_TAKEN = 1003, NO_TEXT = 1007, TOO_BIG = 1009 };

static unsigned head_wanted(const struct websocket *w)
{
    if (w->head_bytes < 2)
        return 2;
    unsigned length = w->head[1] & 0x7f;
    return length == 126 ? 4 : length == 127 ? 10 : 2;
}

static unsigned kind_of(const struct websocket *w)
{
    return w->head[0] & 0x0f;
}

static bool is_last(const struct websocket *w)
{
    return (w->head[0] & 0x80) != 0;
}

/* The head is complete; 0: good. */
static unsigned look_at_kind(const struct websocket *w)
{
    unsigned kind = kind_of(w);
    if ((w->head[0] & 0x70) || (w->head[1] & 0x80))
        return BROKEN; /* nothing was negotiated; servers don't mask */
    if (kind >= WEBSOCKET_CLOSE)
        return kind <= WEBSOCKET_PONG && is_last(w) && w->left <= WEBSOCKET_CONTROL_MOST ? 0 : BROKEN;
    if (kind > WEBSOCKET_TEXT)
        return kind == BINARY ? NOT_TAKEN : BROKEN;
    if ((kind == WEBSOCKET_MORE) != (w->fragments > 0))
        return BROKEN; /* a fragment of nothing, or a message inside another */
    bool fits =
        w->left <= WEBSOCKET_MESSAGE_MOST - w->message.bytes && w->fragments < WEBSOCKET_FRAGMENTS_MOST;
    return fits ? 0 : TOO_BIG;
}

static unsigned begin_payload(struct websocket *w)
{
    unsigned wanted = head_wanted(w);
    w->left = w->head[1] & 0x7f;
    if (wanted > 2)
        w->left = 0;
    for (unsigned n = 2; n < wanted; n++)
        w->left = w->left << 8 | w->head[n];
    if ((wanted == 4 && w->left < 126) || (wanted == 10 && (w->left <= 0xffff || w->left >> 63)))
        return BROKEN; /* not the shortest way to say it: RFC 6455 5.2 */
    w->in_payload = true;
    return look_at_kind(w);
}

/* What a Close may carry: RFC 6455 7.4, and what was registered since. */
static bool is_code(unsigned code)
{
    if (code >= 3000 && code <= 4999)
        return true;
    return code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006);
}

static unsigned closed(struct websocket *w, const struct websocket_events *on, void *context)
{
    const unsigned char *at = (const unsigned char *)w->control.at;
    if (w->control.bytes == 1)
        return BROKEN;
    unsigned code = w->control.bytes ? (unsigned)at[0] << 8 | at[1] : WEBSOCKET_NO_CODE;
    const char *reason = w->control.bytes ? w->control.at + 2 : "";
    if (w->control.bytes && !is_code(code))
        return BROKEN;
    if (w->control.bytes && !utf8_is_text(reason, w->control.bytes - 2))
        return NO_TEXT;
    w->is_over = true;
    on->closed(context, code, reason);
    return 0;
}

static unsigned end_message(struct websocket *w, const struct websocket_events *on, void *context)
{
    buf_add(&w->message, "", 0); /* it may be empty */
    w->fragments = 0;
    if (!utf8_is_text(w->message.at, w->message.bytes))
        return NO_TEXT;
    on->text(context, w->message.at, w->message.bytes);
    buf_drop(&w->message, w->message.bytes);
    return 0;
}

static unsigned end_payload(struct websocket *w, const struct websocket_events *on, void *context)
{
    unsigned code = 0;
    w->in_payload = false;
    w->head_bytes = 0;
    if (kind_of(w) < WEBSOCKET_CLOSE) {
        w->fragments++;
        return is_last(w) ? end_message(w, on, context) : 0;
    }
    if (kind_of(w) == WEBSOCKET_PING)
        on->ping(context, w->control.at ? w->control.at : "", w->control.bytes);
    else if (kind_of(w) == WEBSOCKET_CLOSE)
        code = closed(w, on, context);
    buf_drop(&w->control, w->control.bytes);
    return code;
}

/* A byte of the head. */
static unsigned read_head(struct websocket *w, char byte)
{
    w->head[w->head_bytes++] = (unsigned char)byte;
    return w->head_bytes < head_wanted(w) ? 0 : begin_payload(w);
}

bool websocket_read(struct websocket *w, const char *bytes, size_t count, const struct websocket_events *on,
                    void *context)
{
    while (count && !w->is_over && !w->broke) {
        if (!w->in_payload) {
            w->broke = read_head(w, *bytes++);
            count--;
        }
        if (!w->in_payload || w->broke)
            continue;
        size_t part = count < w->left ? count : (size_t)w->left;
        buf_add(kind_of(w) >= WEBSOCKET_CLOSE ? &w->control : &w->message, bytes, part);
        bytes += part;
        count -= part;
        w->left -= part;
        if (w->left == 0)
            w->broke = end_payload(w, on, context);
    }
    return !w->broke;
}

void websocket_fini(struct websocket *w)
{
    buf_fini(&w->message);
    buf_fini(&w->control);
}

void websocket_write(struct buf *to, enum websocket_kind kind, const char *bytes, size_t count)
{
    unsigned char head[14] = { (unsigned char)(0x80u | (unsigned)kind) };
    unsigned at = 2;
    CHECK(count < 1u << 16 && (kind < WEBSOCKET_CLOSE || count <= WEBSOCKET_CONTROL_MOST));
    if (count < 126) {
        head[1] = (unsigned char)(0x80 | count);
    } else {
        head[1] = 0x80 | 126;
        head[at++] = (unsigned char)(count >> 8);
        head[at++] = (unsigned char)(count & 0xff);
    }
    unsigned char *mask = head + at;
    clock_random(mask, 4);
    buf_add(to, head, at + 4);
    size_t from = to->bytes;
    buf_add(to, bytes, count);
    for (size_t n = 0; n < count; n++)
        to->at[from + n] = (char)((unsigned char)to->at[from + n] ^ mask[n % 4]);
}

void websocket_key(char key[28])
{
    unsigned char raw[16], coded[28];
    clock_random(raw, sizeof raw);
    EVP_EncodeBlock(coded, raw, sizeof raw);
    memcpy(key, coded, 25);
}

bool websocket_accepts(const char *key, const char *accept)
{
    unsigned char digest[EVP_MAX_MD_SIZE], coded[32];
    char text[80];
    size_t bytes = 0;
    int length = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    if (EVP_Q_digest(NULL, "SHA1", NULL, text, (size_t)length, digest, &bytes) != 1 || bytes != 20)
        return false;
    EVP_EncodeBlock(coded, digest, 20);
    return strcmp((const char *)coded, accept) == 0;
}
