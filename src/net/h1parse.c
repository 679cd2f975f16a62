/* net/h1parse.c - strict HTTP/1.1: the head of a request, and the chunks of a body (RFC 9112)
 *
 * Two servers that disagree about where a request ends can be played against each other, so whatever leaves
 * room for two readings is refused instead of repaired, also where the RFC lets a server be lenient: bare LF,
 * folded lines, an empty line before the request, a repeated Content-Length, trailers, absolute-form targets.
 */
#include "net/h1parse.h"
#include <string.h>

enum {
    METHOD_BYTES_MAX = 20,
    VERSION_BYTES = 10, /* "HTTP/1.1\r\n" */
    LENGTH_DIGITS_MAX = 18, /* fits 63 bits */
    CHUNK_DIGITS_MAX = 8,
    EXTENSION_BYTES_MAX = 4096,
};

/* RFC 9110 5.6.2: what methods and field names are made of. */
static bool is_token_char(char ch)
{
    unsigned char c = (unsigned char)ch;

    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c > 0x20 && c < 0x7f && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool equals(struct text t, const char *lower)
{
    if (t.bytes != strlen(lower))
        return false;
    for (size_t i = 0; i < t.bytes; i++) {
        char c = t.at[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c != lower[i])
            return false;
    }
    return true;
}

static struct text trimmed(struct text t)
{
    while (t.bytes && (t.at[0] == ' ' || t.at[0] == '\t'))
        t = (struct text){ t.at + 1, t.bytes - 1 };
    while (t.bytes && (t.at[t.bytes - 1] == ' ' || t.at[t.bytes - 1] == '\t'))
        t.bytes--;
    return t;
}

/* Whether a comma-separated list names word (RFC 9110 5.6.1). */
static bool lists(struct text list, const char *word)
{
    while (list.bytes) {
        const char *comma = memchr(list.at, ',', list.bytes);
        size_t bytes = comma ? (size_t)(comma - list.at) : list.bytes;

        if (equals(trimmed((struct text){ list.at, bytes }), word))
            return true;
        bytes += comma ? 1 : 0;
        list = (struct text){ list.at + bytes, list.bytes - bytes };
    }
    return false;
}

enum err h1parse_find(const char *at, size_t bytes, size_t *scanned, size_t *head_bytes)
{
    size_t from = *scanned, room = bytes < LIMIT_HEAD_BYTES ? bytes : LIMIT_HEAD_BYTES;
    const char *lf;

    *head_bytes = 0;
    if (bytes && !is_token_char(at[0]))
        return ERR_BAD_REQUEST;
    while (from < room && (lf = memchr(at + from, '\n', room - from))) {
        size_t i = (size_t)(lf - at);

        if (i == 0 || at[i - 1] != '\r')
            return ERR_BAD_REQUEST;
        if (i >= 3 && at[i - 2] == '\n') {
            *head_bytes = i + 1;
            return ERR_OK;
        }
        from = i + 1;
    }
    *scanned = room;
    if (room > LIMIT_TARGET_BYTES + METHOD_BYTES_MAX + VERSION_BYTES && !memchr(at, '\n', room))
        return ERR_URI_TOO_LONG;
    return bytes >= LIMIT_HEAD_BYTES ? ERR_HEAD_TOO_LARGE : ERR_OK;
}

enum err h1parse_target(struct text method, struct text target)
{
    if (target.bytes > LIMIT_TARGET_BYTES)
        return ERR_URI_TOO_LONG;
    if (text_equal(target, TEXT("*")))
        return text_equal(method, TEXT("OPTIONS")) ? ERR_OK : ERR_BAD_REQUEST;
    if (target.bytes == 0 || target.at[0] != '/')
        return ERR_BAD_REQUEST;
    for (size_t i = 0; i < target.bytes; i++)
        if (target.at[i] <= 0x20 || target.at[i] >= 0x7f || target.at[i] == '#')
            return ERR_BAD_REQUEST;
    return ERR_OK;
}

bool h1parse_authority(struct text authority)
{
    for (size_t i = 0; i < authority.bytes; i++) {
        char c = authority.at[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              (c && strchr("-._~:[]%", c))))
            return false;
    }
    return authority.bytes <= 255 + 8; /* a DNS name, and a port */
}

/* RFC 9112 3: method SP request-target SP HTTP-version CRLF. Moves *i behind the line. */
static enum err request_line(struct text head, size_t *i, struct h1parse_head *h, bool *is_11)
{
    const char *b = head.at;
    size_t from, n = 0;

