/* node/relay.c - notices and signals on their way: to who is here, to homes, and from homes to edges
 *
 * What begins here is told to those who are here at once, and to the homes of the others; a home passes it on to the
 * edges where the user is registered, but not to the one where it began. What comes to a node that is not the home any
 * more is handed on to the one that is, LIMIT_HOPS times at most.
 */
#include "node/relay.h"
#include "base/log.h"
#include "chat/roster.h"
#include "chat/sessions.h"
#include "limits.h"
#include "node/scatter.h"

void relay_look_at_timeline(struct node *n)
{
    uint64_t timeline = store_timeline(n->parts.chat->store);

    if (!timeline || timeline == n->timeline)
        return;
    if (n->timeline) {
        hub_resync(n->parts.hub);
        if (n->registry)
            registry_void(n->registry);
    }
    n->timeline = timeline;
}

uint32_t relay_home(const struct node *n, uint64_t key)
{
    const struct ring *r = cluster_ring(n->cluster);
    const struct ring_member *m = r ? ring_home(r, key) : NULL;

    return m ? (uint32_t)m->id : n->self;
}

/* What did not fit into a link: those whom it would have told are doubted, there. */
static void relay_dropped(void *ctx, uint32_t node)
{
    struct node *n = ctx;

    n->doubts[node] |= NODE_DOUBT_HOME;
    n->has_doubts = true;
}

static void relay_dropped_delivery(void *ctx, uint32_t node)
{
    struct node *n = ctx;

    n->doubts[node] |= NODE_DOUBT_EDGE;
    n->has_doubts = true;
}

/* Those to whom one event or signal goes on from here. */
struct relay_round {
    struct node *n;
    struct scatter home, edge;
    uint32_t origin;
};

static void node_round_begin(struct relay_round *r, struct node *n, const struct frame *f,
                             enum frame_type to_home, enum frame_type to_edge)
{
    struct frame frame = *f;

    r->n = n;
    r->origin = f->node;
    frame.type = to_edge;
    scatter_init(&r->edge, n->links, &frame, to_edge == FRAME_DELIVER ? relay_dropped_delivery : NULL, n);
    frame.type = to_home;
    frame.hops = f->hops + 1;
    scatter_init(&r->home, n->links, &frame, to_home == FRAME_NOTICE ? relay_dropped : NULL, n);
}

/* Passes it on for one user: to the edges that are registered here, and to home if that is another node. */
static void node_round_add(struct relay_round *r, struct frame_place place)
{
    uint32_t edge[REGISTRY_EDGES_MAX], home = relay_home(r->n, place.user.n);
    uint32_t count = registry_edges(r->n->registry, place.user, edge);

    for (uint32_t k = 0; k < count; k++) {
        if (edge[k] != r->origin && edge[k] != r->n->self)
            scatter_add(&r->edge, edge[k], place);
    }
    if (home == r->n->self || r->home.frame.hops > LIMIT_HOPS)
        return;
    if (r->origin != r->n->self)
        r->n->stats.handed_on++;
    scatter_add(&r->home, home, place);
}

static void node_round_end(struct relay_round *r)
{
    scatter_send(&r->edge);
    scatter_send(&r->home);
}

void relay_tell(struct node *n, const struct notices *notices)
{
    struct relay_round r;

    if (!notices->members)
        return;
    if (!notices->encoded) {
        for (uint32_t k = 0; k < notices->members->count; k++)
            heads_spread(n->heads, notices->members->member[k].user);
        return;
    }
    for (uint32_t k = 0; k < notices->members->count; k++)
        hub_notice(n->parts.hub, notices->members->member[k].user, notices->i[k], notices->encoded);
    n->stats.notices_local += notices->members->count;
    if (n->peers == 0)
        return;
    struct frame f = { .node = n->self, .timeline = n->timeline, .encoded = blob_text(notices->encoded) };
    node_round_begin(&r, n, &f, FRAME_NOTICE, FRAME_DELIVER);
    for (uint32_t k = 0; k < notices->members->count; k++) {
        struct user_id user = notices->members->member[k].user;
        registry_notice(n->registry, user, notices->i[k]);
        node_round_add(&r, (struct frame_place){ user, notices->i[k] });
    }
    n->stats.notices_out += notices->members->count;
    node_round_end(&r);
}

void relay_signal(struct node *n, const struct members *to, struct device_id from, struct blob *encoded)
{
    struct relay_round r;

    for (uint32_t k = 0; k < to->count; k++)
        hub_signal(n->parts.hub, to->member[k].user, from, encoded);
    if (n->peers == 0)
        return;
    struct frame f = { .node = n->self, .device = from, .encoded = blob_text(encoded) };
    node_round_begin(&r, n, &f, FRAME_SIGNAL, FRAME_PASS);
    for (uint32_t k = 0; k < to->count; k++)
        node_round_add(&r, (struct frame_place){ to->member[k].user, { 0 } });
    n->stats.signals_out += to->count;
    node_round_end(&r);
}

