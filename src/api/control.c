/* api/control.c - what an operator asks and orders, over a Unix socket
 *
 *   1 begin   what is at hand is answered at once; a question about all nodes, or an order, goes to Postgres
 *   2 end     what came of it is answered
 */
#include "api/control.h"
#include "api/admin.h"
#include "api/api.h"
#include "api/query.h"
#include "model/json.h"
#include "model/wire.h"
#include <stdlib.h>

enum { CONTROL_BYTES_MAX = 1024 * 1024 };

struct control {
    struct op op; /* first */
    const struct api *api;
    struct exchange *x;
    const struct control_route *route;
    struct arena arena;
    struct buf out;
    struct json json;
    int status;
    struct node_list list;
    struct node_order order;
    uint64_t timeline;
};

struct control_body {
    struct text node;
    uint64_t weight;
    bool has_weight, undo, yes;
};

static const struct wire_field control_fields[] = {
    { "node", WIRE_STRING, false, 1, 640, offsetof(struct control_body, node), 0, NULL },
    { "weight", WIRE_NUMBER, false, 0, RING_WEIGHT_MAX, offsetof(struct control_body, weight),
      offsetof(struct control_body, has_weight), NULL },
    { "undo", WIRE_BOOL, false, 0, 0, offsetof(struct control_body, undo), 0, NULL },
    { "yes", WIRE_BOOL, false, 0, 0, offsetof(struct control_body, yes), 0, NULL },
    { 0 }
};
static const struct wire_schema control_schema = { sizeof(struct control_body), control_fields };

typedef void control_fn(struct control *c, const struct control_body *body);

struct control_route {
    enum method method;
    struct text path;
    control_fn *begin, *end; /* end: Postgres has answered, well */
};

static void control_free(struct op *op)
{
    struct control *c = (struct control *)op;

    arena_fini(&c->arena);
    buf_fini(&c->out);
    free(c);
}

static const struct op_kind control_kind = { .name = "control", .free = control_free };

/* The last thing but the answer: a sentence for the operator instead of everything else. */
static void control_refuse(struct control *c, int status, const char *sentence)
{
    buf_fini(&c->out);
    buf_init(&c->out, CONTROL_BYTES_MAX);
    json_init(&c->json, &c->out);
    c->status = status;
    json_object(&c->json, NULL);
    json_string(&c->json, "error", text_of(sentence));
    json_close(&c->json);
    op_finish(&c->op, ERR_OK);
}

static op_step control_ended;

static void control_ended(struct op *op, enum err err)
{
    struct control *c = (struct control *)op;

    if (err == ERR_NOT_FOUND)
        control_refuse(c, 404, "no living node has that name: posthornctl nodes shows the names");
    else if (err)
        control_refuse(c, 503, "Postgres did not answer: nothing is certain, look and try again");
    else
        c->route->end(c, NULL);
}

static void control_finish(struct control *c)
{
    json_close(&c->json);
    op_finish(&c->op, ERR_OK);
}

static struct text control_name(const struct control *c, uint32_t id)
{
    const struct cluster *cluster = node_cluster(c->api->node);
    const struct node_list *list = cluster ? cluster_list(cluster) : NULL;

    for (uint32_t k = 0; list && k < list->count; k++) {
        if (list->at[k].id == id)
            return list->at[k].name;
    }
    return (struct text){ 0 };
}

static const char *control_state(const struct control *c, const struct cluster_view *v)
{
    if (!node_cluster(c->api->node))
        return "alone";
    if (v->is_fenced)
        return "fenced";
    if (c->api->is_draining || v->is_draining)
        return "draining";
    return v->has_joined && v->is_member ? "member" : "joining";
}

static void control_status(struct control *c, const struct control_body *body)
{
    const struct cluster *cluster = node_cluster(c->api->node);
    struct cluster_view v = { .timeline = store_timeline(c->api->chat->store) };
    struct store_stats store;
    struct net_stats net;
    struct json *j = &c->json;

    (void)body;
    store_stats_read(c->api->chat->store, &store);
    net_stats_read(c->api->net, &net);
    if (cluster)
        cluster_view_read(cluster, &v);
    json_object(j, NULL);
    json_string(j, "name", cluster ? control_name(c, v.id) : (struct text){ 0 });
    json_string(j, "version", TEXT(POSTHORN_VERSION));
    json_string(j, "state", text_of(control_state(c, &v)));
    json_number(j, "node", cluster ? v.id : (uint64_t)c->api->chat->config->node_id);
    json_number(j, "incarnation", v.incarnation);
    json_number(j, "lease_ms", v.lease_ms);
    json_number(j, "epoch", cluster ? cluster_epoch(cluster) : 0);
    json_number(j, "timeline", v.timeline);
    json_number(j, "uptime_ms", loop_now_ms(c->api->chat->loop) - c->api->started_ms);
    json_number(j, "connections", net.connections);
    json_number(j, "receivers", hub_count(c->api->hub));
    json_number(j, "lanes_up", store.lanes_up);
    json_number(j, "lanes", store.lanes);
    control_finish(c);
}

