/* node/linksin.c - a stream of frames from another node
 *
 * A stranger until its HELLO; from then on one of its slot, and the only one: a newer stream of the same node ends the
 * one before. What was taken is counted in the slot, so the next stream goes on where this one ended. Frames are handed
 * on as they are read; as net/ reads a bounded amount a turn, and gives back the window only for what was taken, a peer
 * that floods waits.
 */
#include "node/linksin.h"
#include "base/log.h"
#include "limits.h"
#include "net/net.h"
#include "node/links_inside.h"

enum {
    ACKS_UNSENT_BYTES = 4096
}; /* a peer that does not read: the newest ACK waits, and says what the others would */

static void write_frame(struct linksin *in, const struct frame *f)
{
    exchange_write(in->x, frame_encode(f));
    in->said_ms = loop_now_ms(in->links->loop);
}

/* The exchange is not ours any more. */
static void leave(struct linksin *in)
{
    struct links *l = in->links;

    in->x = NULL;
    if (in->slot && in->slot->in == in)
        in->slot->in = NULL;
    if (!in->slot)
        l->strangers--;
    if (in->is_due)
        TAILQ_REMOVE(&l->due, in, due);
    in->is_due = false;
    TAILQ_REMOVE(&l->ins, in, link);
    TAILQ_INSERT_TAIL(&l->dead, in, link);
}

void linksin_end(struct linksin *in, const char *why)
{
    struct exchange *x = in->x;

    if (!x)
        return;
    log_line(LOG_INFO, "link.ended", "from=%d why=%s", in->slot ? (int)in->slot->node : -1, why);
    leave(in);
    exchange_abort(x);
}

void linksin_end_all(struct links *l, const char *why)
{
    while (!TAILQ_EMPTY(&l->ins))
        linksin_end(TAILQ_FIRST(&l->ins), why);
}

static void refuse(struct linksin *in, const struct frame *hello, const char *why)
{
    struct frame f = { .type = FRAME_REFUSED, .text = text_of(why) };
    struct exchange *x = in->x;
    char name[EXCHANGE_NAME_BYTES], quoted[2 * EXCHANGE_NAME_BYTES];

    exchange_certificate(x, name);
    log_line(LOG_WARN, "link.refused", "from=%u certificate=%s why=%s", hello->node,
             log_quoted(quoted, sizeof(quoted), name), why);
    write_frame(in, &f);
    leave(in);
    exchange_finish(x);
}

/* Not known here yet: whoever is refused so is asked about. */
static const char NEWER[] = "not_known_yet";

/* Over TLS a host speaks for its own nodes only. In the clear speaks who may open a socket of this host. */
static bool is_of_its_host(const struct exchange *x, const struct links_peer *peer)
{
    char name[EXCHANGE_NAME_BYTES];

    if (!exchange_certificate(x, name))
        return links_is_local(peer);
    return name[0] && strcmp(name, peer->host) == 0;
}

/* What is wrong with it, in a word of the log; NULL: it is welcome. */
static const char *wrong_with(const struct linksin *in, const struct links_slot *s, const struct frame *f)
{
    const struct links *l = in->links;

    if (f->node == l->self.node)
        return "own_node";
    if (f->to != l->self.incarnation)
        return "other_incarnation_here";
    if (f->incarnation == 0 || f->number == 0)
        return "hello";
    if (f->version < FRAME_VERSION_LEAST || f->version_least > FRAME_VERSION)
        return "version";
    if (!s || f->incarnation > s->peer.incarnation)
        return NEWER;
    if (!s->is_peer)
        return "not_a_peer";
    if (f->incarnation < s->peer.incarnation)
        return "old_incarnation";
    if (!is_of_its_host(in->x, &s->peer))
        return "other_host";
    return NULL;
}

static void welcome(struct linksin *in, struct links_slot *s, const struct frame *f)
{
    struct links *l = in->links;
    uint32_t version = f->version < FRAME_VERSION ? f->version : FRAME_VERSION;
    bool is_known = s->in_incarnation == f->incarnation;
    char name[EXCHANGE_NAME_BYTES], quoted[2 * EXCHANGE_NAME_BYTES];

    if (s->in)
        linksin_end(s->in, "replaced");
    if (!is_known) {
        s->in_incarnation = f->incarnation;
        s->in_wanted = f->number;
    } else if (s->in_wanted < f->number) { /* it has given up what lies between, and knows */
        s->in_wanted = f->number;
    }
    l->strangers--;
    s->in = in;
    in->slot = s;
    exchange_trusted(in->x);
    exchange_certificate(in->x, name);
    log_line(LOG_INFO, "link.heard", "from=%u incarnation=%llu certificate=%s", s->node,
             (unsigned long long)f->incarnation, log_quoted(quoted, sizeof(quoted), name));
    write_frame(in, &(struct frame){ .type = FRAME_WELCOME,
                                     .node = l->self.node,
                                     .incarnation = l->self.incarnation,
                                     .version = version,
                                     .number = is_known ? s->in_wanted : 0 });
}

