/* cli/chat.c - command: chat, the line-mode conversation */
#include "cli/chat.h"
#include "cli/line.h"
#include "cli/names.h"
#include "cli/show.h"
#include "cli/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A line that begins with / is a command, any other is a message to the open conversation. What comes is
 * printed above the prompt; messages of the open conversation are marked as read. */

enum { OWN_KEYS = 256, SHOWN_AT_OPEN = 10 };

struct chat {
    struct cli *c;
    struct line *line;
    char current[24]; /* conversation; "": none is open */
    char *prompt;
    char own[OWN_KEYS][32]; /* keys of what was typed here, so that it is not shown twice */
    unsigned own_next;
    uint64_t seen_seq, marked_seq; /* of the open conversation */
    time_t marked_at;
    bool was_hinted, is_over;
    int code;
};

__attribute__((format(printf, 2, 3))) static void say(struct chat *t, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    char *line = text_format("-- %s\n", text), *dim = show_colored(t->c, "2", line);
    line_print(t->line, dim);
    free(dim);
    free(line);
    free(text);
}

static bool is_own(const struct chat *t, const char *key)
{
    for (unsigned n = 0; key && n < OWN_KEYS; n++)
        if (strcmp(t->own[n], key) == 0)
            return true;
    return false;
}

static void on_event(void *context, const struct posthorn_event *e)
{
    struct chat *t = context;
    bool is_here = e->conversation && strcmp(e->conversation, t->current) == 0;
    bool is_message = strcmp(e->type, "message") == 0;
    if (is_here && e->seq && e->seq <= t->seen_seq)
        return; /* history has shown it */
    if (is_here)
        t->seen_seq = e->seq ? e->seq : t->seen_seq;
    if (is_own(t, e->key))
        return;
    char *text = t->c->is_json ? text_format("%s\n", e->json) : show_event(t->c, e, !is_here);
    if (text)
        line_print(t->line, text);
    free(text);
    if (is_message && !t->current[0] && !t->was_hinted) {
        say(t, "to answer: /open %s", names_conversation(t->c->names, e->conversation));
        t->was_hinted = true;
    }
}

static void on_typing(void *context, const char *conversation, const char *user)
{
    struct chat *t = context;
    struct posthorn_account me;
    bool is_me = posthorn_account_me(t->c->client, &me) && strcmp(me.id, user) == 0;
    if (!is_me && !t->c->is_json && strcmp(conversation, t->current) == 0)
        say(t, "%s is typing", names_handle(t->c->names, user));
}

static void on_refused(void *context, const char *key, const char *conversation,
                       const struct posthorn_problem *why)
{
    struct chat *t = context;
    (void)key;
    char *detail = text_safe(why->detail, 0);
    say(t, "not sent to %s: %s (%s)", names_conversation(t->c->names, conversation), detail, why->code);
    free(detail);
}

static void on_online(void *context, bool is_online, const struct posthorn_problem *why)
{
    struct chat *t = context;
    if (is_online) {
        say(t, "connected");
        return;
    }
    char *detail = text_safe(why->detail, 0);
    if (why->http_status == 401) {
        say(t, "the session has ended: %s", detail);
        t->is_over = true;
        t->code = POSTHORN_LOGGED_OUT;
    } else {
        say(t, "offline (%s); what you write is kept and sent later", detail);
    }
    free(detail);
}

static void on_resync(void *context, const struct posthorn_conversation *at, size_t count)
{
    struct chat *t = context;
    (void)at, (void)count;
    say(t, "the server could not continue where we were; /history shows what was missed");
}

/* Marks what was shown as read, at most once a second. */
static void idle(void *context)
{
    struct chat *t = context;
    if (t->seen_seq <= t->marked_seq || time(NULL) == t->marked_at)
        return;
    t->marked_at = time(NULL);
    if (posthorn_mark_read(t->c->client, t->current, t->seen_seq) == POSTHORN_OK)
        t->marked_seq = t->seen_seq;
}

static void complain(struct chat *t, const char *detail)
{
    char *safe = text_safe(detail ? detail : posthorn_why(t->c->client)->detail, 0);
    say(t, "%s", safe);
    free(safe);
}

static void show_history(struct chat *t, unsigned limit)
{
    struct posthorn_answer *a;
    const struct posthorn_event *at;
    size_t count;
    if (posthorn_history(t->c->client, t->current, NULL, NULL, limit, &a, &at, &count) != POSTHORN_OK) {
        complain(t, NULL);
        return;
    }
    for (size_t n = 0; n < count; n++) {
        char *text = show_event(t->c, &at[n], false);
        if (text)
            line_print(t->line, text);
        free(text);
        if (at[n].seq > t->seen_seq)
            t->seen_seq = at[n].seq;
    }
    posthorn_answer_free(&a);
}

