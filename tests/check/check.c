/* check/check.c - posthorn-check: a run's histories, faults and database against the promise (I1-I8, I11)
 *
 *   posthorn-check [--late MS] [--visible N] DIR    history.h says what is in DIR
 *   posthorn-check --print FILE                     a history, one line a record
 *
 * Twice through the histories: what was sent and answered, whose times the rows then have; then what was received.
 * Ends with a line of JSON and 0: all holds; 1: it does not; 2: there was nothing to judge by.
 */
#include "check/events.h"
#include "check/print.h"
#include "check/rows.h"
#include "check/sends.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHECK_LATE_MS = 500, CHECK_PATH_BYTES = 4096, CHECK_JSON_MAX = 1024 * 1024 };

struct check {
    const char *dir;
    uint64_t late_ms, visible_max;
    struct dirent **file;
    int files;
    struct faultlog faults;
    struct verdicts verdicts;
    struct figures figures;
    struct database database;
    struct spans spans;
    struct devices devices;
    struct sends sends;
};

static int check_is_history(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');

    return dot && !strcmp(dot, ".history");
}

static void check_open(const struct check *c, int file, struct history_reader *r)
{
    char path[CHECK_PATH_BYTES];

    snprintf(path, sizeof path, "%s/%s", c->dir, c->file[file]->d_name);
    if (!history_open(r, path)) {
        fprintf(stderr, "posthorn-check: %s: no history\n", path);
        exit(2);
    }
}

/* The files, and when the run began. */
static void check_find(struct check *c)
{
    struct history_reader reader;
    struct history_record r;

    c->files = scandir(c->dir, &c->file, check_is_history, alphasort);
    if (c->files <= 0) {
        fprintf(stderr, "posthorn-check: %s: no histories\n", c->dir);
        exit(2);
    }
    for (int k = 0; k < c->files; k++) {
        check_open(c, k, &reader);
        if (history_next(&reader, &r) && (!c->verdicts.start_ns || r.ns < c->verdicts.start_ns))
            c->verdicts.start_ns = r.ns;
        history_close(&reader);
    }
}

static void check_first(struct check *c, const struct history_record *r)
{
    switch (r->kind) {
    case HISTORY_DEVICE:
        devices_add(&c->devices, &c->database, r);
        break;
    case HISTORY_MEMBER:
        spans_compare(&c->spans, &c->database, r->conversation, r->user, r->seq, r->to, r->ns, &c->verdicts);
        break;
    case HISTORY_VISIBLE:
        c->figures.visible++;
        break;
    case HISTORY_GONE:
        devices_of(&c->devices, r)->is_gone = true;
        break;
    case HISTORY_SEND:
    case HISTORY_ACKED:
    case HISTORY_REFUSED:
        sends_take(&c->sends, &c->database, &c->devices, r, &c->verdicts, &c->figures);
        break;
    case HISTORY_OPENED:
    case HISTORY_EVENT:
    case HISTORY_CLOSED:
    case HISTORY_RESYNC:
    case HISTORY_KINDS:
        break;
    }
}

static void check_send_side(struct check *c)
{
    struct history_reader reader;
    struct history_record r;

    for (int k = 0; k < c->files; k++) {
        check_open(c, k, &reader);
        devices_next_file(&c->devices);
        while (history_next(&reader, &r)) {
            verdict_checked(&c->verdicts, VERDICT_HISTORY);
            check_first(c, &r);
        }
        if (reader.is_broken)
            verdict_bad(&c->verdicts, VERDICT_HISTORY, reader.ns, "%s is broken at byte %td",
                        c->file[k]->d_name, reader.at - reader.from);
        history_close(&reader);
    }
}

static void check_receive_side(struct check *c)
{
    struct history_reader reader;
    struct history_record r;
    struct events e = { .d = &c->database,
                        .spans = &c->spans,
                        .devices = &c->devices,
                        .faults = &c->faults,
                        .v = &c->verdicts,
                        .f = &c->figures,
                        .late_ns = c->late_ms * 1000000 };

    figures_devices(&c->figures, c->devices.count);
    for (int k = 0; k < c->files; k++) {
        check_open(c, k, &reader);
        devices_next_file(&c->devices);
        while (history_next(&reader, &r)) {
            if (r.kind == HISTORY_DEVICE)
                devices_add(&c->devices, &c->database, &r);
            else
                events_take(&e, &r);
        }
        history_close(&reader);
    }
    events_end(&e);
}

static bool check_tell(struct check *c)
{
    struct buf text;
    struct json j;
    bool is_good = verdict_is_good(&c->verdicts), is_calm = c->figures.visible <= c->visible_max;

    verdict_print(&c->verdicts);
    if (!is_calm)
        printf("%" PRIu64 " failures were visible, %" PRIu64 " are allowed\n", c->figures.visible,
               c->visible_max);
    figures_print(&c->figures);
    buf_init(&text, CHECK_JSON_MAX);
    json_init(&j, &text);
    json_object(&j, NULL);
    json_bool(&j, "ok", is_good && is_calm);
    verdict_json(&c->verdicts, &j);
    figures_json(&c->figures, &j);
    json_close(&j);
    CHECK(!text.overflowed);
    printf("%.*s\n", (int)text.bytes, text.at);
    buf_fini(&text);
    return is_good && is_calm;
}

static bool check_run(struct check *c)
{
    check_find(c);
    faultlog_read(&c->faults, c->dir);
    c->verdicts.faults = &c->faults;
    database_read(&c->database, c->dir, &c->verdicts);
    spans_make(&c->spans, &c->database, &c->verdicts);
    figures_init(&c->figures, &c->faults, c->database.conversations);
    check_send_side(c);
    sends_settle(&c->sends, &c->database, &c->verdicts, &c->figures);
    sends_order(&c->sends, &c->database, &c->devices, &c->verdicts);
    rows_messages(&c->database, c->dir, &c->verdicts);
    rows_inboxes(&c->database, &c->spans, c->dir, &c->verdicts);
    check_receive_side(c);
    sends_append_order(&c->database, &c->verdicts);
    return check_tell(c);
}

static void check_fini(struct check *c)
{
    for (int k = 0; k < c->files; k++)
        free(c->file[k]);
    free(c->file);
    sends_fini(&c->sends);
    devices_fini(&c->devices);
    spans_fini(&c->spans);
    database_fini(&c->database);
    figures_fini(&c->figures);
    verdict_fini(&c->verdicts);
    faultlog_fini(&c->faults);
}

static uint64_t check_option(const char *value)
{
    char *end = NULL;
    uint64_t n = value ? strtoull(value, &end, 10) : 0;

    if (!value || !*value || *end) {
        fprintf(stderr, "posthorn-check: %s: not a number\n", value ? value : "nothing");
        exit(2);
    }
    return n;
}

int main(int argc, char **argv)
{
    struct check c = { .late_ms = CHECK_LATE_MS, .visible_max = UINT64_MAX };

    if (argc == 3 && !strcmp(argv[1], "--print"))
        return print_history(argv[2]) ? 0 : 2;
    for (int k = 1; k < argc; k++) {
        if (!strcmp(argv[k], "--late"))
            c.late_ms = check_option(argv[++k]);
        else if (!strcmp(argv[k], "--visible"))
            c.visible_max = check_option(argv[++k]);
        else
            c.dir = argv[k];
    }
    if (!c.dir || *c.dir == '-') {
        fprintf(stderr, "usage: posthorn-check [--late MS] [--visible N] DIR | --print FILE\n");
        return 2;
    }
    bool is_good = check_run(&c);
    check_fini(&c);
    return is_good ? 0 : 1;
}
