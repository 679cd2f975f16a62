/* lib/h1.c - HTTP/1.1: a request written, an answer read as its bytes come */
#include "lib/h1.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The story of the states: a status line, header lines, then one of three bodies (a length, chunks, until
 * the connection closes); chunks end with trailer lines. Each state that reads lines gathers one in
 * h->line first, so that nothing depends on where the network cut the bytes. */

void h1_write(struct buf *to, const struct exchange *x, const char *authority)
{
    buf_format(to, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: libposthorn/" POSTHORN_VERSION "\r\n",
               x->method, x->path, authority);
    buf_format(to, "Accept: %s\r\n", x->accept ? x->accept : "application/json");
    if (x->overridden)
        buf_format(to, "X-HTTP-Method-Override: %s\r\n", x->overridden);
    if (x->ws_key[0])
        buf_format(to,
                   "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: posthorn.v1\r\n",
                   x->ws_key);
    if (x->token)
        buf_format(to, "Authorization: Bearer %s\r\n", x->token);
    if (x->body.bytes)
        buf_text(to, "Content-Type: application/json\r\n");
    if (x->body.bytes || strcmp(x->method, "GET") != 0)
        buf_format(to, "Content-Length: %zu\r\n", x->body.bytes);
    buf_text(to, "\r\n");
    buf_add(to, x->body.at, x->body.bytes);
}

void h1_begin(struct h1 *h)
{
    struct buf line = h->line;
    buf_drop(&line, line.bytes);
    *h = (struct h1){ .line = line };
}

void h1_fini(struct h1 *h)
{
    buf_fini(&h->line);
}

static bool read_decimal(const char *text, uint64_t *value)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 12 || text[digits])
        return false;
    *value = strtoull(text, NULL, 10);
    return true;
}

static enum h1_state status_line(struct h1 *h, struct response *r, const char *line)
{
    if (strncmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') || line[8] != ' ')
        return H1_BAD;
    const char *code = line + 9;
    if (strspn(code, "0123456789") != 3 || (code[3] && code[3] != ' ') || code[0] < '1' || code[0] > '5')
        return H1_BAD;
    r->status = (int)strtol(code, NULL, 10);
    h->was_http10 = line[7] == '0';
    h->keeps_alive = !h->was_http10;
    return H1_HEADERS;
}

/* The empty line: which body follows? */
static enum h1_state head_end(struct h1 *h, struct response *r)
{
    if (r->status == 101 && r->wants_tunnel) {
        h->keeps_alive = false;
        return H1_TUNNEL;
    }
    if (r->status == 101)
        return H1_BAD; /* nobody asked for another protocol */
    if (r->status < 200) {
        r->status = 0;
        h1_begin(h);
        return H1_STATUS;
    }
    if (h->is_chunked && h->has_length)
        return H1_BAD; /* two lengths: a smuggler or a broken proxy */
    if (r->status == 204 || r->status == 304)
        return H1_DONE;
    if (h->is_chunked)
        return H1_CHUNK_SIZE;
    if (h->has_length)
        return h->left ? H1_LENGTH : H1_DONE;
    h->keeps_alive = false;
    return H1_UNTIL_CLOSE;
}

static enum h1_state header_value(struct h1 *h, struct response *r, const char *name, const char *value)
{
    if (strcmp(name, "content-length") == 0) {
        uint64_t length;
        if (!read_decimal(value, &length) || (h->has_length && length != h->left))
            return H1_BAD;
        h->has_length = true;
        h->left = length;
        return length > EXCHANGE_ANSWER_MOST ? H1_BAD : H1_HEADERS;
    }
    if (strcmp(name, "transfer-encoding") == 0) {
        if (strcasecmp(value, "chunked") != 0 || h->is_chunked || h->was_http10)
            return H1_BAD;
        h->is_chunked = true;
    } else if (strcmp(name, "connection") == 0 && strcasestr(value, "close")) {
        h->keeps_alive = false;
    } else {
        exchange_header(r, name, strlen(name), value, strlen(value));
    }
    return H1_HEADERS;
}

static enum h1_state header_line(struct h1 *h, struct response *r, char *line)
{
    if (*line == 0)
        return head_end(h, r);
    char *colon = strchr(line, ':');
    if (!colon || colon == line || ++h->lines > H1_LINES_MOST)
        return H1_BAD;
    *colon = 0;
    for (char *c = line; *c; c++) {
        if (*c <= ' ' || *c > '~')
            return H1_BAD; /* folded lines and blanks before the colon too */
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    char *value = colon + 1 + strspn(colon + 1, " \t");
    for (size_t n = strlen(value); n && (value[n - 1] == ' ' || value[n - 1] == '\t'); n--)
        value[n - 1] = 0;
    return header_value(h, r, line, value);
}

static enum h1_state chunk_size(struct h1 *h, const struct response *r, const char *line)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 8 || (line[digits] && line[digits] != ';'))
        return H1_BAD;
    h->left = strtoull(line, NULL, 16);
    if (h->left + r->body.bytes > EXCHANGE_ANSWER_MOST)
        return H1_BAD;
    return h->left ? H1_CHUNK : H1_TRAILERS;
}

