/* ctl/show.c - tables: a line a worker, node or member */
#include "ctl/show.h"
#include "model/ring.h"
#include "model/wire.h"
#include <inttypes.h>

#define NUMBER(type, field)                                                                                  \
    {                                                                                                        \
#field, WIRE_NUMBER, true, 0, (UINT64_C(1) << 53) - 1, offsetof(struct type, field), 0, NULL         \
    }
#define STRING(type, field)                                                                                  \
    {                                                                                                        \
#field, WIRE_STRING, true, 0, 1024, offsetof(struct type, field), 0, NULL                            \
    }

enum { SHOW_NODES_MAX = 4096, SHOW_BYTES_MAX = 1024 * 1024 };

static bool show_read(const struct wire_schema *schema, struct text answer, struct arena *arena, void *into)
{
    struct wire_error why;

    return !wire_read_up_to(schema, answer, SHOW_BYTES_MAX, arena, into, &why);
}

/* "3 d 4 h", "12 min", "4.2 s": two figures are enough. */
static const char *show_time(uint64_t ms, struct arena *arena)
{
    uint64_t s = ms / 1000;

    if (s < 60)
        return arena_printf(arena, "%" PRIu64 ".%" PRIu64 " s", s, ms / 100 % 10);
    if (s < 3600)
        return arena_printf(arena, "%" PRIu64 " min", s / 60);
    if (s < 86400)
        return arena_printf(arena, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
    return arena_printf(arena, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
}

static int show_width(struct text t, int width)
{
    return t.bytes > (size_t)width ? (int)t.bytes : width;
}

struct show_status {
    struct text name, version, state;
    uint64_t node, incarnation, lease_ms, epoch, timeline, uptime_ms, connections, receivers, lanes_up, lanes;
};

static const struct wire_field show_status_fields[] = {
    STRING(show_status, name),        STRING(show_status, version),
    STRING(show_status, state),       NUMBER(show_status, node),
    NUMBER(show_status, incarnation), NUMBER(show_status, lease_ms),
    NUMBER(show_status, epoch),       NUMBER(show_status, timeline),
    NUMBER(show_status, uptime_ms),   NUMBER(show_status, connections),
    NUMBER(show_status, receivers),   NUMBER(show_status, lanes_up),
    NUMBER(show_status, lanes),       { 0 }
};
static const struct wire_schema show_status_schema = { sizeof(struct show_status), show_status_fields };

bool show_status(FILE *to, struct text answer, struct arena *arena, bool first)
{
    struct show_status s;

    if (!show_read(&show_status_schema, answer, arena, &s))
        return false;
    if (first)
        fprintf(to, "%-20s %-9s %5s %7s %6s %9s %8s %12s %10s %8s  %s\n", "NAME", "STATE", "NODE", "LEASE",
                "EPOCH", "TIMELINE", "POSTGRES", "UP", "CONNECTED", "WAITING", "VERSION");
    char *lanes = arena_printf(arena, "%" PRIu64 "/%" PRIu64, s.lanes_up, s.lanes);
    fprintf(
        to, "%-20s %-9s %5" PRIu64 " %7s %6" PRIu64 " %9" PRIu64 " %8s %12s %10" PRIu64 " %8" PRIu64 "  %s\n",
        s.name.bytes ? s.name.at : "-", s.state.at, s.node, s.lease_ms ? show_time(s.lease_ms, arena) : "-",
        s.epoch, s.timeline, lanes, show_time(s.uptime_ms, arena), s.connections, s.receivers, s.version.at);
    return true;
}

struct show_row {
    struct text name, state, region, url, link;
    uint64_t node, weight, load, lease_ms;
    bool member;
};
struct show_rows {
    struct wire_objects nodes;
};

static const struct wire_field show_row_fields[] = { STRING(show_row, name),
                                                     STRING(show_row, state),
                                                     STRING(show_row, region),
                                                     STRING(show_row, url),
                                                     STRING(show_row, link),
                                                     NUMBER(show_row, node),
                                                     NUMBER(show_row, weight),
                                                     NUMBER(show_row, load),
                                                     NUMBER(show_row, lease_ms),
                                                     { "member", WIRE_BOOL, true, 0, 0,
                                                       offsetof(struct show_row, member), 0, NULL },
                                                     { 0 } };
static const struct wire_schema show_row_schema = { sizeof(struct show_row), show_row_fields };
static const struct wire_field show_rows_fields[] = { { "nodes", WIRE_OBJECTS, true, 0, SHOW_NODES_MAX,
                                                        offsetof(struct show_rows, nodes), 0,
                                                        &show_row_schema },
                                                      { 0 } };
static const struct wire_schema show_rows_schema = { sizeof(struct show_rows), show_rows_fields };

bool show_nodes(FILE *to, struct text answer, struct arena *arena)
{
    struct show_rows all;
    int name = 4;

    if (!show_read(&show_rows_schema, answer, arena, &all))
        return false;
    const struct show_row *row = all.nodes.at;
    for (uint32_t k = 0; k < all.nodes.count; k++)
        name = show_width(row[k].name, name);
    fprintf(to, "%-*s %5s %-9s %6s %6s %7s  %s\n", name, "NAME", "NODE", "STATE", "WEIGHT", "LOAD", "LEASE",
            "URL, LINK");
    for (uint32_t k = 0; k < all.nodes.count; k++, row++) {
        fprintf(to, "%-*s %5" PRIu64 " %-9s %6" PRIu64 " %4" PRIu64 " %% %7s  %s  %s\n", name, row->name.at,
                row->node, row->state.at, row->weight, row->load / 10,
                row->lease_ms ? show_time(row->lease_ms, arena) : "over", row->url.at, row->link.at);
    }
    return true;
}

bool show_is_member(struct text answer, struct arena *arena, struct text node, bool *is_there,
                    bool *is_member)
{
    struct show_rows all;

    *is_there = *is_member = false;
    if (!show_read(&show_rows_schema, answer, arena, &all))
        return false;
    const struct show_row *row = all.nodes.at;
    for (uint32_t k = 0; k < all.nodes.count; k++) {
        if (text_equal(row[k].name, node)) {
            *is_there = true;
            *is_member = row[k].member;
        }
    }
    return true;
}

struct show_member {
    struct text name;
    uint64_t node, weight, slots;
};
struct show_ring {
    uint64_t epoch, slots, slot;
    struct wire_objects members;
    struct text home;
};

static const struct wire_field show_member_fields[] = { STRING(show_member, name),
                                                        NUMBER(show_member, node),
                                                        NUMBER(show_member, weight),
                                                        NUMBER(show_member, slots),
                                                        { 0 } };
static const struct wire_schema show_member_schema = { sizeof(struct show_member), show_member_fields };
static const struct wire_field show_ring_fields[] = {
    NUMBER(show_ring, epoch),
    NUMBER(show_ring, slots),
    { "slot", WIRE_NUMBER, false, 0, RING_SLOTS_MANY, offsetof(struct show_ring, slot), 0, NULL },
    { "members", WIRE_OBJECTS, true, 0, SHOW_NODES_MAX, offsetof(struct show_ring, members), 0,
      &show_member_schema },
    { "home", WIRE_STRING, false, 0, 1024, offsetof(struct show_ring, home), 0, NULL },
    { 0 }
};
static const struct wire_schema show_ring_schema = { sizeof(struct show_ring), show_ring_fields };

bool show_ring(FILE *to, struct text answer, struct arena *arena, const char *key)
{
    struct show_ring r;
    uint64_t weights = 0;
    double worst = 0;
    int name = 4;

    if (!show_read(&show_ring_schema, answer, arena, &r))
        return false;
    if (key) {
        fprintf(to, "%s  (slot %" PRIu64 " of %" PRIu64 ", epoch %" PRIu64 ")\n",
                r.home.bytes ? r.home.at : "nobody", r.slot, r.slots, r.epoch);
        return true;
    }
    const struct show_member *m = r.members.at;
    for (uint32_t k = 0; k < r.members.count; k++) {
        name = show_width(m[k].name, name);
        weights += m[k].weight;
    }
    fprintf(to, "%-*s %5s %6s %7s %8s %8s\n", name, "NAME", "NODE", "WEIGHT", "SLOTS", "SHARE", "OF FAIR");
    for (uint32_t k = 0; k < r.members.count; k++, m++) {
        double fair = weights && m->weight ? (double)r.slots * (double)m->weight / (double)weights : 1;
        double part = (double)m->slots / fair;

        worst = part > worst ? part : worst;
        fprintf(to, "%-*s %5" PRIu64 " %6" PRIu64 " %7" PRIu64 " %6.1f %% %8.3f\n", name, m->name.at, m->node,
                m->weight, m->slots, 100.0 * (double)m->slots / (double)(r.slots ? r.slots : 1), part);
    }
    fprintf(to, "epoch %" PRIu64 ", %u members, %" PRIu64 " slots, the fullest has %.3f of its fair share\n",
            r.epoch, r.members.count, r.slots, worst);
    return true;
}

struct show_order {
    struct text node;
    uint64_t timeline;
};

static const struct wire_field show_order_fields[] = {
    { "node", WIRE_STRING, false, 1, 1024, offsetof(struct show_order, node), 0, NULL },
    { "timeline", WIRE_NUMBER, false, 1, (UINT64_C(1) << 53) - 1, offsetof(struct show_order, timeline), 0,
      NULL },
    { 0 }
};
static const struct wire_schema show_order_schema = { sizeof(struct show_order), show_order_fields };

bool show_node(struct text answer, struct arena *arena, struct text *node)
{
    struct show_order o;

    if (!show_read(&show_order_schema, answer, arena, &o) || !o.node.bytes)
        return false;
    *node = o.node;
    return true;
}

bool show_timeline(struct text answer, struct arena *arena, uint64_t *timeline)
{
    struct show_order o;

    if (!show_read(&show_order_schema, answer, arena, &o) || !o.timeline)
        return false;
    *timeline = o.timeline;
    return true;
}