    while (is_token_char(b[n])) /* ends at the CRLF at the latest */
        n++;
    if (n == 0 || n > METHOD_BYTES_MAX || b[n] != ' ')
        return ERR_BAD_REQUEST;
    h->method = (struct text){ b, n };
    from = ++n;
    while (b[n] > 0x20 && b[n] < 0x7f)
        n++;
    h->target = (struct text){ b + from, n - from };
    if (b[n] != ' ' || h->target.bytes == 0)
        return ERR_BAD_REQUEST;
    n++;
    if (head.bytes - n < VERSION_BYTES || memcmp(b + n, "HTTP/", 5) != 0)
        return ERR_BAD_REQUEST;
    *is_11 = memcmp(b + n, "HTTP/1.1\r\n", VERSION_BYTES) == 0;
    if (!*is_11 && memcmp(b + n, "HTTP/1.0\r\n", VERSION_BYTES) != 0)
        return ERR_BAD_VERSION;
    *i = n + VERSION_BYTES;
    if (text_equal(h->method, TEXT("CONNECT")))
        return ERR_NOT_IMPLEMENTED;
    return h1parse_target(h->method, h->target);
}

/* RFC 9112 5: field-name ":" OWS field-value OWS CRLF. No space before the colon, no folded line, no control
 * character, no CR or LF of its own. */
static enum err field_line(struct text head, size_t *i, struct h1parse_field *f)
{
    const char *b = head.at;
    size_t n = *i, from = n;

    while (is_token_char(b[n]))
        n++;
    if (n == from || b[n] != ':')
        return ERR_BAD_REQUEST;
    f->name = (struct text){ b + from, n - from };
    from = ++n;
    while ((unsigned char)b[n] >= 0x20 ? b[n] != 0x7f : b[n] == '\t')
        n++;
    if (b[n] != '\r' || b[n + 1] != '\n')
        return ERR_BAD_REQUEST;
    f->value = trimmed((struct text){ b + from, n - from });
    *i = n + 2;
    return ERR_OK;
}

/* What decides the framing, seen so far. */
struct framing {
    bool is_11, closes, keeps;
    bool wants_upgrade; /* Connection names it */
    uint32_t lengths, codings, hosts, upgrades, keys;
};

static enum err content_length(struct text value, struct h1parse_head *h, struct framing *f)
{
    if (f->lengths++ || value.bytes == 0 || value.bytes > LENGTH_DIGITS_MAX)
        return ERR_BAD_REQUEST; /* RFC 9112 6.3: twice is refused even when both agree */
    for (size_t i = 0; i < value.bytes; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return ERR_BAD_REQUEST;
        h->content_length = h->content_length * 10 + (uint64_t)(value.at[i] - '0');
    }
    return ERR_OK;
}

static enum err field_meaning(const struct h1parse_field *field, struct h1parse_head *h, struct framing *f)
{
    struct text name = field->name, value = field->value;

    if (equals(name, "content-length"))
        return content_length(value, h, f);
    if (equals(name, "transfer-encoding")) {
        if (f->codings++ || value.bytes == 0)
            return ERR_BAD_REQUEST;
        h->is_chunked = true;
        return equals(value, "chunked") ? ERR_OK : ERR_NOT_IMPLEMENTED; /* RFC 9112 6.1 */
    }
    if (equals(name, "host")) /* RFC 9112 3.2 */
        return f->hosts++ || !h1parse_authority(value) ? ERR_BAD_REQUEST : ERR_OK;
    if (equals(name, "connection")) { /* RFC 9112 9.3 */
        f->closes |= lists(value, "close");
        f->keeps |= lists(value, "keep-alive");
        f->wants_upgrade |= lists(value, "upgrade");
    }
    if (equals(name, "upgrade")) {
        f->upgrades++;
        h->is_websocket |= lists(value, "websocket");
    }
    if (equals(name, "sec-websocket-key")) {
        f->keys++;
        h->websocket_key = value;
    }
    if (equals(name, "expect") && f->is_11) {
        h->expects_continue = true;
        return equals(value, "100-continue") ? ERR_OK : ERR_EXPECTATION_FAILED;
    }
    return ERR_OK;
}

/* Who is no WebSocket by the letter is served as what it is, without it (RFC 9110 7.8); one that is half of it
 * could be read in two ways. */
static enum err websocket(struct h1parse_head *h, const struct framing *f)
{
    h->is_websocket &= f->is_11 && f->wants_upgrade && text_equal(h->method, TEXT("GET"));
    if (!h->is_websocket)
        return ERR_OK;
    return f->upgrades == 1 && f->keys == 1 && !f->codings && !h->content_length ? ERR_OK : ERR_BAD_REQUEST;
}

