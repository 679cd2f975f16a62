/* node/linksout.c - what we say to one node: the frames that it has not acknowledged, and the stream that carries them
 *
 * DOWN until the retry timer fires or the peer appears, then DIALLING, GREETED when the stream is open, UP with the
 * peer's WELCOME, which says from which number on it wants to hear. Frames are kept from links_send() to their ACK, in
 * a ring; the first `said` of them are on their way on this stream. When it breaks none are, and the next WELCOME
 * decides what is said again. Every way down leads through linksout_break() or linksout_lose().
 */
#include "node/linksout.h"
#include "base/log.h"
#include "base/secret.h"
#include "limits.h"
#include "net/tls.h"
#include "node/links_inside.h"

enum {
    RETRY_LEAST_MS = 50,
    RETRY_FIRST_MS = 100,
    RETRY_MOST_MS = 1000,
    TLS_KEPT_MS = 60 * 1000,
    KEPT_ROOM_FIRST = 64,
    /* What a small frame takes in memory beside its bytes: blob, place in the ring, piece of the stream. */
    KEPT_EACH_BYTES = 64,
};

static struct blob **kept_place(struct linksout *o, uint32_t k)
{
    return &o->kept[(o->kept_at + k) & (o->kept_room - 1)];
}

static void forget_first(struct linksout *o)
{
    struct blob **first = kept_place(o, 0);

    o->kept_bytes -= (*first)->bytes + KEPT_EACH_BYTES;
    blob_free(first);
    o->kept_at = (o->kept_at + 1) & (o->kept_room - 1);
    o->kept_count--;
    o->number++;
}

static void make_room(struct linksout *o)
{
    uint32_t room = o->kept_room ? 2 * o->kept_room : KEPT_ROOM_FIRST;
    struct blob **kept;

    if (o->kept_count < o->kept_room)
        return;
    kept = calloc(room, sizeof(*kept));
    CHECK(kept);
    for (uint32_t k = 0; k < o->kept_count; k++)
        kept[k] = *kept_place(o, k);
    free(o->kept);
    o->kept = kept;
    o->kept_room = room;
    o->kept_at = 0;
}

static void touch(struct links_slot *s)
{
    if (s->out.is_dirty)
        return;
    s->out.is_dirty = true;
    TAILQ_INSERT_TAIL(&s->links->dirty, s, dirty);
}

bool linksout_keep(struct links_slot *s, struct blob *frame)
{
    struct linksout *o = &s->out;

    if (o->kept_bytes + frame->bytes + KEPT_EACH_BYTES > LIMIT_LINK_UNACKNOWLEDGED_BYTES)
        return false;
    make_room(o);
    o->kept_count++;
    *kept_place(o, o->kept_count - 1) = blob_ref(frame);
    o->kept_bytes += frame->bytes + KEPT_EACH_BYTES;
    touch(s);
    return true;
}

static uint64_t now_of(const struct links_slot *s)
{
    return loop_now_ms(s->links->loop);
}

static void say_frame(struct links_slot *s, const struct frame *f)
{
    struct blob *b = frame_encode(f);

    dial_write(s->out.dial, b);
    dial_flush(s->out.dial);
    blob_free(&b);
    s->out.said_ms = now_of(s);
}

void linksout_flush(struct links_slot *s)
{
    struct linksout *o = &s->out;
    struct links_stats *stats = &s->links->stats;

    if (o->state != LINKSOUT_UP || o->said == o->kept_count)
        return;
    for (; o->said < o->kept_count; o->said++) {
        struct blob *b = *kept_place(o, o->said);
        uint64_t number = o->number + o->said;

        dial_write(o->dial, b);
        stats->frames_out++;
        stats->bytes_out += b->bytes;
        stats->repeated += number <= o->number_said;
        if (number > o->number_said)
            o->number_said = number;
    }
    o->said_ms = now_of(s);
    dial_flush(o->dial);
}

/* Between two tries 50 ms to 1 s, with full jitter, so that a crowd does not come back at once. */
static void retry_later(struct linksout *o)
{
    uint64_t most = o->tries < 5 ? (uint64_t)RETRY_FIRST_MS << o->tries : RETRY_MOST_MS;

    most = most < RETRY_MOST_MS ? most : RETRY_MOST_MS;
    o->tries++;
    loop_timer_set(&o->retry, RETRY_LEAST_MS + secret_random_u64() % (most - RETRY_LEAST_MS + 1));
}

