/* load/pairs_rate.c - the open loop: messages leave when they are due, whatever has come back
 *
 * The times between two messages are drawn (a Poisson process), so that they also come close together, as people's
 * do. A message whose pair has all its sends under way waits for one of them, and its times count from when it was
 * due: a server that stands still for a second is charged with all that should have been sent in it.
 */
#include "load/pairs_inner.h"

#include "base/check.h"
#include <math.h>
#include <stdlib.h>

uint64_t pairs_rate_roll(struct pairs_process *p)
{
    uint64_t x = p->dice += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t pairs_rate_gap(struct pairs_process *p)
{
    double share = ((double)(pairs_rate_roll(p) >> 11) + 0.5) / (double)(1ull << 53);
    double mean_ns = 1e9 * p->plan->processes / p->plan->rate;

    return (uint64_t)(-log(share) * mean_ns);
}

void pairs_rate_begin(struct pairs_process *p, uint64_t begin_ns, uint32_t process)
{
    p->dice = 20261123 + process;
    p->due_ns = begin_ns + pairs_rate_gap(p);
}

static struct pairs_send *pairs_rate_free_send(struct pairs_pair *pair)
{
    for (uint32_t k = 0; k < pair->sends; k++)
        if (!pair->send[k].is_open)
            return &pair->send[k];
    return NULL;
}

static void pairs_rate_wait(struct pairs_pair *pair, uint64_t due_ns)
{
    if (pair->dues == pair->dues_room) {
        pair->dues_room = pair->dues_room ? 2 * pair->dues_room : 16;
        pair->due = realloc(pair->due, pair->dues_room * sizeof *pair->due);
        CHECK(pair->due);
    }
    pair->due[pair->dues++] = due_ns;
    pair->process->result->late++;
}

void pairs_rate_freed(struct pairs_send *s)
{
    struct pairs_pair *pair = s->pair;

    if (!pair->dues || pair->is_broken)
        return;
    uint64_t due_ns = pair->due[0];
    memmove(pair->due, pair->due + 1, --pair->dues * sizeof *pair->due);
    pairs_send_next(s, due_ns);
}

static void pairs_rate_send(struct pairs_pair *pair, uint64_t due_ns)
{
    struct pairs_send *s = pair->is_broken ? NULL : pairs_rate_free_send(pair);

    if (s) {
        pairs_send_next(s, due_ns);
        link_flush(pair->from);
    } else {
        pairs_rate_wait(pair, due_ns);
    }
}

uint64_t pairs_rate_turn(struct pairs_process *p)
{
    while (p->due_ns <= p->now_ns && p->due_ns < p->stop_ns) {
        struct pairs_pair *pair =
            p->plan->is_mixed ? pairs_mix_pick(p, p->due_ns) : &p->pair[pairs_rate_roll(p) % p->count];
        if (pair)
            pairs_rate_send(pair, p->due_ns);
        p->due_ns += pairs_rate_gap(p);
    }
    return p->due_ns;
}
