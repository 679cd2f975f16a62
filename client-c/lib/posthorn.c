/* lib/posthorn.c - a client: made, moved on, ended; sending and receiving */
#include "posthorn.h"
#include "lib/ask.h"
#include "lib/clock.h"
#include "lib/deliver.h"
#include "lib/discovery.h"
#include "lib/files.h"
#include "lib/receive.h"
#include "lib/tls.h"
#include <errno.h>
#include <string.h>

enum { REQUEST_MS = 30 * 1000, POLL_S = 25, TEXT_MOST = 16 * 1024 };

const char *posthorn_version(void)
{
    return POSTHORN_VERSION;
}

static enum posthorn_status disk(struct posthorn *p, const char *what)
{
    char detail[256];
    snprintf(detail, sizeof detail, "%s: %s", what, strerror(errno));
    return client_fail(p, POSTHORN_FAILED, "state", detail);
}

static enum posthorn_status open_state(struct posthorn *p)
{
    if (p->state_dir && !files_make_dir(p->state_dir))
        return disk(p, p->state_dir);
    if (!outbox_open(&p->outbox, p->state_dir))
        return disk(p, "the outbox can't be read");
    if (p->state_dir) {
        session_load(&p->session, p->state_dir, p->server);
        cursor_load(&p->cursor, p->state_dir);
        nodes_load(&p->nodes, p->state_dir);
    }
    return POSTHORN_OK;
}

static enum posthorn_status open_net(struct posthorn *p, const struct posthorn_options *o)
{
    struct url url;
    if (!o->server || !url_read(&url, o->server))
        return client_fail(p, POSTHORN_MISUSE, "misuse", "the server's address must be https://host[:port]");
    if ((unsigned)o->http > POSTHORN_HTTP_2 || (unsigned)o->transport > POSTHORN_TRANSPORT_POLL ||
        o->poll_s > 55)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "an option is out of its bounds");
    snprintf(p->server, sizeof p->server, "%s://%s", url.is_tls ? "https" : "http", url.authority);
    nodes_init(&p->nodes, &url);
    p->nodes.is_fixed = o->stays;
    char why[300];
    if (url.is_tls && !(p->tls = tls_context(o->ca_file, why, sizeof why)))
        return client_fail(p, POSTHORN_FAILED, "tls", why);
    if (!proxy_choose(&p->proxy, &url, o->proxy, why, sizeof why))
        return client_fail(p, POSTHORN_MISUSE, "misuse", why);
    if (!lanes_choose(p, o->transport, o->http))
        return client_fail(p, POSTHORN_MISUSE, "misuse", "pushed responses need HTTP/2");
    p->http_wants = p->wants;
    p->http = client_http(p, p->wants, false);
    return POSTHORN_OK;
}

enum posthorn_status posthorn_new(const struct posthorn_options *o, struct posthorn **into,
                                  struct posthorn_problem *why)
{
    struct posthorn *p = buf_zeroed(1, sizeof *p);
    p->request_ms = o->request_ms ? o->request_ms : REQUEST_MS;
    p->poll_s = o->poll_s ? o->poll_s : POLL_S;
    p->on = o->on;
    p->state_dir = buf_copy(o->state_dir);
    p->receive.lock = RECEIVE_LOCK_NONE;
    p->outbox.fd = -1;
    TAILQ_INIT(&p->outbox.list);
    TAILQ_INIT(&p->notes);
    TAILQ_INIT(&p->receive.queue);
    enum posthorn_status status = open_net(p, o);
    if (status == POSTHORN_OK)
        status = open_state(p);
    if (why)
        *why = p->why;
    if (status != POSTHORN_OK)
        posthorn_free(&p);
    *into = p;
    return status;
}