static void control_nodes(struct control *c, const struct control_body *body)
{
    (void)body;
    c->list.arena = &c->arena;
    store_ring_nodes(c->api->chat->store, &c->list, op_then(&c->op, control_ended));
}

static const char *control_row_state(const struct node_row *n)
{
    if (n->state == NODE_DEAD)
        return "dead";
    if (n->lease_ms <= 0)
        return "silent";
    if (n->state == NODE_DRAINING)
        return "draining";
    return n->is_member ? "member" : "joining";
}

static void control_nodes_read(struct control *c, const struct control_body *body)
{
    struct json *j = &c->json;

    (void)body;
    json_object(j, NULL);
    json_array(j, "nodes");
    for (uint32_t k = 0; k < c->list.count; k++) {
        const struct node_row *n = &c->list.at[k];

        json_object(j, NULL);
        json_string(j, "name", n->name);
        json_number(j, "node", n->id);
        json_string(j, "state", text_of(control_row_state(n)));
        json_bool(j, "member", n->is_member);
        json_number(j, "weight", n->weight);
        json_number(j, "load", n->load);
        json_number(j, "lease_ms", n->lease_ms > 0 ? (uint64_t)n->lease_ms : 0);
        json_string(j, "region", n->region);
        json_string(j, "url", n->url);
        json_string(j, "link", n->link.bytes ? n->link : n->link_local);
        json_close(j);
    }
    json_close(j);
    control_finish(c);
}

/* key: an id of a user or conversation; 0: nobody asked. False: it is none. */
static bool control_key(struct control *c, uint64_t *key)
{
    struct call_param params[] = { { .name = "key" }, { 0 } };
    const char *odd;

    *key = 0;
    if (query_read(exchange_head(c->x)->query, &c->arena, params, &odd))
        return false;
    struct text t = params[0].text;
    for (size_t k = 0; k < t.bytes; k++) {
        if (t.at[k] < '0' || t.at[k] > '9' || *key > (UINT64_MAX - 9) / 10)
            return false;
        *key = *key * 10 + (uint64_t)(t.at[k] - '0');
    }
    return !t.at || *key > 0;
}

static void control_ring(struct control *c, const struct control_body *body)
{
    const struct cluster *cluster = node_cluster(c->api->node);
    const struct ring *ring = cluster ? cluster_ring(cluster) : NULL;
    struct json *j = &c->json;
    uint64_t key;

    (void)body;
    if (!control_key(c, &key)) {
        control_refuse(c, 400, "that is no id of a user or conversation: digits, as the API shows them");
        return;
    }
    if (!ring) {
        control_refuse(c, 409, "there is no ring here: node.name is empty, or this node has not joined yet");
        return;
    }
    uint64_t *slots = arena_alloc(&c->arena, (ring->count + 1) * sizeof *slots);
    for (uint32_t k = 0; k < ring->slots; k++)
        slots[ring->owner[k] < ring->count ? ring->owner[k] : ring->count]++;
    json_object(j, NULL);
    json_number(j, "epoch", cluster_epoch(cluster));
    json_number(j, "slots", ring->slots);
    json_array(j, "members");
    for (uint32_t k = 0; k < ring->count; k++) {
        json_object(j, NULL);
        json_string(j, "name", control_name(c, (uint32_t)ring->member[k].id));
        json_number(j, "node", ring->member[k].id);
        json_number(j, "weight", ring->member[k].weight);
        json_number(j, "slots", slots[k]);
        json_close(j);
    }
    json_close(j);
    if (key) {
        const struct ring_member *home = ring_home(ring, key);

        json_string(j, "home", home ? control_name(c, (uint32_t)home->id) : (struct text){ 0 });
        json_number(j, "slot", ring_slot(ring, key));
    }
    control_finish(c);
}

/* Who is meant; at NULL: refused. */
static struct text control_whom(struct control *c, const struct control_body *body)
{
    const struct cluster *cluster = node_cluster(c->api->node);
    struct cluster_view v;

