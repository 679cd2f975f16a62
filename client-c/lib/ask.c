/* lib/ask.c - one request, waited for: what the calls of posthorn.h that answer are made of */
#include "lib/ask.h"
#include "lib/clock.h"
#include "lib/discovery.h"
#include <string.h>

struct asked {
    struct posthorn *p;
    bool is_done;
    bool was_connected; /* the server, or something in its place, was reached */
    bool was_answered;
    bool is_foreign; /* what answered is not Posthorn */
    unsigned moves; /* of the nodes, when the connection was made */
    enum posthorn_status status;
    struct posthorn_problem why;
    struct posthorn_answer *answer;
};

static void done(void *context, struct exchange *x)
{
    struct asked *asked = context;
    asked->is_done = true;
    asked->status = client_verdict(asked->p, x, &asked->why);
    asked->p->is_http_failing = x->end != EXCHANGE_ANSWERED;
    asked->moves = x->moves;
    asked->was_answered = x->end == EXCHANGE_ANSWERED;
    asked->was_connected = *http_version(asked->p->http) != 0;
    asked->is_foreign = asked->status != POSTHORN_OK && strcmp(asked->why.code, "bad_answer") == 0;
    asked->p->knows_h2 |= x->end == EXCHANGE_ANSWERED && strcmp(http_version(asked->p->http), "2") == 0;
    if (asked->status != POSTHORN_OK)
        return;
    asked->answer = wire_parse(x->response.body.at, x->response.body.bytes);
    if (!asked->answer) {
        asked->status = POSTHORN_FAILED;
        snprintf(asked->why.code, sizeof asked->why.code, "bad_answer");
        snprintf(asked->why.detail, sizeof asked->why.detail, "this does not look like a Posthorn server");
    }
}

static bool ask_once(struct posthorn *p, const char *method, const char *path, const char *body,
                     struct asked *asked)
{
    struct exchange *x = exchange_new(method, path, client_token(p), body);
    *asked = (struct asked){ .p = p };
    x->done = done;
    x->context = asked;
    if (!http_start(p->http, x, clock_ms() + p->request_ms)) {
        exchange_free(&x);
        return false;
    }
    p->asking++;
    client_pump(p);
    while (!asked->is_done) {
        client_poll(p, p->request_ms);
        client_pump(p);
    }
    p->asking--;
    return true;
}

/* A node that can't serve us now says nothing of the others. What may not be done twice is not asked again: nobody
 * knows whether it was done. */
static bool may_ask_elsewhere(const char *method, const struct asked *asked)
{
    bool is_unable = asked->was_answered && asked->why.http_status == 503 && !asked->is_foreign;
    return is_unable && strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0;
}

static bool ask_around(struct posthorn *p, const char *method, const char *path, const char *body,
                       struct asked *asked)
{
    bool is_begun = ask_once(p, method, path, body, asked);
    for (size_t k = 1; is_begun && k < p->nodes.count && may_ask_elsewhere(method, asked); k++) {
        nodes_silent(&p->nodes, asked->moves);
        discovery_follow(p);
        is_begun = ask_once(p, method, path, body, asked);
    }
    return is_begun;
}

/* Some networks let only GET and POST through: then something that is not Posthorn answers, or the connection
 * is reset. All requests of these methods may be repeated without harm. */
static bool is_method_stopped(const struct posthorn *p, const char *method, const struct asked *asked)
{
    if (strcmp(method, "GET") == 0 || strcmp(method, "POST") == 0 || http_overrides_method(p->http))
        return false;
    if (asked->status == POSTHORN_UNREACHABLE)
        return asked->was_connected;
    bool is_foreign = asked->is_foreign && asked->status != POSTHORN_OK;
    return is_foreign && asked->why.http_status >= 400 && asked->why.http_status != 429;
}

enum posthorn_status ask_server(struct posthorn *p, const char *method, const char *path, const char *body,
                                struct posthorn_answer **a)
{
    struct asked asked;
    if (a)
        *a = NULL;
    bool is_begun = ask_around(p, method, path, body, &asked);
    bool is_lost = is_begun && asked.status == POSTHORN_UNREACHABLE;
    if (is_lost && client_is_idle(p) && p->receive.state == RECEIVE_OFF && client_fall_back(p, p->http)) {
        client_renew_http(p);
        is_begun = ask_once(p, method, path, body, &asked);
    }
    if (is_begun && is_method_stopped(p, method, &asked)) {
        http_override_methods(p->http, true);
        is_begun = ask_once(p, method, path, body, &asked);
        bool has_helped = is_begun && !asked.is_foreign && asked.was_answered;
        http_override_methods(p->http, has_helped);
    }
    if (!is_begun)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "the request is too large, or too many wait");
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