static bool relay_say(struct node *n, uint32_t to, const struct frame *f)
{
    struct blob *encoded = frame_encode(f);
    bool is_queued = links_send(n->links, to, encoded);

    blob_free(&encoded);
    return is_queued;
}

static void relay_say_to_all(struct node *n, const struct frame *f)
{
    struct blob *encoded;

    if (n->peers == 0)
        return;
    encoded = frame_encode(f);
    for (uint32_t node = 0; node < REGISTRY_NODES; node++) {
        if (n->is_peer[node])
            (void)links_send(n->links, node, encoded);
    }
    blob_free(&encoded);
}

void relay_revoked(struct node *n, struct user_id user, struct device_id device)
{
    struct frame f = { .type = FRAME_REVOKE, .user = user, .device = device };

    hub_revoke(n->parts.hub, user, device);
    relay_say_to_all(n, &f);
}

void relay_changed(struct node *n, struct conversation_id conversation)
{
    struct frame f = { .type = FRAME_CHANGED, .conversation = conversation };

    relay_say_to_all(n, &f);
}

void relay_epoch(struct node *n, uint64_t epoch)
{
    struct frame f = { .type = FRAME_EPOCH, .epoch = epoch };

    relay_say_to_all(n, &f);
}

/* What the dead wrote: everybody whom it concerns looks. */
void relay_place(void *ctx, uint64_t user, uint64_t i)
{
    struct node *n = ctx;
    struct frame f = { .node = n->self, .timeline = n->timeline };
    struct relay_round r;

    n->stats.inherited++;
    hub_head(n->parts.hub, (struct user_id){ user }, (struct inbox_seq){ i });
    if (n->peers == 0)
        return;
    node_round_begin(&r, n, &f, FRAME_NOTICE, FRAME_DELIVER);
    registry_notice(n->registry, (struct user_id){ user }, (struct inbox_seq){ i });
    node_round_add(&r, (struct frame_place){ { user }, { i } });
    node_round_end(&r);
}

/* More than can be told: everybody checks everything. */
void relay_doubt_all(void *ctx)
{
    struct node *n = ctx;
    struct frame f = { .type = FRAME_DOUBT, .hops = 2 };

    here_doubt_all(n->here);
    relay_say_to_all(n, &f);
}

static void relay_take(struct node *n, struct frame_place place, struct blob *encoded)
{
    if (encoded)
        hub_notice(n->parts.hub, place.user, place.i, encoded);
    else
        hub_head(n->parts.hub, place.user, place.i);
}

static bool relay_is_of_this_timeline(struct node *n, const struct frame *f)
{
    relay_look_at_timeline(n);
    if (f->timeline == n->timeline)
        return true;
    cluster_hurry(n->cluster);
    return false;
}

static void relay_noticed(struct node *n, const struct frame *f)
{
    struct blob *encoded = f->encoded.bytes ? blob_copy(f->encoded) : NULL;
    struct relay_round r;

    node_round_begin(&r, n, f, FRAME_NOTICE, FRAME_DELIVER);
    for (uint32_t k = 0; k < f->places; k++) {
        struct frame_place place = frame_place_at(f, k);

        registry_notice(n->registry, place.user, place.i);
        relay_take(n, place, encoded);
        node_round_add(&r, place);
    }
    n->stats.notices_in += f->places;
    node_round_end(&r);
    blob_free(&encoded);
}

/* Who is not here any more, though home believes it, is taken off there. */
static void relay_delivered(struct node *n, uint32_t from, const struct frame *f)
{
    struct blob *encoded = f->encoded.bytes ? blob_copy(f->encoded) : NULL;
    struct frame leave = { .type = FRAME_LEAVE };
    struct scatter gone;

    scatter_init(&gone, n->links, &leave, NULL, NULL);
    for (uint32_t k = 0; k < f->places; k++) {
        struct frame_place place = frame_place_at(f, k);

        relay_take(n, place, encoded);
        if (!hub_has(n->parts.hub, place.user))
            scatter_add(&gone, from, (struct frame_place){ .user = place.user });
    }
    n->stats.delivered_in += f->places;
    scatter_send(&gone);
    blob_free(&encoded);
}

