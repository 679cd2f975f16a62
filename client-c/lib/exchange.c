/* lib/exchange.c - one request and its answer, whatever HTTP version carries them */
#include "lib/exchange.h"
#include "lib/check.h"
#include <string.h>

struct exchange *exchange_new(const char *method, const char *path, const char *token, const char *body)
{
    struct exchange *x = buf_zeroed(1, sizeof *x);
    x->method = method;
    x->path = buf_copy(path);
    x->token = buf_copy(token);
    if (body)
        buf_text(&x->body, body);
    return x;
}

void exchange_free(struct exchange **x)
{
    if (!*x)
        return;
    free((*x)->path);
    if ((*x)->token)
        explicit_bzero((*x)->token, strlen((*x)->token));
    free((*x)->token);
    if ((*x)->body.at)
        explicit_bzero((*x)->body.at, (*x)->body.room); /* it may have held a password */
    buf_fini(&(*x)->body);
    buf_fini(&(*x)->response.body);
    buf_fini(&(*x)->out);
    free(*x);
    *x = NULL;
}

bool exchange_is_idempotent(const struct exchange *x)
{
    return strcmp(x->method, "POST") != 0 && strcmp(x->method, "PATCH") != 0;
}

bool exchange_take(struct response *r, const char *bytes, size_t count)
{
    bool is_good = r->status == 101 || (r->status >= 200 && r->status < 300);
    if (is_good && r->piece && r->wants_pieces) {
        r->piece(r->piece_context, bytes, count);
        return true;
    }
    if (r->body.bytes + count > EXCHANGE_ANSWER_MOST)
        return false;
    buf_add(&r->body, bytes, count);
    return true;
}

bool exchange_is_through(const struct exchange *x)
{
    const struct response *r = &x->response;
    return r->wants_tunnel && (r->status == 101 || (x->stream && r->status >= 200 && r->status < 300));
}

static void keep(char *into, size_t room, const char *value, size_t bytes)
{
    if (bytes >= room)
        bytes = 0;
    memcpy(into, value, bytes);
    into[bytes] = 0;
}

static void retry_after(struct response *r, const char *value, size_t bytes)
{
    if (bytes == 0 || bytes > 6)
        return; /* a date, or absurd: retry_ms of the body decides */
    uint64_t seconds = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (value[i] < '0' || value[i] > '9')
            return;
        seconds = seconds * 10 + (uint64_t)(value[i] - '0');
    }
    r->retry_after_ms = seconds * 1000;
}

static bool is_name(const char *wanted, const char *name, size_t bytes)
{
    return strlen(wanted) == bytes && memcmp(wanted, name, bytes) == 0;
}

void exchange_header(struct response *r, const char *name, size_t name_bytes, const char *value,
                     size_t value_bytes)
{
    if (is_name("retry-after", name, name_bytes))
        retry_after(r, value, value_bytes);
    else if (is_name("content-type", name, name_bytes))
        keep(r->content_type, sizeof r->content_type, value, value_bytes);
    else if (is_name("sec-websocket-accept", name, name_bytes))
        keep(r->ws_accept, sizeof r->ws_accept, value, value_bytes);
    else if (is_name("sec-websocket-protocol", name, name_bytes))
        keep(r->ws_protocol, sizeof r->ws_protocol, value, value_bytes);
}