    if (!cluster) {
        control_refuse(c, 409, "this node is alone (node.name is empty): there is nobody to take over");
        return (struct text){ 0 };
    }
    cluster_view_read(cluster, &v);
    struct text name = body->node.bytes ? body->node : control_name(c, v.id);
    if (!name.bytes) {
        control_refuse(c, 409, "this node has not joined yet: try again");
        return (struct text){ 0 };
    }
    return arena_copy(&c->arena, name);
}

static void control_order(struct control *c)
{
    store_node_order(c->api->chat->store, &c->order, op_then(&c->op, control_ended));
}

static void control_ordered(struct control *c, const struct control_body *body)
{
    (void)body;
    json_object(&c->json, NULL);
    json_string(&c->json, "node", c->order.name);
    control_finish(c);
}

static void control_drain(struct control *c, const struct control_body *body)
{
    c->order.name = control_whom(c, body);
    c->order.state = body->undo ? NODE_JOINING : NODE_DRAINING;
    if (c->order.name.at)
        control_order(c);
}

static void control_weight(struct control *c, const struct control_body *body)
{
    if (!body->has_weight) {
        control_refuse(c, 400, "a weight is needed: 0 to 1000, 100 is a plain node");
        return;
    }
    c->order.name = control_whom(c, body);
    c->order.is_weight = true;
    c->order.weight = (uint32_t)body->weight;
    if (c->order.name.at)
        control_order(c);
}

static void control_timeline(struct control *c, const struct control_body *body)
{
    if (!body->yes)
        control_refuse(c, 400, "it makes the cursor of every client void: only with \"yes\"");
    else
        store_node_timeline(c->api->chat->store, &c->timeline, op_then(&c->op, control_ended));
}

static void control_timeline_raised(struct control *c, const struct control_body *body)
{
    (void)body;
    json_object(&c->json, NULL);
    json_number(&c->json, "timeline", c->timeline);
    control_finish(c);
}

static const struct control_route control_routes[] = {
    { METHOD_GET, TEXT_INIT("/status"), control_status, NULL },
    { METHOD_GET, TEXT_INIT("/nodes"), control_nodes, control_nodes_read },
    { METHOD_GET, TEXT_INIT("/ring"), control_ring, NULL },
    { METHOD_POST, TEXT_INIT("/drain"), control_drain, control_ordered },
    { METHOD_POST, TEXT_INIT("/weight"), control_weight, control_ordered },
    { METHOD_POST, TEXT_INIT("/timeline"), control_timeline, control_timeline_raised },
};

static void control_begin(struct op *op, enum err err)
{
    struct control *c = (struct control *)op;
    struct control_body body = { 0 };
    struct wire_error why;

    CHECK(!err);
    json_init(&c->json, &c->out);
    if (!c->op.asker) { /* the net went down meanwhile */
        op_finish(op, ERR_CANCELLED);
        return;
    }
    if (c->route->method == METHOD_POST &&
        wire_read(&control_schema, exchange_body(c->x), &c->arena, &body, &why)) {
        control_refuse(c, 400,
                       why.field[0] ? arena_printf(&c->arena, "%s is not as it should be", why.field)
                                    : "the body is not as it should be");
        return;
    }
    c->route->begin(c, &body);
}

static void control_done(struct op *op, enum err err, void *asker)
{
    struct control *c = (struct control *)op;

    (void)err;
    if (!asker)
        return;
    exchange_on_gone(c->x, NULL, NULL);
    exchange_respond(c->x, c->status, NULL, 0, blob_copy(buf_text(&c->out)));
}

static void control_gone(struct exchange *x, void *ctx)
{
    (void)x;
    op_asker_gone(ctx);
}

void control_request(struct exchange *x, void *ctx)
{
    const struct api *api = ctx;
    const struct exchange_head *h = exchange_head(x);

    for (unsigned k = 0; k < sizeof control_routes / sizeof *control_routes; k++) {
        const struct control_route *route = &control_routes[k];
        if (!text_equal(h->path, route->path) || h->method != route->method)
            continue;
        struct control *c = calloc(1, sizeof *c);
        CHECK(c);
        c->api = api;
        c->x = x;
        c->route = route;
        c->status = 200;
        buf_init(&c->out, CONTROL_BYTES_MAX);
        exchange_trusted(x);
        exchange_on_gone(x, control_gone, c);
        op_start(api->chat->ops, &c->op, &control_kind, control_begin, control_done, x);
        return;
    }
    admin_request(x, ctx);
}
