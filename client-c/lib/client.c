/* lib/client.c - what the parts of a client share: one step, verdicts, notes */
#include "lib/client.h"
#include "lib/clock.h"
#include "lib/deliver.h"
#include "lib/discovery.h"
#include "lib/receive.h"
#include <string.h>

void client_pump(struct posthorn *p)
{
    uint64_t now = clock_ms();
    deliver_step(p, now);
    receive_step(p, now);
    discovery_step(p, now);
    struct http *beside[2];
    size_t count = lanes_https(p, beside);
    http_step(p->http, now);
    for (size_t n = 0; n < count; n++)
        http_step(beside[n], now);
    receive_step(p, now); /* what works now is told before what it brought */
    lanes_lend(p);
}

int client_due_ms(const struct posthorn *p)
{
    uint64_t now = clock_ms();
    uint64_t send = deliver_due_ms(p), receive = receive_due_ms(p);
    uint64_t due = send < receive ? send : receive;
    struct http *https[3] = { p->http };
    size_t count = 1 + lanes_https(p, https + 1);
    int least = -1;
    if (due != UINT64_MAX)
        least = due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
    for (size_t n = 0; n < count; n++) {
        int http = http_timeout_ms(https[n], now);
        least = http >= 0 && (least < 0 || http < least) ? http : least;
    }
    return least;
}

size_t client_fds(const struct posthorn *p, struct pollfd *at, size_t room)
{
    struct http *beside[2];
    size_t ways = lanes_https(p, beside), count = http_fds(p->http, at, room);
    for (size_t n = 0; n < ways; n++)
        count += http_fds(beside[n], at + count, room - count);
    return count;
}

void client_poll(struct posthorn *p, uint32_t wait_ms)
{
    struct pollfd fds[CLIENT_FDS_MOST];
    size_t count = client_fds(p, fds, CLIENT_FDS_MOST);
    int due = client_due_ms(p);
    int wait = wait_ms > 3600000 ? 3600000 : (int)wait_ms;
    poll(fds, (nfds_t)count, due >= 0 && due < wait ? due : wait);
}

static void say(char *into, size_t room, const char *text)
{
    snprintf(into, room, "%s", text ? text : "");
}

enum posthorn_status client_fail(struct posthorn *p, enum posthorn_status status, const char *code,
                                 const char *detail)
{
    p->why = (struct posthorn_problem){ 0 };
    say(p->why.code, sizeof p->why.code, code);
    say(p->why.detail, sizeof p->why.detail, detail);
    return status;
}

static enum posthorn_status status_of(int http)
{
    switch (http) {
    case 401:
        return POSTHORN_LOGGED_OUT;
    case 404:
        return POSTHORN_NOT_FOUND;
    case 409:
        return POSTHORN_CONFLICT;
    case 429:
        return POSTHORN_RATE_LIMITED;
    default:
        return http >= 500 ? POSTHORN_SERVER_FAILED : http >= 400 ? POSTHORN_REFUSED : POSTHORN_FAILED;
    }
}

static void read_problem(const struct exchange *x, struct posthorn_problem *why)
{
    const struct response *r = &x->response;
    struct posthorn_answer *a = r->body.bytes ? wire_parse(r->body.at, r->body.bytes) : NULL;
    uint64_t retry_ms = r->retry_after_ms;
    why->http_status = r->status;
    if (a) {
        const char *detail = wire_string(a, "detail"), *title = wire_string(a, "title");
        say(why->code, sizeof why->code, wire_string(a, "code"));
        say(why->detail, sizeof why->detail, detail && *detail ? detail : title);
        say(why->field, sizeof why->field, wire_string(a, "field"));
        /* Retry-After is the same in whole seconds, rounded up: all who are told would come back in step. */
        uint64_t said_ms = wire_number(a, "retry_ms");
        retry_ms = said_ms ? said_ms : retry_ms;
    }
    if (why->code[0] == 0)
        say(why->code, sizeof why->code, "bad_answer");
    if (why->detail[0] == 0)
        snprintf(why->detail, sizeof why->detail, "the server answered %d", r->status);
    why->retry_ms = retry_ms > BACKOFF_ASKED_MOST_MS ? BACKOFF_ASKED_MOST_MS : (uint32_t)retry_ms;
    wire_free(&a);
}

enum posthorn_status client_verdict(const struct posthorn *p, const struct exchange *x,
                                    struct posthorn_problem *why)
{
    *why = (struct posthorn_problem){ 0 };
    if (x->end == EXCHANGE_ANSWERED && x->response.status >= 200 && x->response.status < 300)
        return POSTHORN_OK;
    if (x->end == EXCHANGE_ANSWERED) {
        read_problem(x, why);
        return status_of(x->response.status);
    }
    if (x->end == EXCHANGE_LATE) {
        say(why->code, sizeof why->code, "timeout");
        say(why->detail, sizeof why->detail, http_why(p->http)[0] ? http_why(p->http) : "no answer in time");
        return POSTHORN_TIMED_OUT;
    }
    const char *reason = http_why(p->http);
    say(why->code, sizeof why->code,
        strstr(reason, "certificate") || strstr(reason, "TLS") ? "tls" : "network");
    say(why->detail, sizeof why->detail, reason[0] ? reason : "the connection was lost");
    return POSTHORN_UNREACHABLE;
}

struct http *client_http(struct posthorn *p, enum conn_protocol wants, bool takes_pushes)
{
    if (wants == CONN_UNKNOWN && p->avoids_h2)
        wants = CONN_H1;
    return http_new(&p->nodes, &p->proxy, p->tls, wants, takes_pushes);
}

bool client_fall_back(struct posthorn *p, const struct http *h)
{
    bool may_be_it = !p->tls && p->wants == CONN_UNKNOWN && !p->knows_h2 && !p->avoids_h2;
    if (!may_be_it || strcmp(http_version(h), "2") != 0)
        return false;
    p->avoids_h2 = true;
    return true;
}

void client_renew_http(struct posthorn *p)
{
    http_free(&p->http);
    p->http = client_http(p, p->wants, false);
    p->http_wants = p->wants;
}

bool client_is_idle(const struct posthorn *p)
{
    return p->asking == 0 && p->deliver.sending == 0 && !p->receive.request && !p->discovery;
}

struct client_note *client_note(struct posthorn *p, enum client_note_kind kind)
{
    struct client_note *n = buf_zeroed(1, sizeof *n);
    n->kind = kind;
    TAILQ_INSERT_TAIL(&p->notes, n, entry);
    return n;
}

void client_online(struct posthorn *p, bool is_online, const struct posthorn_problem *why)
{
    if (p->knows_online && p->is_online == is_online)
        return;
    p->knows_online = true;
    p->is_online = is_online;
    struct client_note *n = client_note(p, NOTE_ONLINE);
    n->is_online = is_online;
    if (why)
        n->why = *why;
}

const char *client_token(const struct posthorn *p)
{
    return p->session.token[0] ? p->session.token : NULL;
}

bool client_is_id(const char *text)
{
    size_t n = text ? strlen(text) : 0;
    return n >= 1 && n <= 20 && strspn(text, "0123456789") == n;
}
