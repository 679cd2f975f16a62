/* lib/ask.c - one request, waited for: what the calls of posthorn.h that answer are made of */
#include "lib/ask.h"
#include "lib/clock.h"
#include <string.h>

struct asked {
    struct posthorn *p;
    bool is_done;
    enum posthorn_status status;
    struct posthorn_problem why;
    struct posthorn_answer *answer;
};

static void done(void *context, struct exchange *x)
{
    struct asked *asked = context;
    asked->is_done = true;
    asked->status = client_verdict(asked->p, x, &asked->why);
    if (asked->status != POSTHORN_OK)
        return;
    asked->answer = wire_parse(x->response.body.at, x->response.body.bytes);
    if (!asked->answer) {
        asked->status = POSTHORN_FAILED;
        snprintf(asked->why.code, sizeof asked->why.code, "bad_answer");
        snprintf(asked->why.detail, sizeof asked->why.detail, "this does not look like a Posthorn server");
    }
}

enum posthorn_status ask_server(struct posthorn *p, const char *method, const char *path, const char *body,
                                struct posthorn_answer **a)
{
    struct asked asked = { .p = p };
    struct exchange *x = exchange_new(method, path, client_token(p), body);
    uint64_t deadline = clock_ms() + p->request_ms;
    if (a)
        *a = NULL;
    x->done = done;
    x->context = &asked;
    if (!http_start(p->http, x, deadline)) {
        exchange_free(&x);
        return client_fail(p, POSTHORN_MISUSE, "misuse", "the request is too large, or too many wait");
    }
    client_pump(p);
    while (!asked.is_done) {
        client_poll(p, p->request_ms);
        client_pump(p);
    }
    p->why = asked.why;
    if (a)
        *a = asked.answer;
    else
        wire_free(&asked.answer);
    return asked.status;
}

enum posthorn_status ask_as_me(struct posthorn *p, const char *method, const char *path, const char *body,
                               struct posthorn_answer **a)
{
    if (client_token(p))
        return ask_server(p, method, path, body, a);
    if (a)
        *a = NULL;
    return client_fail(p, POSTHORN_LOGGED_OUT, "logged_out", "not logged in");
}

enum posthorn_status ask_bad_answer(struct posthorn *p, struct posthorn_answer **a)
{
    wire_free(a);
    return client_fail(p, POSTHORN_FAILED, "bad_answer", "the server's answer lacks something");
}

char *ask_path(const char *before, const char *id, const char *after, const char *id2)
{
    if (!client_is_id(id) || (id2 && !client_is_id(id2)))
        return NULL;
    struct buf b = { 0 };
    buf_format(&b, "%s%s%s%s", before, id, after, id2 ? id2 : "");
    return buf_take(&b);
}

bool ask_take_id(const struct posthorn_answer *a, char into[static 24])
{
    const char *id = wire_string(a, "id");
    if (!client_is_id(id))
        return false;
    snprintf(into, 24, "%s", id);
    return true;
}
