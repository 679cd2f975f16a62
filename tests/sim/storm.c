/* sim/storm.c - a node of many dies, or all links at once: its devices come back with the client's back-off
 *
 * A device waits a time drawn from 0 to 0.5 s, then asks discovery, which names its home. Until the ring knows of the
 * death that is the dead node: refused, and the next wait is drawn from twice as much, up to 30 s. A home works through
 * its devices one after the other, each for connect_us on the cores that live traffic leaves. Whoever would have to
 * wait longer than STORM_PATIENCE_MS is sent away (503) at a tenth of the cost, and draws again: from its back-off, or
 * from the time that the node needs for those who are still missing (Retry-After).
 */
#include "sim/capacity.h"
#include "sim/dice.h"

enum { STORM_PATIENCE_MS = 500, STORM_MS = 600 * 1000, STORM_FIRST_MS = 500, STORM_MOST_MS = 30 * 1000 };

struct storm_device {
    uint32_t next; /* in the list of its millisecond, from 1; 0: the last */
    uint32_t home; /* after the change of the ring */
    uint32_t tries;
};

struct storm_node {
    double free_ms; /* when it has done what waits */
    uint32_t devices; /* that become its own */
    uint32_t taken; /* of them, so far */
    uint32_t second_ms, asked; /* who asked in the second under way */
    uint32_t asked_most; /* in any second */
};

struct storm_case {
    const char *what;
    uint32_t nodes; /* one of which dies; 1: it lives, and its devices come back to it */
    uint32_t known_ms; /* when the ring knows */
    bool is_told; /* who is sent away hears how long it will take */
    bool
        is_anywhere; /* who finds its home dead is sent to any other node, which the ring need not know for */
};

struct storm {
    const struct capacity *c;
    const struct storm_case *is;
    struct dice dice;
    uint32_t count; /* of devices */
    struct storm_device *device; /* from 1 */
    struct storm_node *node;
    uint32_t *at; /* of each millisecond: its first device */
    uint32_t *back; /* how many were back in each millisecond */
    uint64_t refused;
};

static void storm_wait(struct storm *s, uint32_t k, uint32_t now_ms, uint32_t most_ms)
{
    uint32_t when = now_ms + 1 + dice_below(&s->dice, most_ms);

    if (when >= STORM_MS)
        return;
    s->device[k].next = s->at[when];
    s->at[when] = k;
}

static void storm_back_off(struct storm *s, uint32_t k, uint32_t now_ms)
{
    uint32_t tries = s->device[k].tries++;
    uint32_t most_ms = tries > 6 ? STORM_MOST_MS : (uint32_t)STORM_FIRST_MS << tries;

    storm_wait(s, k, now_ms, most_ms > STORM_MOST_MS ? STORM_MOST_MS : most_ms);
}

static void storm_ask(struct storm *s, uint32_t k, uint32_t now_ms)
{
    struct storm_node *n = &s->node[s->device[k].home];
    double cost_ms = s->c->connect_us / 1000 / s->c->spare;

    if (now_ms < s->is->known_ms) {
        storm_back_off(s, k, now_ms);
        return;
    }
    if (now_ms / 1000 != n->second_ms) {
        n->second_ms = now_ms / 1000;
        n->asked = 0;
    }
    n->asked++;
    n->asked_most = n->asked > n->asked_most ? n->asked : n->asked_most;
    if (n->free_ms < now_ms)
        n->free_ms = now_ms;
    if (n->free_ms > now_ms + STORM_PATIENCE_MS) {
        n->free_ms += cost_ms / 10;
        s->refused++;
        if (s->is->is_told)
            storm_wait(s, k, now_ms, (uint32_t)((n->devices - n->taken) * cost_ms) + 1);
        else
            storm_back_off(s, k, now_ms);
        return;
    }
    n->free_ms += cost_ms;
    n->taken++;
    if (n->free_ms < STORM_MS)
        s->back[(uint32_t)n->free_ms]++;
}

/* The millisecond in which so many were back; STORM_MS when they never were. */
static uint32_t storm_when(const struct storm *s, double share)
{
    uint64_t sum = 0;

    for (uint32_t ms = 0; ms < STORM_MS; ms++) {
        sum += s->back[ms];
        if ((double)sum >= share * s->count)
            return ms;
    }
    return STORM_MS;
}