/* The owner of what perishes takes it for lost when the stream breaks. Had the peer taken it already, its number says so;
 * else it never will. */
static void let_perish(struct linksout *o)
{
    static const struct frame nothing = { .type = FRAME_EPOCH };

    for (uint32_t k = 0; k < o->kept_count; k++) {
        struct blob **at = kept_place(o, k);
        if (!frame_is_perishable(*at))
            continue;
        o->kept_bytes -= (*at)->bytes;
        blob_free(at);
        *at = frame_encode(&nothing);
        o->kept_bytes += (*at)->bytes;
    }
}

/* Without the stream; returns whether it was up. */
static bool hang_up(struct links_slot *s)
{
    struct linksout *o = &s->out;
    bool was_up = o->state == LINKSOUT_UP;

    dial_free(&o->dial);
    loop_timer_clear(&o->retry);
    linksread_fini(&o->read);
    linksread_init(&o->read);
    let_perish(o);
    o->state = LINKSOUT_DOWN;
    o->said = 0;
    s->links->stats.up -= was_up;
    return was_up;
}

void linksout_break(struct links_slot *s, const char *why)
{
    struct linksout *o = &s->out;
    struct links *l = s->links;
    bool was_up = hang_up(s);

    if (was_up || !o->why || strcmp(o->why, why) != 0) /* a peer that stays away is one line */
        log_line(LOG_WARN, "link.broken", "to=%u why=%s kept=%u", s->node, why, o->kept_count);
    o->why = why;
    retry_later(o);
    if (was_up)
        l->events->down(l->ctx, s->node, false);
}

void linksout_lose(struct links_slot *s)
{
    struct linksout *o = &s->out;
    struct links *l = s->links;

    hang_up(s);
    log_line(LOG_INFO, "link.lost", "to=%u incarnation=%llu kept=%u", s->node,
             (unsigned long long)s->peer.incarnation, o->kept_count);
    while (o->kept_count)
        forget_first(o);
    o->tries = 0;
    o->why = NULL;
    l->events->down(l->ctx, s->node, true);
}

/* Another host of the cluster may have its address, but not its certificate. */
static bool is_its_host(const struct links_slot *s)
{
    char name[EXCHANGE_NAME_BYTES];

    if (links_is_local(&s->peer))
        return true;
    dial_certificate(s->out.dial, name, sizeof(name));
    return name[0] && strcmp(name, s->peer.host) == 0;
}

static void on_open(void *ctx)
{
    struct links_slot *s = ctx;
    struct linksout *o = &s->out;
    struct frame hello = { .type = FRAME_HELLO,
                           .node = s->links->self.node,
                           .incarnation = s->links->self.incarnation,
                           .to = s->peer.incarnation,
                           .version_least = FRAME_VERSION_LEAST,
                           .version = FRAME_VERSION,
                           .number = o->number };

    if (!is_its_host(s)) {
        linksout_break(s, "other_host");
        return;
    }
    o->state = LINKSOUT_GREETED;
    o->heard_ms = now_of(s);
    say_frame(s, &hello);
}

/* All below number were taken. False: that is not what we said. */
static bool acknowledged(struct linksout *o, uint64_t number, uint32_t most)
{
    if (number < o->number || number - o->number > most)
        return false;
    while (o->number < number)
        forget_first(o);
    return true;
}

static const char *welcomed(struct links_slot *s, const struct frame *f)
{
    struct linksout *o = &s->out;
    bool is_meant = f->node == s->node && f->incarnation == s->peer.incarnation;

    if (o->state != LINKSOUT_GREETED)
        return "order";
    if (!is_meant || f->version < FRAME_VERSION_LEAST || f->version > FRAME_VERSION)
        return "welcome";
    if (f->number && !acknowledged(o, f->number, o->kept_count))
        return "number";
    o->state = LINKSOUT_UP;
    o->tries = 0;
    o->why = NULL;
    s->links->stats.up++;
    s->links->stats.connects++;
    touch(s);
    log_line(LOG_INFO, "link.up", "to=%u incarnation=%llu kept=%u", s->node,
             (unsigned long long)s->peer.incarnation, o->kept_count);
    s->links->events->up(s->links->ctx, s->node);
    return NULL;
}

