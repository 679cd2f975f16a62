/* api/problem.c - problem+json */
#include "api/problem.h"

enum { PROBLEM_RETRY_LEAST_MS = 300, PROBLEM_RETRY_SPREAD_MS = 1200 };

void problem_write(struct call *c)
{
    struct json *j = &c->json;

    if (err_may_retry(c->err) && !c->retry_ms)
        c->retry_ms = PROBLEM_RETRY_LEAST_MS + (uint32_t)(secret_random_u64() % PROBLEM_RETRY_SPREAD_MS);
    buf_fini(&c->out);
    buf_init(&c->out, CALL_ANSWER_BYTES_MAX);
    json_init(j, &c->out);
    json_object(j, NULL);
    json_string(j, "type", TEXT("about:blank"));
    json_string(j, "title", text_of(err_title(c->err)));
    json_number(j, "status", (uint64_t)err_status(c->err));
    json_string(j, "code", text_of(err_code(c->err)));
    if (c->field[0])
        json_string(j, "field", text_of(c->field));
    if (c->retry_ms)
        json_number(j, "retry_ms", c->retry_ms);
    json_close(j);
    c->status = err_status(c->err);
}
