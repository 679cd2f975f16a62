/* sim/capacity.c - the ring, a storm and hot groups in large clusters: tables for docs/capacity.md, and bounds
 *
 * posthorn-sim-capacity [--check] [--NAME VALUE ...]: prints tables in Markdown; with --check nothing, and ends with 1
 * when a bound does not hold. All chance comes from --seed.
 */
#include "sim/capacity.h"
#include <stddef.h>
#include <string.h>

enum { CAPACITY_NODES_MAX = 2000, CAPACITY_DEVICES_MAX = 1000000 };

struct ring *capacity_ring(uint32_t nodes, uint32_t gone, uint32_t slots)
{
    struct ring_member m[CAPACITY_NODES_MAX + 1];
    uint32_t count = 0;

    CHECK(nodes <= CAPACITY_NODES_MAX + 1);
    for (uint32_t k = 1; k <= nodes; k++)
        if (k != gone)
            m[count++] = (struct ring_member){ .id = k, .weight = RING_WEIGHT };
    return ring_new(m, count, slots);
}

void capacity_bound(struct capacity *c, const char *what, double value, double least, double most)
{
    if (!c->is_check || (value >= least && value <= most))
        return;
    c->bad++;
    fprintf(stderr, "FAILED: %s is %g, not %g to %g\n", what, value, least, most);
}

struct capacity_option {
    const char *name;
    size_t offset;
    double least, most;
};

/* The numbers that have a fraction. */
static const struct capacity_option capacity_options[] = {
    { "--connect-us", offsetof(struct capacity, connect_us), 1, 1e6 },
    { "--spare", offsetof(struct capacity, spare), 0.01, 1 },
    { "--messages", offsetof(struct capacity, messages), 1, 1e9 },
    { "--group-share", offsetof(struct capacity, group_share), 0, 1 },
    { "--members", offsetof(struct capacity, members), 4, 100 },
    { "--direct-us", offsetof(struct capacity, direct_us), 0.1, 1e6 },
    { "--delivery-us", offsetof(struct capacity, delivery_us), 0.1, 1e6 },
};

static bool capacity_take(struct capacity *c, const char *name, const char *text)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end)
        return false;
    for (size_t k = 0; k < sizeof capacity_options / sizeof *capacity_options; k++) {
        const struct capacity_option *o = &capacity_options[k];
        if (strcmp(o->name, name) != 0)
            continue;
        memcpy((char *)c + o->offset, &value, sizeof value);
        return value >= o->least && value <= o->most;
    }
    if (strcmp(name, "--seed") == 0 && value >= 0 && value < 9e15)
        c->seed = (uint64_t)value;
    else if (strcmp(name, "--nodes") == 0 && value >= 10 && value <= CAPACITY_NODES_MAX)
        c->nodes = (uint32_t)value;
    else if (strcmp(name, "--devices") == 0 && value >= 1 && value <= CAPACITY_DEVICES_MAX)
        c->devices = (uint32_t)value;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct capacity c = { .seed = 1,
                          .nodes = 1000,
                          .devices = 50000,
                          .connect_us = 370,
                          .spare = 0.5,
                          .messages = 70000,
                          .group_share = 0.3,
                          .members = 20,
                          .direct_us = 15,
                          .delivery_us = 5 };

    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--check") == 0) {
            c.is_check = true;
        } else if (k + 1 == argc || !capacity_take(&c, argv[k], argv[k + 1])) {
            fprintf(stderr, "posthorn-sim-capacity: %s is not understood\n", argv[k]);
            return 2;
        } else {
            k++;
        }
    }
    if (c.is_check && !freopen("/dev/null", "w", stdout))
        return 2;
    balance_run(&c);
    storm_run(&c);
    hot_run(&c);
    return c.bad > 0;
}
