/* sim/hot.c - Zipf's groups and uneven users: the busiest node when groups commit at home and directs at the edge
 *
 * A group's messages cost the committing node; every delivery costs the home of the one who gets it (discovery puts
 * devices on their home). The HOT_GROUPS most active groups are drawn one by one, with their members; all others are so
 * many that they weigh on a node as its slots do. Nobody writes more than people can: a group's rate is capped.
 */
#include "sim/capacity.h"
#include "sim/dice.h"
#include <math.h>
#include <string.h>

enum { HOT_GROUPS = 100000, HOT_ALL_GROUPS = 20 * 1000 * 1000 };

static const double hot_cap = 5; /* messages a second in one group: 100 people who write every 20 s */
static const double hot_exponent = 0.9; /* of the activity of the k-th group: k to the power of this */
static const double hot_uneven = 2; /* deviation of a user's activity, by its mean */
static const double hot_users = 50000; /* of a node */

struct hot {
    const struct capacity *c;
    struct dice dice;
    const struct ring *ring;
    double *home, *edge; /* us a second of each node, groups committed at home or at the edge */
    double *share; /* of each node in what is spread by slots and users */
    double most; /* messages a second of the hottest group */
    double tail; /* of all the groups that are not drawn */
};

static void hot_shares(struct hot *h)
{
    double sum = 0;

    for (uint32_t s = 0; s < h->ring->slots; s++)
        h->share[h->ring->owner[s]] += 1.0 / h->ring->slots;
    for (uint32_t k = 0; k < h->ring->count; k++)
        sum += h->share[k] *= 1 + dice_bell(&h->dice) * hot_uneven / sqrt(hot_users);
    for (uint32_t k = 0; k < h->ring->count; k++)
        h->share[k] /= sum;
}

/* What the k-th group would send if all together sent one message and nobody was capped. */
static double hot_weight(uint32_t k, double all)
{
    return pow(k, -hot_exponent) / all;
}

/* Sum of k^-exponent for all groups: those that are drawn, and the rest by its integral. */
static double hot_sum(void)
{
    double sum = 0;

    for (uint32_t k = 1; k <= HOT_GROUPS; k++)
        sum += pow(k, -hot_exponent);
    return sum +
           (pow(HOT_ALL_GROUPS, 1 - hot_exponent) - pow(HOT_GROUPS, 1 - hot_exponent)) / (1 - hot_exponent);
}

static uint32_t hot_node(struct hot *h)
{
    return h->ring->owner[ring_slot(h->ring, dice_throw(&h->dice))];
}

/* A group of 3 to 100, small ones more often, so that the mean is what was asked for; members anywhere. */
static void hot_group(struct hot *h, double rate)
{
    double power = (100 - h->c->members) / (h->c->members - 3 + 1e-9);
    uint32_t size = 3 + (uint32_t)(98 * pow(dice_unit(&h->dice), power));
    uint32_t home = hot_node(h);

    h->home[home] += rate * h->c->direct_us;
    for (uint32_t k = 0; k < size; k++) {
        uint32_t member = hot_node(h);
        h->home[member] += rate * h->c->delivery_us;
        h->edge[member] += rate * (h->c->delivery_us + h->c->direct_us / size);
    }
}

static void hot_load(struct hot *h)
{
    const struct capacity *c = h->c;
    double rate = c->messages * c->group_share, all = hot_sum(), rest;

    for (uint32_t k = 1; k <= HOT_GROUPS; k++) {
        double mine = rate * hot_weight(k, all);
        mine = mine > hot_cap ? hot_cap : mine;
        h->most = mine > h->most ? mine : h->most;
        h->tail -= mine;
        hot_group(h, mine);
    }
    h->tail += rate;
    rest = h->tail * (c->direct_us + c->members * c->delivery_us) +
           c->messages * (1 - c->group_share) * (c->direct_us + 2 * c->delivery_us);
    for (uint32_t k = 0; k < h->ring->count; k++) {
        h->home[k] += rest * h->share[k];
        h->edge[k] += rest * h->share[k];
    }
}

static double hot_busiest(const double *us, uint32_t count, double *mean)
{
    double most = 0;

    *mean = 0;
    for (uint32_t k = 0; k < count; k++) {
        *mean += us[k] / count;
        most = us[k] > most ? us[k] : most;
    }
    return most;
}

static void hot_one(struct capacity *c, uint32_t nodes)
{
    struct ring *r = capacity_ring(nodes, 0, ring_slots(nodes, 0));
    struct hot h = { .c = c, .dice = { c->seed }, .ring = r };
    double mean, most, edge_mean, edge_most;

    h.home = calloc(nodes, sizeof *h.home);
    h.edge = calloc(nodes, sizeof *h.edge);
    h.share = calloc(nodes, sizeof *h.share);
    CHECK(h.home && h.edge && h.share);
    hot_shares(&h);
    hot_load(&h);
    most = hot_busiest(h.home, nodes, &mean);
    edge_most = hot_busiest(h.edge, nodes, &edge_mean);
    printf("| %u | %.0f | %.2f %% | %.2f %% | %.3f | %.3f | %.1f |\n", nodes, c->messages, mean / 1e4,
           most / 1e4, most / mean, edge_most / edge_mean, h.most);
    capacity_bound(c, "busiest node by the mean, groups at home", most / mean, 1, 1.25);
    capacity_bound(c, "busiest node by the mean, groups at the edge", edge_most / edge_mean, 1, 1.25);
    /* Where a group commits moves work, and makes none. */
    capacity_bound(c, "work with groups at home by that at the edge", mean / edge_mean, 0.999, 1.001);
    free(h.home);
    free(h.edge);
    free(h.share);
    ring_free(&r);
}

void hot_run(struct capacity *c)
{
    static const uint32_t nodes[] = { 10, 30, 100, 300 };

    puts("| nodes | messages/s | a node's CPU, mean (100 %: a core) | busiest node | busiest by mean, groups "
         "at home | "
         "groups at the edge | hottest "
         "group, messages/s |\n|---|---|---|---|---|---|---|");
    for (size_t k = 0; k < sizeof nodes / sizeof *nodes; k++)
        hot_one(c, nodes[k]);
    hot_one(c, c->nodes);
    puts("");
}
