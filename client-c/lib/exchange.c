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
    free(*x);
    *x = NULL;
}

bool exchange_is_idempotent(const struct exchange *x)
{
    return strcmp(x->method, "POST") != 0 && strcmp(x->method, "PATCH") != 0;
}

void exchange_header(struct response *r, const char *name, size_t name_bytes, const char *value,
                     size_t value_bytes)
{
    static const char retry_after[] = "retry-after";
    if (name_bytes != sizeof retry_after - 1 || memcmp(name, retry_after, name_bytes) != 0)
        return;
    if (value_bytes == 0 || value_bytes > 6)
        return; /* a date, or absurd: retry_ms of the body decides */
    uint64_t seconds = 0;
    for (size_t i = 0; i < value_bytes; i++) {
        if (value[i] < '0' || value[i] > '9')
            return;
        seconds = seconds * 10 + (uint64_t)(value[i] - '0');
    }
    r->retry_after_ms = seconds * 1000;
}