enum err h1parse_head(struct text head, struct h1parse_head *h)
{
    struct framing f = { 0 };
    size_t i = 0;
    enum err err;

    CHECK(head.bytes >= 4 && memcmp(head.at + head.bytes - 4, "\r\n\r\n", 4) == 0);
    memset(h, 0, offsetof(struct h1parse_head, fields));
    h->fields_count = 0;
    h->expects_continue = h->is_chunked = h->is_websocket = false;
    h->content_length = 0;
    err = request_line(head, &i, h, &f.is_11);
    while (!err && i < head.bytes - 2) { /* the empty line ends the head and nothing else can */
        struct h1parse_field *field = &h->fields[h->fields_count];

        if (h->fields_count == LIMIT_HEAD_FIELDS)
            return ERR_HEAD_TOO_LARGE;
        err = field_line(head, &i, field);
        if (!err)
            err = field_meaning(field, h, &f);
        h->fields_count++;
    }
    if (err)
        return err;
    if (f.is_11 && f.hosts == 0)
        return ERR_BAD_REQUEST;
    if (f.codings && (f.lengths || !f.is_11))
        return ERR_BAD_REQUEST; /* RFC 9112 6.1: never both, never in 1.0 */
    h->is_10 = !f.is_11;
    h->keep_alive = f.is_11 ? !f.closes : f.keeps && !f.closes;
    return websocket(h, &f);
}

/* RFC 9112 7.1. One state a line part; DONE is behind the empty line that follows the last chunk. */
enum chunk_state { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, END_CR, END_LF, DONE };

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum err chunk_size(struct h1parse_chunks *c, char x)
{
    int digit = hex(x);

    if (digit >= 0) {
        if (c->digits++ == CHUNK_DIGITS_MAX)
            return ERR_BAD_REQUEST;
        c->left_bytes = c->left_bytes * 16 + (uint64_t)digit;
        return ERR_OK;
    }
    if (c->digits == 0 || (x != '\r' && x != ';'))
        return ERR_BAD_REQUEST;
    c->state = x == '\r' ? SIZE_LF : EXTENSION;
    return ERR_OK;
}

static enum err chunk_extension(struct h1parse_chunks *c, char x)
{
    if (x == '\r')
        c->state = SIZE_LF;
    else if (((unsigned char)x < 0x20 && x != '\t') || x == 0x7f)
        return ERR_BAD_REQUEST;
    else if (++c->extension_bytes > EXTENSION_BYTES_MAX)
        return ERR_BAD_REQUEST; /* padding that nobody counts otherwise */
    return ERR_OK;
}

static enum err chunk_expect(struct h1parse_chunks *c, char x, char expected, enum chunk_state next)
{
    if (x != expected)
        return ERR_BAD_REQUEST;
    c->state = (uint8_t)next;
    return ERR_OK;
}

static enum err chunk_char(struct h1parse_chunks *c, char x)
{
    enum err err = ERR_OK;

    switch ((enum chunk_state)c->state) {
    case SIZE:
        return chunk_size(c, x);
    case EXTENSION:
        return chunk_extension(c, x);
    case SIZE_LF:
        return chunk_expect(c, x, '\n', c->left_bytes ? DATA : END_CR);
    case DATA_CR:
        return chunk_expect(c, x, '\r', DATA_LF);
    case DATA_LF:
        err = chunk_expect(c, x, '\n', SIZE);
        c->digits = 0;
        return err;
    case END_CR: /* anything else would be a trailer */
        return chunk_expect(c, x, '\r', END_LF);
    case END_LF:
        return chunk_expect(c, x, '\n', DONE);
    case DATA:
    case DONE:
        break;
    }
    CHECK(c->state < DATA); /* the caller never asks for these two */
    return ERR_BAD_REQUEST;
}

enum err h1parse_chunks(struct h1parse_chunks *c, const char *at, size_t bytes, size_t *used,
                        struct text *data)
{
    size_t i = 0;
    enum err err = ERR_OK;

    *data = (struct text){ at, 0 };
    while (i < bytes && !err && c->state != DONE) {
        if (c->state == DATA) {
            size_t rest = bytes - i;

            data->at = at + i;
            data->bytes = rest < c->left_bytes ? rest : (size_t)c->left_bytes;
            c->left_bytes -= data->bytes;
            if (c->left_bytes == 0)
                c->state = DATA_CR;
            i += data->bytes;
            break;
        }
        err = chunk_char(c, at[i++]);
    }
    *used = i;
    return err;
}

bool h1parse_chunks_done(const struct h1parse_chunks *c)
{
    return c->state == DONE;
}