void posthorn_free(struct posthorn **p)
{
    if (!*p)
        return;
    CHECK(!(*p)->is_dispatching);
    if ((*p)->http)
        receive_stop(*p);
    deliver_forget(*p);
    discovery_forget(*p);
    discovery_keep(*p);
    http_free(&(*p)->http);
    outbox_close(&(*p)->outbox);
    SSL_CTX_free((*p)->tls);
    struct client_note *n;
    while ((n = TAILQ_FIRST(&(*p)->notes))) {
        TAILQ_REMOVE(&(*p)->notes, n, entry);
        free(n);
    }
    free((*p)->state_dir);
    explicit_bzero(&(*p)->proxy, sizeof(*p)->proxy);
    explicit_bzero(&(*p)->session, sizeof(*p)->session);
    free(*p);
    *p = NULL;
}

const struct posthorn_problem *posthorn_why(const struct posthorn *p)
{
    return &p->why;
}

const char *posthorn_http_version(const struct posthorn *p)
{
    return http_version(p->http);
}

size_t posthorn_fds(const struct posthorn *p, struct pollfd *at, size_t room)
{
    return client_fds(p, at, room);
}

static bool has_news(const struct posthorn *p)
{
    return !TAILQ_EMPTY(&p->notes) || receive_has_news(p);
}

int posthorn_timeout_ms(const struct posthorn *p)
{
    return has_news(p) ? 0 : client_due_ms(p);
}

static void tell(const struct posthorn *p, const struct client_note *n)
{
    const struct posthorn_callbacks *on = &p->on;
    switch (n->kind) {
    case NOTE_SENT:
        if (on->on_sent)
            on->on_sent(on->context, n->key, n->conversation, n->id, n->seq);
        break;
    case NOTE_REFUSED:
        if (on->on_refused)
            on->on_refused(on->context, n->key, n->conversation, &n->why);
        break;
    case NOTE_ONLINE:
        if (on->on_online)
            on->on_online(on->context, n->is_online, &n->why);
        break;
    case NOTE_TYPING:
        if (on->on_typing)
            on->on_typing(on->context, n->conversation, n->id);
        break;
    case NOTE_WAY:
        if (on->on_way)
            on->on_way(on->context, n->way, n->why.detail[0] ? n->why.detail : NULL);
        break;
    }
}

void posthorn_step(struct posthorn *p)
{
    CHECK(!p->is_dispatching);
    client_pump(p);
    p->is_dispatching = true;
    struct client_note *n;
    while ((n = TAILQ_FIRST(&p->notes))) {
        TAILQ_REMOVE(&p->notes, n, entry);
        tell(p, n);
        free(n);
    }
    receive_dispatch(p);
    p->is_dispatching = false;
}

void posthorn_wait(struct posthorn *p, uint32_t wait_ms)
{
    if (!has_news(p))
        client_poll(p, wait_ms);
    posthorn_step(p);
}

enum posthorn_status posthorn_send(struct posthorn *p, const char *conversation, const char *text,
                                   size_t text_bytes, const struct posthorn_send_options *o, char *key)
{
    if (!client_token(p))
        return client_fail(p, POSTHORN_LOGGED_OUT, "logged_out", "not logged in");
    if (!client_is_id(conversation))
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not the id of a conversation");
    if (text_bytes == 0 || text_bytes > TEXT_MOST || memchr(text, 0, text_bytes))
        return client_fail(p, POSTHORN_MISUSE, "misuse", "a message has 1 to 16384 bytes, none of them 0");
    char made[ULID_BYTES + 1];
    ulid_make(&p->keys, made);
    char number[32] = "";
    if (o && o->reply_to)
        snprintf(number, sizeof number, "%llu", (unsigned long long)o->reply_to);
    char *body = WIRE_OBJECT({ .name = "key", .text = made },
                             { .name = "text", .text = text, .text_bytes = text_bytes },
                             { .name = "reply_to", .kind = WIRE_JSON, .text = *number ? number : NULL });
    if (!body)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "the message is not valid UTF-8");
    bool is_kept = outbox_put(&p->outbox, made, conversation, body);
    free(body);
    if (!is_kept && errno == ENOBUFS)
        return client_fail(p, POSTHORN_FAILED, "state", "too many messages wait already");
    if (!is_kept)
        return disk(p, "the message can't be kept");
    if (key)
        memcpy(key, made, sizeof made);
    return POSTHORN_OK;
}