static void storm_play(struct storm *s)
{
    for (uint32_t k = 1; k <= s->count; k++)
        storm_back_off(s, k, 0);
    for (uint32_t ms = 0; ms < STORM_MS; ms++) {
        for (uint32_t k = s->at[ms], next; k; k = next) {
            next = s->device[k].next;
            storm_ask(s, k, ms);
        }
    }
}

static void storm_tell(struct storm *s, struct capacity *c)
{
    const struct storm_node *busiest = &s->node[0];
    uint32_t all = storm_when(s, 1);

    for (uint32_t k = 0; k < s->is->nodes; k++)
        busiest = s->node[k].devices > busiest->devices ? &s->node[k] : busiest;
    printf("| %u | %s | %.1f s | %u | %u | %u | %.1f s | %.1f s | %.1f s | %.2f |\n", s->is->nodes,
           s->is->what, s->is->known_ms / 1e3, s->count, busiest->devices, busiest->asked_most,
           storm_when(s, 0.5) / 1e3, storm_when(s, 0.99) / 1e3, all / 1e3, (double)s->refused / s->count);
    /* Nobody is left out, and it takes no longer than the work, the detection and two longest waits. */
    double work_ms = busiest->devices * c->connect_us / 1000 / c->spare;
    capacity_bound(c, "milliseconds until all are back", all, 0,
                   s->is->known_ms + 2 * work_ms + 2 * STORM_MOST_MS);
}

/* Each device gets the node that it comes back to. A user of the dead node has one of its slots, and whoever has that
 * slot now is the new home; or the device goes anywhere. Of one node that lost its links all come back to it. */
static void storm_homes(struct storm *s)
{
    uint32_t nodes = s->is->nodes, dead = nodes / 2, count = 0, *slot;
    struct ring *before = capacity_ring(nodes, 0, ring_slots(nodes, 0));
    struct ring *after = capacity_ring(nodes, nodes > 1 ? dead : 0, before->slots);

    slot = malloc(before->slots * sizeof *slot);
    CHECK(slot);
    for (uint32_t k = 0; k < before->slots; k++)
        if (nodes == 1 || before->member[before->owner[k]].id == dead)
            slot[count++] = k;
    for (uint32_t k = 1; k <= s->count; k++) {
        uint32_t draw = dice_below(&s->dice, s->is->is_anywhere ? after->count : count);
        uint32_t home = s->is->is_anywhere ? draw : after->owner[slot[draw]];
        s->device[k].home = home;
        s->node[home].devices++;
    }
    free(slot);
    ring_free(&before);
    ring_free(&after);
}

static void storm_one(struct capacity *c, const struct storm_case *is)
{
    struct storm s = { .c = c, .is = is, .dice = { c->seed }, .count = c->devices };

    s.device = calloc(s.count + 1, sizeof *s.device);
    s.node = calloc(is->nodes, sizeof *s.node);
    s.at = calloc(STORM_MS, sizeof *s.at);
    s.back = calloc(STORM_MS, sizeof *s.back);
    CHECK(s.device && s.node && s.at && s.back);
    storm_homes(&s);
    storm_play(&s);
    storm_tell(&s, c);
    free(s.device);
    free(s.node);
    free(s.at);
    free(s.back);
}

void storm_run(struct capacity *c)
{
    const struct storm_case cases[] = {
        { "dies", 3, 3000, false, false },
        { "dies, Retry-After", 3, 3000, true, false },
        { "dies", 10, 3000, false, false },
        { "dies", 100, 3000, false, false },
        { "dies", c->nodes, 3000, false, false },
        { "dies, seen by its links", c->nodes, 200, false, false },
        { "dies, its devices go anywhere", c->nodes, 0, false, true },
        { "loses all its links", 1, 0, false, false },
        { "loses all its links, Retry-After", 1, 0, true, false },
    };

    puts("| one of | what happens | the ring knows after | come back | of them to the busiest node | asking "
         "it in its "
         "worst second | half are back | 99 % | all | sent away, a device "
         "|\n|---|---|---|---|---|---|---|---|---|---|");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        storm_one(c, &cases[k]);
    puts("");
}