static const char *acked(struct linksout *o, const struct frame *f)
{
    uint64_t before = o->number;

    if (o->state != LINKSOUT_UP || !acknowledged(o, f->number, o->said))
        return "ack";
    o->said -= (uint32_t)(o->number - before);
    return NULL;
}

static void refused(struct links_slot *s, const struct frame *f)
{
    char why[256], quoted[256];
    size_t bytes = f->text.bytes < sizeof(why) - 1 ? f->text.bytes : sizeof(why) - 1;

    if (s->out.why && strcmp(s->out.why, "refused") == 0)
        return;
    memcpy(why, f->text.at, bytes);
    why[bytes] = 0;
    log_line(LOG_WARN, "link.refused", "to=%u why=%s", s->node, log_quoted(quoted, sizeof(quoted), why));
}

static bool on_frame(void *ctx, struct text bytes)
{
    struct links_slot *s = ctx;
    const struct dial *d = s->out.dial;
    const char *wrong = NULL;
    struct frame f;

    if (frame_decode(bytes, &f))
        wrong = "frame";
    else if (f.type == FRAME_WELCOME)
        wrong = welcomed(s, &f);
    else if (f.type == FRAME_ACK)
        wrong = acked(&s->out, &f);
    else if (f.type == FRAME_REFUSED)
        wrong = "refused";
    if (wrong && f.type == FRAME_REFUSED && strcmp(wrong, "refused") == 0)
        refused(s, &f);
    if (wrong)
        linksout_break(s, wrong);
    return s->out.dial == d;
}

static void on_input(void *ctx, struct text bytes)
{
    struct links_slot *s = ctx;
    bool is_garbage;

    s->out.heard_ms = now_of(s);
    if (!linksread_put(&s->out.read, bytes, on_frame, s, &is_garbage) && is_garbage)
        linksout_break(s, "garbage");
}

static void on_closed(void *ctx, const char *why)
{
    linksout_break(ctx, why);
}

static const struct dial_calls linksout_calls = { .open = on_open, .input = on_input, .closed = on_closed };

/* Certificates are renewed while we run: read anew now and then, and what was good stays when that fails. */
static bool has_tls(struct links *l)
{
    uint64_t now_ms = loop_now_ms(l->loop);
    SSL_CTX *fresh = NULL;

    if (l->tls && now_ms - l->tls_ms < TLS_KEPT_MS)
        return true;
    l->tls_ms = now_ms;
    if (!dial_tls_new(l->config->node_tls_directory, &fresh)) {
        tls_free(&l->tls);
        l->tls = fresh;
    }
    return l->tls;
}

void linksout_start(struct links_slot *s)
{
    struct links *l = s->links;

    CHECK(!s->out.dial);
    if (!links_is_local(&s->peer) && !has_tls(l)) {
        retry_later(&s->out);
        return;
    }
    s->out.state = LINKSOUT_DIALLING;
    s->out.dial = dial_new(l->loop, s->peer.address, l->tls, &linksout_calls, s);
}

static void on_retry(void *ctx)
{
    struct links_slot *s = ctx;

    if (s->is_peer)
        linksout_start(s);
}

void linksout_tick(struct links_slot *s, uint64_t now_ms, bool looks_away)
{
    struct linksout *o = &s->out;
    struct frame ping = { .type = FRAME_PING };

    if (o->state < LINKSOUT_GREETED)
        return;
    if (looks_away)
        o->heard_ms = now_ms;
    if (now_ms - o->heard_ms >= LIMIT_LINK_SILENT_MS)
        linksout_break(s, "silent");
    else if (now_ms - o->said_ms + LINKS_TICK_MS > LIMIT_LINK_PING_MS)
        say_frame(s, &ping);
}

void linksout_init(struct links_slot *s)
{
    s->out = (struct linksout){ .number = 1 };
    linksread_init(&s->out.read);
    loop_timer_init(&s->out.retry, s->links->loop, on_retry, s);
}

void linksout_fini(struct links_slot *s)
{
    struct linksout *o = &s->out;

    hang_up(s);
    while (o->kept_count)
        forget_first(o);
    free(o->kept);
    linksread_fini(&o->read);
}
