/* load/options.c - a row an option: its name, where it goes, its bounds and what it is */
#include "load/options.h"

#include <stdio.h>
#include <stdlib.h>

enum options_kind { OPTIONS_WORD, OPTIONS_NUMBER, OPTIONS_SECONDS, OPTIONS_WAY, OPTIONS_FLAG };

struct options_row {
    const char *name;
    enum options_kind kind;
    size_t offset;
    uint32_t least, most;
    const char *what;
};

#define AT(member) offsetof(struct options, member)
static const struct options_row options_rows[] = {
    { "url", OPTIONS_WORD, AT(url), 0, 0,
      "http:// (HTTP/2 with prior knowledge) or https://, by IPv4 address" },
    { "way", OPTIONS_WAY, AT(way), 0, 0,
      "how events are received: poll, longpoll, sse, ws or push (longpoll)" },
    { "http", OPTIONS_WORD, AT(http), 0, 0, "of the receivers: 2 or 1.1 (2)" },
    { "send", OPTIONS_WORD, AT(send), 0, 0, "post: a request a message; frame: over a WebSocket (post)" },
    { "seconds", OPTIONS_SECONDS, AT(seconds), 0, 3600, "that are measured (5)" },
    { "warm", OPTIONS_SECONDS, AT(warm_s), 0, 600, "seconds before it is measured (1)" },
    { "processes", OPTIONS_NUMBER, AT(processes), 1, 16, "that make the load (1)" },
    { "pairs", OPTIONS_NUMBER, AT(pairs), 1, 20000, "senders, each with a receiver of its own (100)" },
    { "groups", OPTIONS_NUMBER, AT(groups), 1, 1000, "that are written to, by a sender each (1)" },
    { "members", OPTIONS_NUMBER, AT(members), 2, 100, "of a group, the sender among them (100)" },
    { "window", OPTIONS_NUMBER, AT(window), 1, 3200, "messages that a sender keeps unanswered (4)" },
    { "batch", OPTIONS_NUMBER, AT(batch), 1, 4096,
      "sends in one POST /v1/batch, at most 32 (1); floor: in a transaction (128)" },
    { "rate", OPTIONS_NUMBER, AT(rate), 1, 1000000,
      "messages a second that are sent whatever comes back (1000)" },
    { "text", OPTIONS_NUMBER, AT(text), 1, 16 * 1024, "bytes of a text (100)" },
    { "connections", OPTIONS_NUMBER, AT(connections), 1, 200000, "each with an account of its own (100)" },
    { "readers", OPTIONS_NUMBER, AT(readers), 1, 1000, "that catch up at the same time (1)" },
    { "events", OPTIONS_NUMBER, AT(events), 1, 10000000, "that a reader is behind (10000)" },
    { "behind", OPTIONS_NUMBER, AT(behind), 1, 1000, "messages for each that come while it is away (1)" },
    { "handshakes", OPTIONS_NUMBER, AT(handshakes), 1, 10000, "that are under way at a time (200)" },
    { "resume", OPTIONS_FLAG, AT(resume), 0, 0, "login: with a TLS session of before" },
    { "accounts-file", OPTIONS_WORD, AT(accounts_file), 0, 0,
      "accounts and tokens of an earlier run, and for the next" },
    { "conninfo", OPTIONS_WORD, AT(conninfo), 0, 0,
      "the server's database: accounts are made straight in it" },
    { "server-pid", OPTIONS_NUMBER, AT(server), 1, 1u << 30, "whose CPU seconds and memory are to be told" },
    { "postgres-pid", OPTIONS_NUMBER, AT(postgres), 1, 1u << 30,
      "the postmaster, whose CPU seconds are to be told" },
    { "admin", OPTIONS_NUMBER, AT(admin), 1, 65535, "port of the server's admin listener" },
    { "heap-file", OPTIONS_WORD, AT(heap_file), 0, 0,
      "where the server tells what it got from malloc (heap.c)" },
    { "plant", OPTIONS_WORD, AT(plant), 0, 0,
      "lost or doubled: something that comes is, to see that it is noticed" },
    { "users", OPTIONS_NUMBER, AT(users), 100, 10000000, "floor: how many there are (2000)" },
    { "conversations", OPTIONS_NUMBER, AT(conversations), 100, 10000000, "floor: how many there are (1000)" },
    { "share", OPTIONS_FLAG, AT(shares), 0, 0, "floor: all connections write to the same conversations" },
};
enum { OPTIONS_ROWS = sizeof options_rows / sizeof *options_rows, OPTIONS_PLANTED = 50 };

