/* lib/discovery.c - GET /v1/discover: asked after a login and after each move, and now and then */
#include "lib/discovery.h"
#include "lib/ask.h"
#include "lib/clock.h"
#include <string.h>

/* The list only helps: a failure is told to nobody and asked about again later. Nothing is woken for it either,
 * so a program that has nothing to do does nothing. */

void discovery_follow(struct posthorn *p)
{
    http_retire(p->http);
    lanes_move(p);
}

void discovery_keep(struct posthorn *p)
{
    bool is_kept = !p->nodes.is_unkept || nodes_save(&p->nodes, p->state_dir);
    (void)is_kept; /* without it the next run begins at the address that it is given */
}

static void take(struct posthorn *p, const struct posthorn_answer *a)
{
    unsigned moves = p->nodes.moves;
    p->nodes.ask_ms = clock_ms() + NODES_ASK_MS + clock_dice(NODES_ASK_MS / 10);
    nodes_take(&p->nodes, a);
    discovery_keep(p);
    if (p->nodes.moves != moves)
        discovery_follow(p);
}

static void answered(void *context, struct exchange *x)
{
    struct posthorn *p = context;
    struct posthorn_problem why;
    struct posthorn_answer *a = NULL;
    p->discovery = NULL;
    p->nodes.ask_ms = clock_ms() + NODES_AGAIN_MS + clock_dice(NODES_AGAIN_MS);
    if (client_verdict(p, x, &why) == POSTHORN_OK)
        a = wire_parse(x->response.body.at, x->response.body.bytes);
    if (a)
        take(p, a);
    wire_free(&a);
}

enum posthorn_status discovery_ask(struct posthorn *p, struct posthorn_answer **a)
{
    struct posthorn_answer *own, **at = a ? a : &own;
    uint32_t request_ms = p->request_ms;
    p->request_ms = request_ms < DISCOVERY_ANSWER_MS ? request_ms : DISCOVERY_ANSWER_MS;
    enum posthorn_status status = ask_server(p, "GET", "/v1/discover", NULL, at);
    p->request_ms = request_ms;
    if (status == POSTHORN_OK)
        take(p, *at);
    if (!a)
        wire_free(&own);
    return status;
}

void discovery_step(struct posthorn *p, uint64_t now_ms)
{
    bool is_due = !p->nodes.is_fixed && !p->discovery && client_token(p) && now_ms >= p->nodes.ask_ms;
    if (!is_due || !p->is_online)
        return;
    struct exchange *x = exchange_new("GET", "/v1/discover", client_token(p), NULL);
    x->done = answered;
    x->context = p;
    if (http_start(p->http, x, now_ms + DISCOVERY_ANSWER_MS)) {
        p->discovery = x;
        return;
    }
    exchange_free(&x);
    p->nodes.ask_ms = now_ms + NODES_AGAIN_MS;
}

void discovery_renew(struct posthorn *p)
{
    p->nodes.has_asked = false;
    p->nodes.ask_ms = 0;
}

void discovery_forget(struct posthorn *p)
{
    if (p->discovery)
        http_cancel(p->http, p->discovery);
    p->discovery = NULL;
}
