/* api/admin.c - is it alive, is it ready, and what it did so far (Prometheus text format 0.0.4) */
#include "api/admin.h"
#include "api/api.h"
#include "base/buf.h"
#include <inttypes.h>

enum { ADMIN_BYTES_MAX = 64 * 1024 };

static void admin_counter(struct buf *b, const char *name, const char *help, uint64_t value)
{
    buf_printf(b, "# HELP posthorn_%s %s\n# TYPE posthorn_%s counter\nposthorn_%s %" PRIu64 "\n", name, help,
               name, name, value);
}

static void admin_gauge(struct buf *b, const char *name, const char *help, uint64_t value)
{
    buf_printf(b, "# HELP posthorn_%s %s\n# TYPE posthorn_%s gauge\nposthorn_%s %" PRIu64 "\n", name, help,
               name, name, value);
}

static void admin_metrics(const struct api *api, struct buf *b)
{
    struct net_stats n;
    struct store_stats s;

    net_stats_read(api->net, &n);
    store_stats_read(api->chat->store, &s);
    admin_counter(b, "connections_accepted_total", "Connections accepted.", n.accepted);
    admin_counter(b, "connections_refused_total", "Connections refused by a bound.", n.refused);
    admin_counter(b, "connections_flooded_total", "Connections ended for flooding.", n.floods);
    admin_counter(b, "connections_timeouts_total", "Connections ended by a deadline.", n.timeouts);
    admin_counter(b, "requests_http1_total", "Requests by HTTP/1.1.", n.requests_h1);
    admin_counter(b, "requests_http2_total", "Requests by HTTP/2.", n.requests_h2);
    admin_counter(b, "requests_malformed_total", "Requests that were no HTTP.", n.bad_requests);
    admin_gauge(b, "connections", "Connections now.", n.connections);
    admin_gauge(b, "unsent_bytes", "Bytes that receivers have not taken yet.", n.unsent_bytes);
    admin_gauge(b, "exchanges", "Requests without an answer now.", n.exchanges);
    admin_counter(b, "calls_total", "Verbs carried out.", api->stats.calls);
    admin_counter(b, "calls_refused_total", "Verbs that ended with an error.", api->stats.refused);
    admin_counter(b, "messages_sent_total", "Messages acknowledged.", api->stats.sent);
    admin_counter(b, "polls_total", "Polls asked.", api->stats.polls);
    admin_counter(b, "event_streams_total", "Server-sent event streams begun.", api->stats.streams);
    admin_counter(b, "websockets_total", "WebSockets accepted.", api->stats.sockets);
    admin_counter(b, "push_anchors_total", "Anchors of pushed responses begun.", api->stats.anchors);
    admin_counter(b, "websocket_verbs_total", "Verbs that came in frames.", api->stats.frames);
    admin_counter(b, "events_delivered_total", "Events handed to connections, whatever the way.",
                  api->stats.events);
    admin_counter(b, "signals_delivered_total", "Signals handed to connections, whatever the way.",
                  api->stats.signals);
    admin_counter(b, "signals_dropped_total", "Signals that a receiver was too slow for.",
                  api->stats.signals_dropped + hub_signals_dropped(api->hub));
    admin_gauge(b, "receivers", "Waiting polls and open streams now.", hub_count(api->hub));
    admin_counter(b, "commits_total", "Transactions committed.", s.commits);
    admin_counter(b, "events_appended_total", "Events committed.", s.appended);
    admin_counter(b, "inbox_rows_total", "Inbox rows committed.", s.inbox_rows);
    admin_counter(b, "duplicates_total", "Repeated keys found.", s.duplicates);
    admin_counter(b, "rollbacks_total", "Transactions rolled back.", s.rollbacks);
    admin_counter(b, "unknown_outcomes_total", "Commits whose outcome was lost.", s.unknown_outcomes);
    admin_counter(b, "store_reconnects_total", "Connections to Postgres made again.", s.reconnects);
    admin_counter(b, "store_reads_total", "Reads.", s.reads);
    admin_gauge(b, "appends_queued", "Events that wait for a commit.", s.appends_queued);
    admin_gauge(b, "reads_queued", "Reads that wait for a lane.", s.reads_queued);
    admin_gauge(b, "store_lanes_up", "Connections to Postgres that stand.", s.lanes_up);
}

static void admin_node_metrics(const struct api *api, struct buf *b)
{
    struct node_stats n;

    node_stats_read(api->node, &n);
    admin_gauge(b, "nodes", "Nodes that this one knows of, itself included.", n.nodes);
    admin_gauge(b, "links_up", "Other nodes that hear this one.", n.links_up);
    admin_gauge(b, "registered_users", "Users whom this node is home to and who are here or elsewhere now.",
                n.registered);
    admin_gauge(b, "users_here", "Users who are at this node now.", n.users_here);
    admin_counter(b, "notices_out_total", "Places told to other nodes.", n.notices_out);
    admin_counter(b, "notices_in_total", "Places told by other nodes.", n.notices_in + n.delivered_in);
    admin_counter(b, "notices_handed_on_total", "Places that came for another home.", n.handed_on);
    admin_counter(b, "notices_healed_total", "Places found by asking, that nobody had told.", n.healed);
    admin_counter(b, "notices_inherited_total", "Places that a dead node had written, told again.",
                  n.inherited);
    admin_counter(b, "sends_forwarded_total", "Sends that their home committed.", n.forwarded);
    admin_counter(b, "sends_forwarded_lost_total", "Sends handed on in vain, and committed here.",
                  n.forward_lost);
    admin_counter(b, "link_frames_dropped_total", "Frames to other nodes beyond the bound.",
                  n.link_frames_dropped);
    admin_counter(b, "link_bytes_out_total", "Bytes to other nodes.", n.link_bytes_out);
}

static const char *admin_readiness(const struct api *api)
{
    if (api->is_draining)
        return "draining";
    if (!store_is_up(api->chat->store))
        return "no database";
    return node_is_ready(api->node) ? "ready" : "joining";
}

void admin_request(struct exchange *x, void *ctx)
{
    const struct api *api = ctx;
    const struct exchange_head *h = exchange_head(x);
    struct exchange_field type = { "content-type", TEXT("text/plain; charset=utf-8") };
    bool is_get = h->method == METHOD_GET || h->method == METHOD_HEAD;
    struct buf b;
    int status = 200;

    buf_init(&b, ADMIN_BYTES_MAX);
    if (is_get && text_equal(h->path, TEXT("/livez"))) {
        buf_printf(&b, "alive\n");
    } else if (is_get && text_equal(h->path, TEXT("/readyz"))) {
        const char *word = admin_readiness(api);
        status = strcmp(word, "ready") == 0 ? 200 : 503;
        buf_printf(&b, "%s\n", word);
    } else if (is_get && text_equal(h->path, TEXT("/metrics"))) {
        type.value = TEXT("text/plain; version=0.0.4; charset=utf-8");
        admin_metrics(api, &b);
        admin_node_metrics(api, &b);
    } else {
        status = is_get ? 404 : 405;
        buf_printf(&b, "/livez /readyz /metrics\n");
    }
    exchange_trusted(x);
    exchange_respond(x, status, &type, 1, blob_copy(buf_text(&b)));
    buf_fini(&b);
}
