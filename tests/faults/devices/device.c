/* faults/devices/device.c - one device: a client of libposthorn that writes down what it does and gets */
#include "devices/device.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTER_TRIES_MAX = 20 };

static const char password[] = "correct horse battery";

static const struct {
    enum posthorn_transport way;
    enum posthorn_http http;
} ways[] = {
    { POSTHORN_TRANSPORT_WS, POSTHORN_HTTP_2 },      { POSTHORN_TRANSPORT_WS, POSTHORN_HTTP_1_1 },
    { POSTHORN_TRANSPORT_SSE, POSTHORN_HTTP_2 },     { POSTHORN_TRANSPORT_LONGPOLL, POSTHORN_HTTP_2 },
    { POSTHORN_TRANSPORT_SSE, POSTHORN_HTTP_1_1 },   { POSTHORN_TRANSPORT_LONGPOLL, POSTHORN_HTTP_1_1 },
    { POSTHORN_TRANSPORT_PUSH, POSTHORN_HTTP_2 },    { POSTHORN_TRANSPORT_POLL, POSTHORN_HTTP_1_1 },
    { POSTHORN_TRANSPORT_AUTO, POSTHORN_HTTP_AUTO },
};

static uint64_t id_of(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0;
}

static struct key key_of(const char *text)
{
    struct key k = { 0 };
    if (text && key_parse(text_of(text), &k))
        k = (struct key){ 0 };
    return k;
}

/* The numbers of enum event_kind. */
static uint32_t kind_of(const char *word)
{
    static const char *const words[] = { "message", "edit",         "delete", "reaction",
                                         "member",  "conversation", "mark",   "device" };
    for (uint32_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strcmp(words[k], word) == 0)
            return k + 1;
    return 0;
}

static void on_event(void *context, const struct posthorn_event *e)
{
    struct device *d = context;
    d->i = e->i;
    d->sums->delivered++;
    history_put(d->history, &(struct history_record){
                                .kind = HISTORY_EVENT,
                                .device = d->number,
                                .connection = 1,
                                .i = e->i,
                                .event = kind_of(e->type),
                                .conversation = id_of(e->conversation),
                                .seq = e->seq,
                                .id = id_of(e->id),
                                .from = id_of(e->from),
                                .key = key_of(e->key),
                                .hash = e->text ? history_hash(e->text, strlen(e->text)) : 0,
                            });
}

static void on_sent(void *context, const char *key, const char *conversation, const char *id, uint64_t seq)
{
    struct device *d = context;
    d->sums->acked++;
    history_put(d->history, &(struct history_record){ .kind = HISTORY_ACKED,
                                                      .device = d->number,
                                                      .key = key_of(key),
                                                      .conversation = id_of(conversation),
                                                      .seq = seq,
                                                      .id = id_of(id) });
}

static void see(struct device *d, const char *what, uint32_t code)
{
    d->sums->visible++;
    history_put(d->history,
                &(struct history_record){
                    .kind = HISTORY_VISIBLE, .device = d->number, .code = code, .text = text_of(what) });
    fprintf(stderr, "device %u: %s\n", d->number, what);
}

/* Members come and go, so a group may be closed to a message that was on its way: that is no failure. */
static void on_refused(void *context, const char *key, const char *conversation,
                       const struct posthorn_problem *why)
{
    struct device *d = context;
    (void)conversation;
    d->sums->refused++;
    history_put(d->history, &(struct history_record){ .kind = HISTORY_REFUSED,
                                                      .device = d->number,
                                                      .key = key_of(key),
                                                      .code = (uint32_t)why->http_status });
    if (why->http_status != 403 && why->http_status != 404)
        see(d, why->code, (uint32_t)why->http_status);
}

static void on_resync(void *context, const struct posthorn_conversation *at, size_t count)
{
    struct device *d = context;
    (void)at, (void)count;
    d->sums->resyncs++;
    history_put(d->history,
                &(struct history_record){
                    .kind = HISTORY_RESYNC, .device = d->number, .timeline = d->timeline, .i = d->i });
}

static void on_online(void *context, bool is_online, const struct posthorn_problem *why)
{
    struct device *d = context;
    (void)why;
    d->sums->moves += is_online;
}

