/* net/refusal.c - the answers that the net gives itself, before any handler sees the request */
#include "net/refusal.h"
#include <stdio.h>

enum { RETRY_MS = 1000 };

struct blob *refusal_body(enum err err)
{
    char at[512], retry[32] = "";
    int n;

    if (err_may_retry(err))
        snprintf(retry, sizeof(retry), ",\"retry_ms\":%d", RETRY_MS);
    n = snprintf(at, sizeof(at),
                 "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\"%s}",
                 err_title(err), err_status(err), err_code(err), retry);
    CHECK(n > 0 && (size_t)n < sizeof(at));
    return blob_copy((struct text){ at, (size_t)n });
}

size_t refusal_fields(enum err err, struct exchange_field into[static REFUSAL_FIELDS_MAX])
{
    int status = err_status(err);

    into[0] = (struct exchange_field){ "content-type", TEXT("application/problem+json; charset=utf-8") };
    into[1] = (struct exchange_field){ "retry-after", TEXT("1") };
    return status == 429 || status == 503 ? 2 : 1;
}