static void open_with(struct chat *t, const char *typed)
{
    char id[24];
    const char *detail;
    if (names_target(t->c->names, typed, id, &detail) != POSTHORN_OK) {
        complain(t, detail);
        return;
    }
    memcpy(t->current, id, sizeof id);
    t->seen_seq = t->marked_seq = 0;
    free(t->prompt);
    t->prompt = text_format("%s> ", names_conversation(t->c->names, id));
    show_history(t, SHOWN_AT_OPEN);
}

static void do_open(struct chat *t, const char *rest)
{
    if (*rest)
        open_with(t, rest);
    else
        say(t, "/open HANDLE, or the title of a group");
}

static void do_history(struct chat *t, const char *rest)
{
    unsigned long limit = 20;
    if (!t->current[0])
        say(t, "open a conversation first: /open HANDLE");
    else if (*rest && !text_number(rest, 1, 200, &limit))
        say(t, "/history 1 to 200");
    else
        show_history(t, (unsigned)limit);
}

static void do_list(struct chat *t, const char *rest)
{
    struct posthorn_answer *a;
    const struct posthorn_conversation *at;
    size_t count;
    (void)rest;
    if (posthorn_conversation_list(t->c->client, &a, &at, &count) != POSTHORN_OK) {
        complain(t, NULL);
        return;
    }
    for (size_t n = 0; n < count; n++)
        say(t, "%s  %s, %llu unread", at[n].id, names_conversation(t->c->names, at[n].id),
            (unsigned long long)at[n].unread);
    if (count == 0)
        say(t, "no conversations yet: /open HANDLE");
    posthorn_answer_free(&a);
}

static void do_quit(struct chat *t, const char *rest)
{
    (void)rest;
    t->is_over = true;
}

static void do_help(struct chat *t, const char *rest);

static const struct {
    const char *word, *help;
    void (*run)(struct chat *t, const char *rest);
} words[] = {
    { "open", "/open WHO      talk to a handle, a group's title or an id", do_open },
    { "list", "/list          conversations", do_list },
    { "history", "/history [N]   the last N messages", do_history },
    { "help", "/help          this; a message that begins with / is written //", do_help },
    { "quit", "/quit          end (also ^D)", do_quit },
};

static void do_help(struct chat *t, const char *rest)
{
    (void)rest;
    for (size_t n = 0; n < sizeof words / sizeof words[0]; n++)
        say(t, "%s", words[n].help);
}

static void run_word(struct chat *t, const char *typed)
{
    size_t bytes = strcspn(typed, " ");
    const char *rest = typed + bytes + strspn(typed + bytes, " ");
    for (size_t n = 0; n < sizeof words / sizeof words[0]; n++)
        if (strlen(words[n].word) == bytes && strncmp(words[n].word, typed, bytes) == 0) {
            words[n].run(t, rest);
            return;
        }
    say(t, "there is no command /%.*s; /help lists them", (int)bytes, typed);
}

static void send_line(struct chat *t, const char *text)
{
    if (!t->current[0]) {
        say(t, "to whom? /open HANDLE");
        return;
    }
    char *key = t->own[t->own_next++ % OWN_KEYS];
    if (posthorn_send(t->c->client, t->current, text, strlen(text), NULL, key) != POSTHORN_OK)
        complain(t, NULL);
}

static void take_line(struct chat *t, char *line)
{
    line[strcspn(line, "\r")] = 0;
    if (line[0] == '/' && line[1] != '/')
        run_word(t, line + 1);
    else if (line[0])
        send_line(t, line + (line[0] == '/'));
}

/* What was typed before ^D is still sent, if the server is there. */
static void finish(struct chat *t)
{
    for (int n = 0; n < 50 && posthorn_pending(t->c->client) && t->code == 0; n++)
        posthorn_wait(t->c->client, 100);
    size_t left = posthorn_pending(t->c->client);
    if (left)
        cli_note(t->c, "%zu messages are kept and sent the next time", left);
}

int chat_command(struct cli *c)
{
    struct chat t = { .c = c };
    struct posthorn_callbacks on = { .on_event = on_event,
                                     .on_refused = on_refused,
                                     .on_online = on_online,
                                     .on_resync = on_resync,
                                     .on_typing = on_typing,
                                     .context = &t };
    int code = cli_open(c, &on, true);
    if (code)
        return code;
    enum posthorn_status status = posthorn_listen(c->client, true);
    if (status != POSTHORN_OK)
        return cli_explain(c, status);
    t.line = line_new(c->client, idle, &t);
    t.prompt = text_copy("> ");
    struct posthorn_account me;
    posthorn_account_me(c->client, &me);
    say(&t, "you are %s; /help helps, ^D ends", me.handle);
    if (c->options.count)
        open_with(&t, c->options.arguments[0]);
    char *line;
    while (!t.is_over && (line = line_read(t.line, t.prompt))) {
        take_line(&t, line);
        free(line);
    }
    finish(&t);
    line_free(&t.line);
    free(t.prompt);
    return t.code;
}
