/* net/promise.c - PUSH_PROMISE: made, acknowledged, and only then answered
 *
 * Clients are known that crash when the bytes of a promised answer come in one read with the promise. So a ping
 * follows each promise, and the answer waits for its acknowledgement: whoever acknowledges has read the promise.
 * Pings overtake other frames inside nghttp2, so this one is only submitted when the promise is out.
 */
#include "net/promise.h"
#include "net/h2peer.h"

/* Of the ping: the promised stream's id and a word of our own. */
static const char word[] = "push";

bool promise_can(const struct conn *c)
{
    return c->is_http2 && !c->h2->is_quitting && !c->is_draining &&
           nghttp2_session_get_remote_settings(c->h2->session, NGHTTP2_SETTINGS_ENABLE_PUSH) == 1;
}

bool promise_has_room(const struct conn *c)
{
    const struct exchange *x;
    uint32_t count = 0;

    TAILQ_FOREACH(x, &c->exchanges, link)
    count += x->is_promised && !x->is_aborted; /* what is taken back goes with this flush */
    return count < LIMIT_PROMISES && count < nghttp2_session_get_remote_settings(
                                                 c->h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

static nghttp2_nv field(const char *name, struct text value)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value.at, strlen(name),
                         value.bytes, NGHTTP2_NV_FLAG_NO_INDEX }; /* no two paths are the same */
}

bool promise_say(struct exchange *x)
{
    const struct exchange_head *head = &x->request->head;
    struct text path = head->path;
    nghttp2_nv nv[4];
    int32_t id;

    if (head->query.at)
        path.bytes += 1 + head->query.bytes; /* they stand behind each other as they came */
    nv[0] = field(":method", TEXT("GET"));
    nv[1] = field(":scheme", head->is_tls ? TEXT("https") : TEXT("http"));
    nv[2] = field(":authority", head->authority);
    nv[3] = field(":path", path);
    id =
        x->anchor ? nghttp2_submit_push_promise(x->conn->h2->session, 0, x->anchor->stream_id, nv, 4, x) : -1;
    if (id < 0)
        return false;
    x->stream_id = id;
    net_request_free(&x->request); /* nghttp2 has a copy */
    return true;
}

static struct exchange *find(struct conn *c, int32_t stream_id)
{
    struct exchange *x;

    TAILQ_FOREACH(x, &c->exchanges, link)
    if (x->is_promised && x->stream_id == stream_id)
        return x;
    return NULL;
}

void promise_said(struct conn *c, int32_t stream_id)
{
    struct exchange *x = find(c, stream_id);
    uint8_t opaque[8] = { (uint8_t)(stream_id >> 24), (uint8_t)(stream_id >> 16), (uint8_t)(stream_id >> 8),
                          (uint8_t)stream_id };

    if (!x)
        return;
    memcpy(opaque + 4, word, 4);
    CHECK(nghttp2_submit_ping(c->h2->session, 0, opaque) == 0);
    x->is_pinged = true;
    x->since_ms = conn_now(c);
    conn_due_in(c, c->set->deadlines.push_ack);
}

void promise_failed(struct conn *c, int32_t stream_id)
{
    struct exchange *x = find(c, stream_id);

    if (x)
        exchange_end(x);
}

void promise_acknowledged(struct conn *c, const uint8_t opaque[static 8])
{
    int32_t stream_id = (int32_t)((uint32_t)(opaque[0] & 0x7f) << 24 | (uint32_t)opaque[1] << 16 |
                                  (uint32_t)opaque[2] << 8 | opaque[3]);
    struct exchange *x = memcmp(opaque + 4, word, 4) == 0 ? find(c, stream_id) : NULL;

    if (!x || !x->is_pinged || x->is_acked)
        return;
    x->is_acked = true;
    x->since_ms = conn_now(c);
    if (x->state == EXCHANGE_ANSWERED)
        exchange_ready(x);
}
