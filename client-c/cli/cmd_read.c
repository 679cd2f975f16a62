/* cli/cmd_read.c - commands: listen, history, conversations, read */
#include "cli/cmd_read.h"
#include "cli/names.h"
#include "cli/show.h"
#include "cli/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct listening {
    struct cli *c;
    const char *conversation; /* NULL: all */
    unsigned long left; /* events still wanted; 0: without end */
    bool is_over;
    int code;
};

/* Resolves what was typed; 0, or an exit code after an explanation. */
static int target(struct cli *c, const char *typed, char id[24])
{
    const char *detail;
    enum posthorn_status status = names_target(c->names, typed, id, &detail);
    if (status == POSTHORN_OK)
        return 0;
    return detail ? cli_error(c, (int)status, "%s", detail) : cli_explain(c, status);
}

static void on_event(void *context, const struct posthorn_event *e)
{
    struct listening *l = context;
    if (l->conversation && (!e->conversation || strcmp(e->conversation, l->conversation) != 0))
        return;
    if (!show_print(l->c, e, true)) {
        l->is_over = true;
        l->code = POSTHORN_FAILED;
    } else if (l->left && --l->left == 0) {
        l->is_over = true;
    }
    if (l->is_over)
        posthorn_listen(l->c->client, false); /* the rest is for the next time */
}

static void on_online(void *context, bool is_online, const struct posthorn_problem *why)
{
    struct listening *l = context;
    if (is_online) {
        cli_note(l->c, "-- connected");
    } else if (why->http_status == 401) {
        l->is_over = true;
        l->code = cli_explain_problem(l->c, POSTHORN_LOGGED_OUT, why);
    } else {
        char *detail = text_safe(why->detail, 0);
        cli_note(l->c, "-- offline (%s); trying again", detail);
        free(detail);
    }
}

static void on_way(void *context, const char *way, const char *why)
{
    struct listening *l = context;
    if (!l->c->options.is_set[OPTION_WAYS])
        return;
    char *safe = text_safe(why ? why : "", 0);
    if (why)
        cli_note(l->c, "-- %s: %s", way, safe);
    else
        cli_note(l->c, "-- way: %s", way);
    free(safe);
}

static void on_resync(void *context, const struct posthorn_conversation *at, size_t count)
{
    struct listening *l = context;
    (void)at;
    cli_note(l->c, "-- the server could not continue where we were; see history (%zu conversations)", count);
}

static void on_refused(void *context, const char *key, const char *conversation,
                       const struct posthorn_problem *why)
{
    struct listening *l = context;
    (void)conversation;
    cli_note(l->c, "-- the message %s of the outbox was refused: %s", key, why->code);
}

static time_t now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

int cmd_read_listen(struct cli *c)
{
    struct listening l = { .c = c };
    struct posthorn_callbacks on = { .on_event = on_event,
                                     .on_online = on_online,
                                     .on_resync = on_resync,
                                     .on_refused = on_refused,
                                     .on_way = on_way,
                                     .context = &l };
    unsigned long wait_s;
    char id[24];
    if (!cli_number(c, OPTION_COUNT_EVENTS, 1, 1ul << 30, 0, &l.left) ||
        !cli_number(c, OPTION_WAIT, 1, 1ul << 30, 0, &wait_s))
        return POSTHORN_MISUSE;
    int code = cli_open(c, &on, true);
    if (code == 0 && c->options.count) {
        code = target(c, c->options.arguments[0], id);
        l.conversation = id;
    }
    if (code)
        return code;
    enum posthorn_status status = posthorn_listen(c->client, true);
    if (status != POSTHORN_OK)
        return cli_explain(c, status);
    time_t end = now_s() + (time_t)wait_s;
    while (!l.is_over) {
        if (wait_s && now_s() >= end)
            return l.left ? POSTHORN_TIMED_OUT : 0;
        posthorn_wait(c->client, 1000);
    }
    return l.code;
}

int cmd_read_history(struct cli *c)
{
    unsigned long limit;
    char id[24];
    const char *before = c->options.value[OPTION_BEFORE], *after = c->options.value[OPTION_AFTER];
    if (!cli_number(c, OPTION_LIMIT, 1, 200, 20, &limit))
        return POSTHORN_MISUSE;
    if (before && after)
        return cli_error(c, POSTHORN_MISUSE, "--before or --after, not both");
    int code = cli_open(c, NULL, true);
    if (code == 0)
        code = target(c, c->options.arguments[0], id);
    if (code)
        return code;
    struct posthorn_answer *a;
    const struct posthorn_event *at;
    size_t count;
    enum posthorn_status status =
        posthorn_history(c->client, id, before, after, (unsigned)limit, &a, &at, &count);
    if (status != POSTHORN_OK)
        return cli_explain(c, status);
    bool is_written = true;
    for (size_t n = 0; n < count && is_written; n++)
        is_written = show_print(c, &at[n], false);
    posthorn_answer_free(&a);
    return is_written ? 0 : POSTHORN_FAILED;
}

int cmd_read_conversations(struct cli *c)
{
    struct posthorn_answer *a;
    const struct posthorn_conversation *at;
    size_t count;
    int code = cli_open(c, NULL, true);
    if (code)
        return code;
    enum posthorn_status status = posthorn_conversation_list(c->client, &a, &at, &count);
    if (status != POSTHORN_OK)
        return cli_explain(c, status);
    if (c->is_json)
        puts(posthorn_answer_json(a));
    for (size_t n = 0; n < count && !c->is_json; n++) {
        char *last = text_safe(at[n].last_text ? at[n].last_text : "", 0);
        last[strcspn(last, "\n")] = 0;
        printf("%s\t%s\t%llu unread\t%s\n", at[n].id, names_conversation(c->names, at[n].id),
               (unsigned long long)at[n].unread, last);
        free(last);
    }
    posthorn_answer_free(&a);
    return 0;
}

int cmd_read_mark(struct cli *c)
{
    unsigned long seq;
    char id[24];
    if (!cli_number(c, OPTION_SEQ, 1, 1ul << 53, 0, &seq))
        return POSTHORN_MISUSE;
    int code = cli_open(c, NULL, true);
    if (code == 0)
        code = target(c, c->options.arguments[0], id);
    if (code)
        return code;
    struct posthorn_answer *a;
    const struct posthorn_event *at;
    size_t count = 0;
    enum posthorn_status status = POSTHORN_OK;
    if (seq == 0) {
        status = posthorn_history(c->client, id, NULL, NULL, 1, &a, &at, &count);
        seq = status == POSTHORN_OK && count ? at[count - 1].seq : 0;
        posthorn_answer_free(&a);
    }
    if (status == POSTHORN_OK && seq)
        status = posthorn_mark_read(c->client, id, seq);
    return status == POSTHORN_OK ? 0 : cli_explain(c, status);
}