static enum h1_state line_end(struct h1 *h, struct response *r)
{
    char *line = h->line.at;
    if (strlen(line) != h->line.bytes)
        return H1_BAD;
    switch (h->state) {
    case H1_STATUS:
        return status_line(h, r, line);
    case H1_HEADERS:
        return header_line(h, r, line);
    case H1_CHUNK_SIZE:
        return chunk_size(h, r, line);
    case H1_CHUNK_END:
        return *line ? H1_BAD : H1_CHUNK_SIZE;
    case H1_TRAILERS:
        if (*line == 0)
            return H1_DONE;
        return ++h->lines > H1_LINES_MOST ? H1_BAD : H1_TRAILERS;
    case H1_LENGTH:
    case H1_CHUNK:
    case H1_UNTIL_CLOSE:
    case H1_TUNNEL:
    case H1_DONE:
    case H1_BAD:
        break;
    }
    return H1_BAD;
}

static size_t read_line(struct h1 *h, struct response *r, const char *bytes, size_t count)
{
    const char *end = memchr(bytes, '\n', count);
    size_t used = end ? (size_t)(end - bytes) + 1 : count;
    buf_add(&h->line, bytes, used);
    if (h->line.bytes > H1_LINE_MOST) {
        h->state = H1_BAD;
    } else if (end) {
        size_t n = h->line.bytes;
        if (n < 2 || h->line.at[n - 2] != '\r') {
            h->state = H1_BAD; /* a bare line feed */
            return used;
        }
        h->line.bytes = n - 2;
        h->line.at[n - 2] = 0;
        h->state = line_end(h, r);
        buf_drop(&h->line, h->line.bytes);
    }
    return used;
}

static size_t read_body(struct h1 *h, struct response *r, const char *bytes, size_t count)
{
    size_t used = count;
    bool is_endless = h->state == H1_UNTIL_CLOSE || h->state == H1_TUNNEL;
    if (!is_endless && used > h->left)
        used = (size_t)h->left;
    if (!exchange_take(r, bytes, used)) {
        h->state = H1_BAD;
        return 0;
    }
    if (is_endless)
        return used;
    h->left -= used;
    if (h->left == 0)
        h->state = h->state == H1_CHUNK ? H1_CHUNK_END : H1_DONE;
    return used;
}

size_t h1_read(struct h1 *h, struct response *r, const char *bytes, size_t count)
{
    size_t used = 0;
    while (used < count && h->state != H1_DONE && h->state != H1_BAD) {
        bool is_body = h->state == H1_LENGTH || h->state == H1_CHUNK || h->state == H1_UNTIL_CLOSE ||
                       h->state == H1_TUNNEL;
        used += is_body ? read_body(h, r, bytes + used, count - used)
                        : read_line(h, r, bytes + used, count - used);
    }
    return used;
}

void h1_closed(struct h1 *h)
{
    h->keeps_alive = false;
    if (h->state != H1_DONE)
        h->state = h->state == H1_UNTIL_CLOSE ? H1_DONE : H1_BAD;
}
