/* fake/net.c - exchanges made by hand, linked in place of the net */
#include "fake/net.h"
#include "base/check.h"
#include <stdio.h>

const struct exchange_head *exchange_head(const struct exchange *x)
{
    return &x->head;
}

struct text exchange_body(const struct exchange *x)
{
    return x->body;
}

struct text exchange_peer(const struct exchange *x)
{
    return x->peer;
}

void exchange_respond(struct exchange *x, int status, const struct exchange_field *fields,
                      size_t fields_count, struct blob *body)
{
    size_t at = 0;

    CHECK(!x->status && status >= 200 && status < 600);
    x->status = status;
    x->answer = body;
    for (size_t n = 0; n < fields_count; n++)
        at += (size_t)snprintf(x->fields + at, sizeof x->fields - at, "%s: %.*s\n", fields[n].name,
                               (int)fields[n].value.bytes, fields[n].value.at);
}

void exchange_on_gone(struct exchange *x, exchange_gone_fn *gone, void *ctx)
{
    x->gone = gone;
    x->gone_ctx = ctx;
}

void exchange_trusted(struct exchange *x)
{
    x->is_trusted = true;
}

void net_stats_read(const struct net *n, struct net_stats *s)
{
    (void)n;
    *s = (struct net_stats){ .accepted = 3 };
}

void fake_net_fini(struct exchange *x)
{
    blob_free(&x->answer);
}

void fake_net_hang_up(struct exchange *x)
{
    if (x->gone)
        x->gone(x, x->gone_ctx);
    x->gone = NULL;
}