size_t posthorn_pending(const struct posthorn *p)
{
    return p->outbox.count;
}

bool posthorn_pending_at(const struct posthorn *p, size_t n, const char **key, const char **conversation,
                         const char **body_json)
{
    const struct outbox_entry *e = TAILQ_FIRST(&p->outbox.list);
    while (e && n--)
        e = TAILQ_NEXT(e, entry);
    if (!e)
        return false;
    *key = e->key;
    *conversation = e->conversation;
    *body_json = e->body;
    return true;
}

enum posthorn_status posthorn_listen(struct posthorn *p, bool on)
{
    if (!on) {
        receive_stop(p);
        return POSTHORN_OK;
    }
    if (!client_token(p))
        return client_fail(p, POSTHORN_LOGGED_OUT, "logged_out", "not logged in");
    if (receive_start(p) == 0)
        return POSTHORN_OK;
    if (errno == EWOULDBLOCK)
        return client_fail(p, POSTHORN_FAILED, "locked", "another program is receiving for this session");
    return disk(p, "the lock file");
}

/* NULL: an argument is out of its bounds. */
static char *history_path(const char *conversation, const char *before, const char *after, unsigned limit)
{
    bool is_place =
        (!before || client_is_id(before)) && (!after || client_is_id(after)) && !(before && after);
    if (!is_place || !client_is_id(conversation) || limit < 1 || limit > 200)
        return NULL;
    struct buf path = { 0 };
    buf_format(&path, "/v1/conversations/%s/messages?limit=%u", conversation, limit);
    if (before || after)
        buf_format(&path, "&%s=%s", before ? "before" : "after", before ? before : after);
    return buf_take(&path);
}

enum posthorn_status posthorn_history(struct posthorn *p, const char *conversation, const char *before,
                                      const char *after, unsigned limit, struct posthorn_answer **a,
                                      const struct posthorn_event **at, size_t *count)
{
    *a = NULL;
    char *path = history_path(conversation, before, after, limit);
    if (!path)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not the id of a conversation, or a bad range");
    enum posthorn_status status = ask_as_me(p, "GET", path, NULL, a);
    free(path);
    if (status == POSTHORN_OK && !wire_events(*a, "messages", at, count))
        return ask_bad_answer(p, a);
    return status;
}

enum posthorn_status posthorn_mark_read(struct posthorn *p, const char *conversation, uint64_t seq)
{
    char *path = ask_path("/v1/conversations/", conversation, "/marks", NULL);
    if (!path)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not the id of a conversation");
    char *body = WIRE_OBJECT({ .name = "read", .kind = WIRE_NUMBER, .number = seq });
    enum posthorn_status status = ask_as_me(p, "PUT", path, body, NULL);
    free(body);
    free(path);
    return status;
}

const char *posthorn_answer_json(const struct posthorn_answer *a)
{
    return wire_json(a);
}

void posthorn_answer_free(struct posthorn_answer **a)
{
    wire_free(a);
}

const char *posthorn_event_field(const struct posthorn_event *e, const char *name)
{
    return wire_tree_string(e->tree, name);
}

enum posthorn_status posthorn_call(struct posthorn *p, const char *method, const char *path,
                                   const char *body_json, struct posthorn_answer **a)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
    *a = NULL;
    size_t n = 0;
    while (n < 5 && strcmp(methods[n], method) != 0)
        n++;
    bool is_path = path[0] == '/' && strlen(path) < 2048;
    for (const char *c = path; *c && is_path; c++)
        is_path = *c > ' ' && *c <= '~';
    if (n == 5 || !is_path)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not a method or not a path");
    return ask_server(p, methods[n], path, body_json, a);
}
