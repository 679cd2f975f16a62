/* load/pairs_mix.c - what people do: mostly messages to one, some to groups, and other verbs in between
 *
 * All of it comes at its time, as in the open loop. Messages are checked as everywhere; another verb must be answered
 * with its status, and is asked by one who receives, on a stream of the sender's connection.
 */
#include "load/pairs_inner.h"

#include "base/check.h"
#include "load/scan.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MIX_ASIDES = 256 };

struct pairs_aside {
    struct link_ask ask;
    struct pairs_process *process;
    uint64_t due_ns;
    int wanted; /* status */
    bool is_open;
    char path[96], body[40];
};

enum mix_what { MIX_DIRECT, MIX_GROUP, MIX_MARK, MIX_TYPING, MIX_HISTORY, MIX_SNAPSHOT };

/* Of a hundred; edits and presence belong in here as soon as the server knows them. */
static const struct {
    uint32_t share;
    enum mix_what what;
} mix_shares[] = { { 70, MIX_DIRECT }, { 12, MIX_GROUP },  { 10, MIX_MARK },
                   { 5, MIX_TYPING },  { 2, MIX_HISTORY }, { 1, MIX_SNAPSHOT } };

static const struct {
    enum receiver_way way;
    enum link_version version;
} mix_ways[] = { { RECEIVER_WS, LINK_H1 },  { RECEIVER_LONGPOLL, LINK_H2 },
                 { RECEIVER_SSE, LINK_H2 }, { RECEIVER_LONGPOLL, LINK_H1 },
                 { RECEIVER_WS, LINK_H2 },  { RECEIVER_PUSH, LINK_H2_PUSHED },
                 { RECEIVER_SSE, LINK_H1 } };

void pairs_mix_way(uint32_t number, enum receiver_way *way, enum link_version *version)
{
    number %= sizeof mix_ways / sizeof *mix_ways;
    *way = mix_ways[number].way;
    *version = mix_ways[number].version;
}

static void pairs_mix_answered(struct link_ask *a)
{
    struct pairs_aside *s = a->ctx;
    struct pairs_process *p = s->process;

    s->is_open = false;
    p->asides_open--;
    if (a->status != s->wanted) {
        pairs_error(p, a->method, s->path, a->status, buf_text(&a->answer));
        return;
    }
    p->result->asides++;
    if (pairs_is_measured(p, s->due_ns))
        tally_add(&p->result->aside, p->now_ns - s->due_ns);
}

void pairs_mix_init(struct pairs_process *p)
{
    if (!p->plan->is_mixed)
        return;
    while (p->directs < p->count && p->pair[p->directs].number < p->plan->directs)
        p->directs++;
    p->aside = calloc(MIX_ASIDES, sizeof *p->aside);
    CHECK(p->aside);
    for (uint32_t k = 0; k < MIX_ASIDES; k++) {
        link_ask_init(&p->aside[k].ask);
        p->aside[k].process = p;
        p->aside[k].ask.path = p->aside[k].path;
        p->aside[k].ask.done = pairs_mix_answered;
        p->aside[k].ask.ctx = &p->aside[k];
    }
}

void pairs_mix_fini(struct pairs_process *p)
{
    for (uint32_t k = 0; p->aside && k < MIX_ASIDES; k++)
        link_ask_fini(&p->aside[k].ask);
    free(p->aside);
}

static void pairs_mix_say(struct pairs_aside *s, enum mix_what what, const char *conversation, uint64_t seq)
{
    s->wanted = what == MIX_TYPING ? 202 : 200;
    s->ask.method = what == MIX_MARK ? "PUT" : what == MIX_TYPING ? "POST" : "GET";
    s->body[0] = 0;
    if (what == MIX_SNAPSHOT)
        snprintf(s->path, sizeof s->path, "/v1/snapshot?limit=20");
    else if (what == MIX_HISTORY)
        snprintf(s->path, sizeof s->path, "/v1/conversations/%s/messages?limit=50", conversation);
    else
        snprintf(s->path, sizeof s->path, "/v1/conversations/%s/%s", conversation,
                 what == MIX_MARK ? "marks" : "typing");
    if (what == MIX_MARK)
        snprintf(s->body, sizeof s->body, "{\"read\":%" PRIu64 "}", seq);
    s->ask.body = text_of(s->body);
}

static void pairs_mix_ask(struct pairs_process *p, enum mix_what what, uint64_t due_ns)
{
    struct pairs_pair *pair = &p->pair[pairs_rate_roll(p) % p->count];
    uint32_t who = (uint32_t)(pairs_rate_roll(p) % pair->who->to_count), k = 0;
    const struct pairs_receiver *to = &pair->receiver[who];

    while (k < MIX_ASIDES && p->aside[k].is_open)
        k++;
    if (k == MIX_ASIDES || pair->is_broken) {
        pairs_error(p, "another verb", "", 0, TEXT("too many under way"));
        return;
    }
    if (what == MIX_MARK && !to->last_seq)
        what = MIX_HISTORY;
    struct pairs_aside *s = &p->aside[k];
    pairs_mix_say(s, what, pair->who->conversation, to->last_seq);
    s->due_ns = due_ns;
    s->ask.token = pair->who->to[who].token;
    s->is_open = true;
    p->asides_open++;
    link_ask(pair->from, &s->ask);
    link_flush(pair->from);
}

struct pairs_pair *pairs_mix_pick(struct pairs_process *p, uint64_t due_ns)
{
    uint64_t roll = pairs_rate_roll(p) % 100, one = pairs_rate_roll(p);
    size_t k = 0;

    while (roll >= mix_shares[k].share)
        roll -= mix_shares[k++].share;
    if (mix_shares[k].what == MIX_DIRECT && p->directs)
        return &p->pair[one % p->directs];
    if (mix_shares[k].what == MIX_DIRECT || mix_shares[k].what == MIX_GROUP)
        return &p->pair[p->directs + one % (p->count - p->directs)];
    pairs_mix_ask(p, mix_shares[k].what, due_ns);
    return NULL;
}

void pairs_mix_heard(struct receiver *r, struct text json)
{
    const struct pairs_receiver *to = r->ctx;
    struct pairs_result *result = to->pair->process->result;
    struct text signal;

    while ((signal = scan_piece(&json, "{\"t\":\"typing\"")).bytes) {
        result->signals++;
        result->wrong += !text_equal(scan_word(signal, "c"), text_of(to->pair->who->conversation));
    }
}