static void fail(const struct device *d, const char *what)
{
    fprintf(stderr, "posthorn-devices: %s: %s\n", what, d->p ? posthorn_why(d->p)->detail : "can't begin");
    exit(2);
}

/* A node that came just now, or whose lease ended on a busy machine, does nothing for a moment. */
static bool is_worth_another(const struct device *d, unsigned *tries)
{
    const struct posthorn_problem *why = posthorn_why(d->p);
    if (why->http_status != 503 || ++*tries > ENTER_TRIES_MAX)
        return false;
    poll(NULL, 0, why->retry_ms ? (int)why->retry_ms : 500);
    return true;
}

/* The login's cursor, which the library has written down. */
static void read_cursor(struct device *d, const char *dir)
{
    char path[512];
    snprintf(path, sizeof path, "%s/cursor", dir);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "cursor %" SCNu64 ".%" SCNu64, &d->timeline, &d->i) != 2)
        fail(d, "the cursor");
    fclose(file);
}

void device_enter(struct device *d, const struct options *o, uint32_t n, const char *handle, bool registers)
{
    char dir[400];
    struct posthorn_account me;
    unsigned way = n % (sizeof ways / sizeof *ways), tries = 0;
    snprintf(dir, sizeof dir, "%s/%u", o->state, n);
    struct posthorn_options p = { .server = o->url[n % o->urls],
                                  .ca_file = o->ca,
                                  .state_dir = dir,
                                  .proxy = "",
                                  .http = ways[way].http,
                                  .transport = ways[way].way };
    p.on = (struct posthorn_callbacks){ on_event, on_sent, on_refused, on_resync, on_online, NULL, NULL, d };
    if (posthorn_new(&p, &d->p, NULL) != POSTHORN_OK)
        fail(d, "a client");
    while (registers && posthorn_account_register(d->p, handle, password, NULL) != POSTHORN_OK)
        if (!is_worth_another(d, &tries))
            fail(d, "register");
    while (posthorn_account_login(d->p, handle, password, "campaign") != POSTHORN_OK)
        if (!is_worth_another(d, &tries))
            fail(d, "login");
    posthorn_account_me(d->p, &me);
    d->account = id_of(me.id);
    d->device = n + 1;
    d->has_pauses = ways[way].way == POSTHORN_TRANSPORT_POLL;
    read_cursor(d, dir);
}

void device_listen(struct device *d, struct history *h, struct device_sums *sums)
{
    d->history = h;
    d->sums = sums;
    d->number = history_device(h, d->account, d->device);
    history_put(h,
                &(struct history_record){ .kind = HISTORY_OPENED,
                                          .device = d->number,
                                          .connection = 1,
                                          .timeline = d->timeline,
                                          .i = d->i,
                                          .text = text_of(d->has_pauses ? HISTORY_PAUSES : "libposthorn") });
    if (posthorn_listen(d->p, true) != POSTHORN_OK)
        fail(d, "listen");
}

void device_send(struct device *d, const char *conversation, unsigned dice)
{
    char text[DEVICE_TEXT_MOST], key[27];
    int bytes =
        snprintf(text, sizeof text, "%u.%" PRIu64 " %.*s", d->number, d->counter + 1, (int)(dice % 150),
                 "so that texts are of many lengths, and a short one is not always the same as another, "
                 "there is something behind their number, more or less of it");
    uint64_t ns = history_now();
    if (posthorn_send(d->p, conversation, text, (size_t)bytes, NULL, key) != POSTHORN_OK) {
        see(d, posthorn_why(d->p)->detail, 0);
        return;
    }
    d->sums->begun++;
    history_put(d->history, &(struct history_record){ .kind = HISTORY_SEND,
                                                      .device = d->number,
                                                      .ns = ns,
                                                      .key = key_of(key),
                                                      .conversation = id_of(conversation),
                                                      .hash = history_hash(text, (size_t)bytes),
                                                      .counter = ++d->counter });
}

void device_leave(struct device *d)
{
    if (d->history)
        history_put(d->history, &(struct history_record){ .kind = HISTORY_CLOSED,
                                                          .device = d->number,
                                                          .connection = 1,
                                                          .text = text_of("end") });
    posthorn_free(&d->p);
}
