/* cli/cmd_message.c - commands: send, outbox */
#include "cli/cmd_message.h"
#include "cli/names.h"
#include "cli/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXT_MOST = 16 * 1024, WAIT_S = 30 };

struct outcome {
    struct cli *c;
    char key[32]; /* ours; "": all count */
    bool is_sent;
    int refused; /* exit code of the first refusal; 0: none */
    struct posthorn_problem offline; /* why the way to the server does not work */
};

static enum posthorn_status status_of(const struct posthorn_problem *why)
{
    return why->http_status == 409   ? POSTHORN_CONFLICT
           : why->http_status == 404 ? POSTHORN_NOT_FOUND
           : why->http_status == 401 ? POSTHORN_LOGGED_OUT
                                     : POSTHORN_REFUSED;
}

static void on_sent(void *context, const char *key, const char *conversation, const char *id, uint64_t seq)
{
    struct outcome *o = context;
    bool is_ours = strcmp(key, o->key) == 0;
    o->is_sent = o->is_sent || is_ours;
    if (!is_ours && o->key[0])
        return; /* left over from before; it was said then */
    if (o->c->is_json)
        printf("{\"key\":\"%s\",\"conversation\":\"%s\",\"id\":\"%s\",\"seq\":%llu}\n", key, conversation, id,
               (unsigned long long)seq);
}

static void on_refused(void *context, const char *key, const char *conversation,
                       const struct posthorn_problem *why)
{
    struct outcome *o = context;
    (void)conversation;
    int code = cli_explain_problem(o->c, status_of(why), why);
    if (!o->key[0] || strcmp(key, o->key) == 0)
        o->refused = code;
    else
        cli_note(o->c, "  (that was an older message that waited in the outbox)");
}

static void on_online(void *context, bool is_online, const struct posthorn_problem *why)
{
    struct outcome *o = context;
    o->offline = is_online ? (struct posthorn_problem){ 0 } : *why;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Sends until our message (or, without a key, every message) is answered, at most wait_s. */
static int wait_sent(struct cli *c, struct outcome *o, unsigned long wait_s)
{
    uint64_t end = now_ms() + wait_s * 1000, now;
    while ((o->key[0] ? !o->is_sent && !o->refused : posthorn_pending(c->client) > 0) &&
           (now = now_ms()) < end) {
        posthorn_wait(c->client, (uint32_t)(end - now));
        if (o->offline.http_status == 401)
            return cli_explain_problem(c, POSTHORN_LOGGED_OUT, &o->offline);
    }
    if (o->refused)
        return o->refused;
    if (o->key[0] ? o->is_sent : posthorn_pending(c->client) == 0)
        return 0;
    const char *detail = o->offline.detail[0] ? o->offline.detail : "no answer in time";
    char *safe = text_safe(detail, 0);
    cli_error(c, 0, "not sent yet: %s", safe);
    free(safe);
    cli_note(c, "  it is kept, and sent when posthorn runs the next time (posthorn outbox)");
    return o->offline.http_status == 429   ? POSTHORN_RATE_LIMITED
           : o->offline.http_status >= 500 ? POSTHORN_SERVER_FAILED
           : strcmp(o->offline.code, "network") == 0 || strcmp(o->offline.code, "tls") == 0
               ? POSTHORN_UNREACHABLE
               : POSTHORN_TIMED_OUT;
}

/* The text of the arguments joined, or stdin without its last newline. A string of the caller's. */
static char *read_text(const struct options *o, size_t *bytes)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, bytes);
    if (!to)
        abort();
    bool is_stdin = o->count == 1 || (o->count == 2 && strcmp(o->arguments[1], "-") == 0);
    for (size_t n = 1; n < o->count && !is_stdin; n++)
        fprintf(to, "%s%s", n > 1 ? " " : "", o->arguments[n]);
    int c;
    for (size_t n = 0; is_stdin && n <= TEXT_MOST && (c = getchar()) != EOF; n++)
        fputc(c, to);
    if (fclose(to) != 0)
        abort();
    if (is_stdin && *bytes && text[*bytes - 1] == '\n')
        text[--*bytes] = 0;
    return text;
}

int cmd_message_send(struct cli *c)
{
    struct outcome o = { .c = c };
    struct posthorn_callbacks on = {
        .on_sent = on_sent, .on_refused = on_refused, .on_online = on_online, .context = &o
    };
    struct posthorn_send_options extra = { 0 };
    unsigned long wait_s, reply;
    char conversation[24];
    const char *detail;
    if (!cli_number(c, OPTION_WAIT, 0, 86400, WAIT_S, &wait_s) ||
        !cli_number(c, OPTION_REPLY, 1, 1ul << 53, 0, &reply))
        return POSTHORN_MISUSE;
    int code = cli_open(c, &on, true);
    if (code)
        return code;
    enum posthorn_status status = names_target(c->names, c->options.arguments[0], conversation, &detail);
    if (status != POSTHORN_OK)
        return detail ? cli_error(c, (int)status, "%s", detail) : cli_explain(c, status);
    size_t bytes = 0;
    char *text = read_text(&c->options, &bytes);
    extra.reply_to = reply;
    status = posthorn_send(c->client, conversation, text, bytes, &extra, o.key);
    free(text);
    return status == POSTHORN_OK ? wait_sent(c, &o, wait_s) : cli_explain(c, status);
}

int cmd_message_outbox(struct cli *c)
{
    struct outcome o = { .c = c };
    struct posthorn_callbacks on = {
        .on_sent = on_sent, .on_refused = on_refused, .on_online = on_online, .context = &o
    };
    unsigned long wait_s;
    const char *key, *conversation, *body;
    if (!cli_number(c, OPTION_WAIT, 0, 86400, WAIT_S, &wait_s))
        return POSTHORN_MISUSE;
    int code = cli_open(c, &on, true);
    if (code)
        return code;
    for (size_t n = 0; !c->is_json && posthorn_pending_at(c->client, n, &key, &conversation, &body); n++)
        printf("%s\t%s\t%s\n", key, conversation, body);
    fflush(stdout);
    return posthorn_pending(c->client) ? wait_sent(c, &o, wait_s) : 0;
}
