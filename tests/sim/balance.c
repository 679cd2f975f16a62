/* sim/balance.c - how evenly rings of 2 to 1,000 nodes are filled, and what moves when one leaves or comes */
#include "sim/capacity.h"

enum { BALANCE_KEYS = 4000000, BALANCE_LEAVES = 3 };

struct balance {
    double slots, keys, least_keys; /* of the fullest and of the emptiest node, by the mean */
    double leave, join; /* share of all slots that moves */
};

static void balance_fill(const struct ring *r, struct balance *b)
{
    uint32_t *slots = calloc(r->count, sizeof *slots), *keys = calloc(r->count, sizeof *keys);
    uint32_t most_slots = 0, most = 0, least = UINT32_MAX;

    CHECK(slots && keys);
    for (uint32_t s = 0; s < r->slots; s++)
        slots[r->owner[s]]++;
    for (uint64_t key = 0; key < BALANCE_KEYS; key++)
        keys[ring_home(r, key << 12)->id - 1]++;
    for (uint32_t k = 0; k < r->count; k++) {
        most_slots = slots[k] > most_slots ? slots[k] : most_slots;
        most = keys[k] > most ? keys[k] : most;
        least = keys[k] < least ? keys[k] : least;
    }
    b->slots = (double)most_slots * r->count / r->slots;
    b->keys = (double)most * r->count / BALANCE_KEYS;
    b->least_keys = (double)least * r->count / BALANCE_KEYS;
    free(slots);
    free(keys);
}

static struct balance balance_of(uint32_t nodes)
{
    uint32_t slots = ring_slots(nodes, 0);
    struct balance b = { 0 };
    struct ring *r = capacity_ring(nodes, 0, slots);

    balance_fill(r, &b);
    for (uint32_t k = 0; k < BALANCE_LEAVES; k++) {
        struct ring *after = capacity_ring(nodes, 1 + nodes * k / BALANCE_LEAVES, slots);
        b.leave += (double)ring_moves(r, after) / slots / BALANCE_LEAVES;
        ring_free(&after);
    }
    struct ring *after = capacity_ring(nodes + 1, 0, slots);
    b.join = (double)ring_moves(r, after) / slots;
    ring_free(&after);
    ring_free(&r);
    return b;
}

void balance_run(struct capacity *c)
{
    static const uint32_t nodes[] = { 2, 3, 5, 10, 20, 50, 100, 200, 400, 401, 700, 1000 };

    puts("| nodes | slots | fullest node: slots | keys | emptiest: keys | one leaves: moved (ideal) | one "
         "joins: moved (ideal) |\n"
         "|---|---|---|---|---|---|---|");
    for (size_t k = 0; k < sizeof nodes / sizeof *nodes; k++) {
        uint32_t n = nodes[k];
        struct balance b = balance_of(n);
        printf("| %u | %u | %.3f | %.3f | %.3f | %.3f %% (%.3f %%) | %.3f %% (%.3f %%) |\n", n,
               ring_slots(n, 0), b.slots, b.keys, b.least_keys, 100 * b.leave, 100.0 / n, 100 * b.join,
               100.0 / (n + 1));
        capacity_bound(c, "max/mean of slots", b.slots, 1, 1.05 + (double)n / ring_slots(n, 0));
        capacity_bound(c, "max/mean of keys", b.keys, 1, n <= 100 ? 1.10 : 1.15);
        capacity_bound(c, "share that moves when one leaves, times nodes", b.leave * n, 0.5,
                       n <= 100 ? 2 : 3);
        capacity_bound(c, "share that moves when one joins, times nodes", b.join * n, 0.5, n <= 100 ? 2 : 3);
    }
    puts("");
}
