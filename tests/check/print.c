/* check/print.c - a history, one line a record */
#include "check/print.h"
#include "check/history.h"
#include <inttypes.h>
#include <stdio.h>

static const char *const print_words[HISTORY_KINDS] = {
    [HISTORY_DEVICE] = "device",   [HISTORY_SEND] = "send",     [HISTORY_ACKED] = "acked",
    [HISTORY_REFUSED] = "refused", [HISTORY_OPENED] = "opened", [HISTORY_EVENT] = "event",
    [HISTORY_CLOSED] = "closed",   [HISTORY_RESYNC] = "resync", [HISTORY_MEMBER] = "member",
    [HISTORY_VISIBLE] = "visible", [HISTORY_GONE] = "gone",
};

static void print_number(const char *name, uint64_t n)
{
    if (n == HISTORY_NOW)
        printf(" %s=now", name);
    else if (n)
        printf(" %s=%" PRIu64, name, n);
}

static void print_record(const struct history_record *r)
{
    char key[KEY_TEXT_BYTES + 1];

    printf("%" PRIu64 " %" PRIu32 " %s", r->ns, r->device, print_words[r->kind]);
    print_number("connection", r->connection);
    print_number("i", r->i);
    print_number("event", r->event);
    print_number("conversation", r->conversation);
    print_number("seq", r->seq);
    print_number("to", r->to);
    print_number("id", r->id);
    print_number("user", r->user);
    print_number("from", r->from);
    print_number("counter", r->counter);
    print_number("code", r->code);
    print_number("timeline", r->timeline);
    if (r->key.high || r->key.low) {
        key_print(r->key, key);
        printf(" key=%s", key);
    }
    if (r->hash)
        printf(" hash=%016" PRIx64, r->hash);
    if (r->is_duplicate)
        printf(" duplicate");
    if (r->text.bytes)
        printf(" \"%.*s\"", (int)r->text.bytes, r->text.at);
    putchar('\n');
}

bool print_history(const char *path)
{
    struct history_reader reader;
    struct history_record r;

    if (!history_open(&reader, path)) {
        fprintf(stderr, "%s: no history\n", path);
        return false;
    }
    while (history_next(&reader, &r))
        print_record(&r);
    bool is_whole = !reader.is_broken;
    if (!is_whole)
        fprintf(stderr, "%s: broken at byte %td\n", path, reader.at - reader.from);
    history_close(&reader);
    return is_whole;
}