static void greeted(struct linksin *in, const struct frame *f)
{
    struct links *l = in->links;
    const char *why = wrong_with(in, l->slot[f->node], f);

    if (!why) {
        welcome(in, l->slot[f->node], f);
        return;
    }
    refuse(in, f, why);
    if (why == NEWER && l->events->stranger)
        l->events->stranger(l->ctx, f->node);
}

static void due(struct linksin *in)
{
    if (in->is_due)
        return;
    in->is_due = true;
    TAILQ_INSERT_TAIL(&in->links->due, in, due);
}

/* A frame that can't be read is taken all the same: it would come again for ever. */
static void taken(struct linksin *in, const struct frame *f, size_t bytes, bool is_bad)
{
    struct links *l = in->links;
    bool is_known = f->type <= FRAME_EPOCH;

    in->slot->in_wanted++;
    l->stats.frames_in++;
    l->stats.bytes_in += bytes;
    due(in);
    if (is_bad)
        log_line(LOG_ERROR, "link.bad_frame", "from=%u type=%u bytes=%zu", in->slot->node, (unsigned)f->type,
                 bytes);
    else if (is_known)
        l->events->frame(l->ctx, in->slot->node, f);
}

static bool on_frame(void *ctx, struct text bytes)
{
    struct linksin *in = ctx;
    struct frame f;
    bool is_bad = frame_decode(bytes, &f) != ERR_OK;

    if (!in->slot && !is_bad && f.type == FRAME_HELLO)
        greeted(in, &f);
    else if (!in->slot || f.type == FRAME_HELLO)
        linksin_end(in, "no_hello");
    else if (f.type >= FRAME_NOTICE)
        taken(in, &f, bytes.bytes, is_bad);
    return in->x != NULL;
}

static void on_input(struct exchange *x, struct text bytes, void *ctx)
{
    struct linksin *in = ctx;
    bool is_garbage = false;

    (void)x;
    if (!bytes.at) {
        linksin_end(in, "end");
        return;
    }
    if (links_stood_still(in->links)) {
        linksin_end(in, "stood_still");
        return;
    }
    in->heard_ms = loop_now_ms(in->links->loop);
    if (!linksread_put(&in->read, bytes, on_frame, in, &is_garbage) && is_garbage)
        linksin_end(in, "garbage");
}

static void on_gone(struct exchange *x, void *ctx)
{
    (void)x;
    leave(ctx);
}

void linksin_request(struct links *l, struct exchange *x)
{
    const struct exchange_head *head = exchange_head(x);
    struct linksin *in;

    if (!text_equal(head->protocol, TEXT(NET_LINK_PROTOCOL)) || !text_equal(head->path, TEXT("/link"))) {
        exchange_respond(x, 404, NULL, 0, NULL);
        return;
    }
    if (l->strangers == LIMIT_LINK_STRANGERS) {
        exchange_respond(x, 503, NULL, 0, NULL);
        return;
    }
    in = calloc(1, sizeof(*in));
    CHECK(in);
    in->links = l;
    in->x = x;
    in->heard_ms = in->said_ms = loop_now_ms(l->loop);
    linksread_init(&in->read);
    TAILQ_INSERT_TAIL(&l->ins, in, link);
    l->strangers++;
    exchange_on_gone(x, on_gone, in);
    exchange_tunnel(x, NULL, 0, on_input, in);
    exchange_forget(x);
}

static void acknowledge(struct linksin *in)
{
    struct frame ack = { .type = FRAME_ACK, .number = in->slot->in_wanted };

    if (exchange_unsent(in->x) > ACKS_UNSENT_BYTES)
        return;
    TAILQ_REMOVE(&in->links->due, in, due);
    in->is_due = false;
    write_frame(in, &ack);
}

void linksin_flush(struct links *l)
{
    struct linksin *in, *next;

    for (in = TAILQ_FIRST(&l->due); in; in = next) {
        next = TAILQ_NEXT(in, due);
        acknowledge(in);
    }
    while ((in = TAILQ_FIRST(&l->dead))) {
        TAILQ_REMOVE(&l->dead, in, link);
        linksread_fini(&in->read);
        free(in);
    }
}

void linksin_tick(struct links *l, uint64_t now_ms, bool looks_away)
{
    struct linksin *in, *next;
    struct frame ping = { .type = FRAME_PING };

    for (in = TAILQ_FIRST(&l->ins); in; in = next) {
        next = TAILQ_NEXT(in, link);
        if (looks_away)
            in->heard_ms = now_ms;
        if (now_ms - in->heard_ms >= LIMIT_LINK_SILENT_MS)
            linksin_end(in, "silent");
        else if (in->slot && now_ms - in->said_ms + LINKS_TICK_MS > LIMIT_LINK_PING_MS &&
                 exchange_unsent(in->x) <= ACKS_UNSENT_BYTES)
            write_frame(in, &ping);
    }
}