static void relay_signalled(struct node *n, const struct frame *f)
{
    struct blob *encoded = blob_copy(f->encoded);
    struct relay_round r;

    node_round_begin(&r, n, f, FRAME_SIGNAL, FRAME_PASS);
    for (uint32_t k = 0; k < f->places; k++) {
        struct frame_place place = frame_place_at(f, k);

        hub_signal(n->parts.hub, place.user, f->device, encoded);
        if (f->type == FRAME_SIGNAL)
            node_round_add(&r, place);
    }
    n->stats.signals_in += f->places;
    node_round_end(&r);
    blob_free(&encoded);
}

static void relay_registers(struct node *n, uint32_t from, const struct frame *f)
{
    struct frame_place answer[FRAME_PLACES_MAX];
    struct frame registered = { .type = FRAME_REGISTERED, .timeline = n->timeline, .place = answer };

    for (uint32_t k = 0; k < f->places; k++) {
        struct frame_place place = frame_place_at(f, k);
        struct inbox_seq head;

        if (registry_add(n->registry, place.user, from, &head))
            answer[registered.places++] = (struct frame_place){ place.user, head };
    }
    (void)relay_say(n, from, &registered);
}

/* Whoever is checked is there, whatever we knew. */
static void relay_checked(struct node *n, uint32_t from, const struct frame *f)
{
    struct frame_place above[FRAME_PLACES_MAX];
    struct frame heads = { .type = FRAME_HEADS, .timeline = n->timeline, .place = above };

    for (uint32_t k = 0; k < f->places; k++) {
        struct frame_place place = frame_place_at(f, k);
        struct inbox_seq head;

        if (registry_add(n->registry, place.user, from, &head) && head.n > place.i.n)
            above[heads.places++] = (struct frame_place){ place.user, head };
    }
    if (heads.places > 0)
        (void)relay_say(n, from, &heads);
}

static void relay_doubted(struct node *n, uint32_t from, const struct frame *f)
{
    struct frame on = { .type = FRAME_DOUBT, .hops = 1 };

    if (f->hops == 1) {
        here_doubt_home(n->here, from);
        return;
    }
    here_doubt_all(n->here);
    if (f->hops == 0)
        relay_say_to_all(n, &on);
}

void relay_frame(void *ctx, uint32_t from, const struct frame *f)
{
    struct node *n = ctx;
    bool has_places = f->type == FRAME_NOTICE || f->type == FRAME_DELIVER || f->type == FRAME_REGISTERED ||
                      f->type == FRAME_CHECK || f->type == FRAME_HEADS;

    if (has_places && !relay_is_of_this_timeline(n, f)) /* it is found by reading */
        return;
    switch ((int)f->type) {
    case FRAME_NOTICE:
        relay_noticed(n, f);
        break;
    case FRAME_DELIVER:
        relay_delivered(n, from, f);
        break;
    case FRAME_REGISTER:
        relay_registers(n, from, f);
        break;
    case FRAME_REGISTERED:
        here_registered(n->here, from, f);
        break;
    case FRAME_LEAVE:
        for (uint32_t k = 0; k < f->places; k++)
            registry_remove(n->registry, frame_place_at(f, k).user, from);
        break;
    case FRAME_CHECK:
        relay_checked(n, from, f);
        break;
    case FRAME_HEADS:
        here_heads(n->here, f);
        break;
    case FRAME_DOUBT:
        relay_doubted(n, from, f);
        break;
    case FRAME_SIGNAL:
    case FRAME_PASS:
        relay_signalled(n, f);
        break;
    case FRAME_REVOKE:
        sessions_forget(n->parts.chat->sessions, f->device);
        hub_revoke(n->parts.hub, f->user, f->device);
        break;
    case FRAME_CHANGED:
        roster_forget(n->parts.chat->roster, f->conversation);
        break;
    case FRAME_SEND:
        forwarder_asked(n->forwarder, from, f);
        break;
    case FRAME_SENT:
        forwarder_answered(n->forwarder, from, f);
        break;
    case FRAME_EPOCH:
        cluster_heard(n->cluster, f->epoch);
        break;
    default:
        break; /* of a newer version */
    }
}

/* Somebody did not get what was meant for them: said as soon as there is room. */
void relay_tell_doubts(struct node *n)
{
    if (!n->has_doubts)
        return;
    n->has_doubts = false;
    for (uint32_t node = 0; node < REGISTRY_NODES; node++) {
        for (uint32_t hops = 0; hops < 2 && n->doubts[node]; hops++) {
            struct frame f = { .type = FRAME_DOUBT, .hops = hops };
            uint8_t bit = hops == 0 ? NODE_DOUBT_HOME : NODE_DOUBT_EDGE;

            if (!n->is_peer[node] || ((n->doubts[node] & bit) && relay_say(n, node, &f)))
                n->doubts[node] &= (uint8_t)~bit;
        }
        n->has_doubts = n->has_doubts || n->doubts[node];
    }
}
