/* api/problem.c - problem+json */
#include "api/problem.h"
#include <stdio.h>

enum { PROBLEM_RETRY_LEAST_MS = 300, PROBLEM_RETRY_SPREAD_MS = 1200, PROBLEM_BYTES_MAX = 1024 };

uint32_t problem_retry_ms(enum err err)
{
    if (!err_may_retry(err))
        return 0;
    return PROBLEM_RETRY_LEAST_MS + (uint32_t)(secret_random_u64() % PROBLEM_RETRY_SPREAD_MS);
}

void problem_members(struct json *j, enum err err, const char *field, uint32_t retry_ms)
{
    json_string(j, "type", TEXT("about:blank"));
    json_string(j, "title", text_of(err_title(err)));
    json_number(j, "status", (uint64_t)err_status(err));
    json_string(j, "code", text_of(err_code(err)));
    if (field[0])
        json_string(j, "field", text_of(field));
    if (retry_ms)
        json_number(j, "retry_ms", retry_ms);
}

void problem_write(struct call *c)
{
    struct json *j = &c->json;

    if (!c->retry_ms)
        c->retry_ms = problem_retry_ms(c->err);
    buf_fini(&c->out);
    buf_init(&c->out, CALL_ANSWER_BYTES_MAX);
    json_init(j, &c->out);
    json_object(j, NULL);
    problem_members(j, c->err, c->field, c->retry_ms);
    json_close(j);
    c->status = err_status(c->err);
}

size_t problem_fields(enum err err, uint32_t retry_ms, const char *allow,
                      char seconds[static PROBLEM_SECONDS_MAX],
                      struct exchange_field fields[static PROBLEM_FIELDS_MAX])
{
    int status = err_status(err);
    size_t n = 0;

    fields[n++] = (struct exchange_field){ "content-type", TEXT("application/problem+json; charset=utf-8") };
    if (err == ERR_UNAUTHORIZED || err == ERR_BAD_CREDENTIALS)
        fields[n++] = (struct exchange_field){ "www-authenticate", TEXT("Bearer realm=\"posthorn\"") };
    if (err == ERR_METHOD_NOT_ALLOWED)
        fields[n++] = (struct exchange_field){ "allow", text_of(allow) };
    if (err == ERR_UPGRADE_REQUIRED)
        fields[n++] = (struct exchange_field){ "sec-websocket-version", TEXT("13") };
    if (status == 429 || status == 503) {
        int digits = snprintf(seconds, PROBLEM_SECONDS_MAX, "%u", retry_ms / 1000 + 1);

        fields[n++] = (struct exchange_field){ "retry-after", { seconds, (size_t)digits } };
    }
    return n;
}

void problem_respond(struct exchange *x, enum err err, const char *field)
{
    struct exchange_field fields[PROBLEM_FIELDS_MAX + 1];
    char seconds[PROBLEM_SECONDS_MAX];
    uint32_t retry_ms = problem_retry_ms(err);
    size_t count = problem_fields(err, retry_ms, NULL, seconds, fields);
    struct buf out;
    struct json j;

    buf_init(&out, PROBLEM_BYTES_MAX);
    json_init(&j, &out);
    json_object(&j, NULL);
    problem_members(&j, err, field, retry_ms);
    json_close(&j);
    if (err == ERR_UPGRADE_REQUIRED && !exchange_head(x)->is_http2) /* RFC 9110 15.5.22 */
        fields[count++] = (struct exchange_field){ "upgrade", TEXT("websocket") };
    exchange_respond(x, err_status(err), fields, count, blob_copy(buf_text(&out)));
    buf_fini(&out);
}
