/* api/discover.c - GET /v1/discover: the nodes to connect to, best first */
#include "api/handlers.h"
#include "chat/sessions.h"
#include <stdlib.h>

enum { DISCOVER_MAX = 16, DISCOVER_HOME_BONUS = 100 };

struct discover_node {
    struct text url, region;
    uint32_t load, rank; /* rank: less is better */
};

/* Region before load; of two that are about as busy, the caller's home: most of what comes crosses no link then. */
static int discover_compare(const void *a, const void *b)
{
    const struct discover_node *x = a, *y = b;

    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static uint32_t discover_rank(const struct node_row *row, struct text region, bool is_home)
{
    bool is_near = region.bytes == 0 || text_equal(row->region, region);
    uint32_t load = row->load;

    if (is_home)
        load -= load < DISCOVER_HOME_BONUS ? load : DISCOVER_HOME_BONUS;
    return (is_near ? 0 : 10000) + load * 2 + !is_home;
}

/* Those that can be told: with a URL, and neither leaving nor without a lease. */
static uint32_t discover_gather(const struct cluster *c, struct text region, struct user_id who,
                                uint32_t room, struct discover_node *into)
{
    const struct node_list *list = cluster_list(c);
    const struct ring *ring = cluster_ring(c);
    const struct ring_member *home = ring && who.n ? ring_home(ring, who.n) : NULL;
    uint32_t count = 0;

    for (uint32_t k = 0; list && k < list->count && count < room; k++) {
        const struct node_row *row = &list->at[k];
        bool is_home = home && home->id == row->id;

        if (row->url.bytes == 0 || row->state == NODE_DRAINING || row->state == NODE_DEAD ||
            row->lease_ms < 0)
            continue;
        into[count++] =
            (struct discover_node){ row->url, row->region, row->load, discover_rank(row, region, is_home) };
    }
    qsort(into, count, sizeof *into, discover_compare);
    return count < DISCOVER_MAX ? count : DISCOVER_MAX;
}

static void discover_write(struct json *j, const struct discover_node *n)
{
    json_object(j, NULL);
    json_string(j, "url", n->url);
    json_string(j, "region", n->region);
    json_number(j, "load", n->load);
    json_close(j);
}

/* Whose token it says it is, unchecked: only the order of the answer hangs on it. */
static struct user_id discover_who(const struct call *c)
{
    uint8_t hash[SECRET_HASH_BYTES];
    struct session session = { 0 };

    if (c->token.bytes == 0 || sessions_token_read(c->token, &session, hash))
        return (struct user_id){ 0 };
    return session.user;
}

void discover_get(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct call_param params[] = { { .name = "region" }, { 0 } };
    const struct cluster *cluster = node_cluster(c->api->node);
    struct discover_node here = { .url = text_of(c->api->url),
                                  .region = text_of(c->api->chat->config->server_region) };
    struct discover_node *node = &here;
    uint32_t count = 0;

    CHECK(!err);
    if (!call_query(c, params))
        return;
    if (cluster) {
        uint32_t room = cluster_list(cluster) ? cluster_list(cluster)->count + 1 : 1;
        node = arena_alloc(&c->arena, room * sizeof *node);
        count = discover_gather(cluster, params[0].text, discover_who(c), room, node);
    }
    json_array(&c->json, "nodes");
    if (count == 0)
        discover_write(&c->json, &here);
    for (uint32_t k = 0; k < count; k++)
        discover_write(&c->json, &node[k]);
    json_close(&c->json);
    call_end(c, 200, ERR_OK);
}