void options_usage(void)
{
    fputs("\noptions:\n", stderr);
    for (size_t k = 0; k < OPTIONS_ROWS; k++)
        fprintf(stderr, "  --%-14s %s\n", options_rows[k].name, options_rows[k].what);
}

static bool options_number(const struct options_row *row, const char *text, uint32_t *into)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    *into = (uint32_t)n;
    return *text >= '0' && *text <= '9' && !*end && n >= row->least && n <= row->most;
}

static bool options_seconds(const struct options_row *row, const char *text, double *into)
{
    char *end;

    *into = strtod(text, &end);
    return end != text && !*end && *into >= row->least && *into <= row->most;
}

static bool options_take(struct options *o, const struct options_row *row, const char *text)
{
    void *into = (char *)o + row->offset;

    switch (row->kind) {
    case OPTIONS_WORD:
        *(const char **)into = text;
        return true;
    case OPTIONS_NUMBER:
        return options_number(row, text, into);
    case OPTIONS_SECONDS:
        return options_seconds(row, text, into);
    case OPTIONS_WAY:
        return receiver_way_parse(text, into);
    case OPTIONS_FLAG:
        *(uint32_t *)into = 1;
        return true;
    }
    return false;
}

static const struct options_row *options_find(const char *word)
{
    for (size_t k = 0; k < OPTIONS_ROWS && strncmp(word, "--", 2) == 0; k++)
        if (strcmp(options_rows[k].name, word + 2) == 0)
            return &options_rows[k];
    return NULL;
}

/* What was asked for goes together. */
static bool options_fit(struct options *o)
{
    bool is_frame = strcmp(o->send, "frame") == 0;

    if (!is_frame && strcmp(o->send, "post") != 0)
        return false;
    if (o->plant && strcmp(o->plant, "lost") != 0 && strcmp(o->plant, "doubled") != 0)
        return false;
    /* A socket takes 32 verbs at a time. */
    if (is_frame && o->window > 32 * o->batch)
        return false;
    return receiver_version(o->way, o->http, &o->version);
}

bool options_read(struct options *o, int argc, char **argv)
{
    *o = (struct options){ .way = RECEIVER_LONGPOLL, .http = "2", .send = "post", .warm_s = 1, .seconds = 5 };
    o->pairs = o->connections = o->members = o->text = 100;
    o->groups = o->batch = o->processes = o->readers = o->behind = 1;
    o->window = 4;
    o->rate = 1000;
    o->events = 10000;
    o->handshakes = 200;
    o->users = 2000;
    o->conversations = 1000;
    for (int k = 0; k < argc; k++) {
        const struct options_row *row = options_find(argv[k]);
        bool has_value = row && row->kind != OPTIONS_FLAG;
        if (!row || (has_value && k + 1 == argc) || !options_take(o, row, has_value ? argv[++k] : "")) {
            fprintf(stderr, "posthorn-load: %s is not understood\n", argv[k]);
            return false;
        }
    }
    if (!options_fit(o)) {
        fputs("posthorn-load: way, http, send and window do not go together\n", stderr);
        return false;
    }
    return true;
}

uint32_t options_plant(const struct options *o, uint64_t n)
{
    if (!o->plant || n != OPTIONS_PLANTED)
        return 1;
    return strcmp(o->plant, "lost") == 0 ? 0 : 2;
}
