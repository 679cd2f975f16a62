/* cli/cli.c - what every command gets: options, profile, client, ways to speak */
#include "cli/cli.h"
#include "cli/names.h"
#include "cli/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_note(const struct cli *c, const char *format, ...)
{
    if (c->is_quiet)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int cli_error(const struct cli *c, int code, const char *format, ...)
{
    (void)c;
    va_list args;
    va_start(args, format);
    fputs("posthorn: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

/* What a person can do about it. */
static const char *advice(const struct posthorn_problem *why)
{
    static const struct {
        const char *code, *advice;
    } known[] = {
        { "logged_out", "log in first: posthorn login HANDLE" },
        { "unauthorized", "the session has ended; log in again: posthorn login HANDLE" },
        { "handle_taken", "choose another handle, or log in: posthorn login HANDLE" },
        { "tls", "if the server has a certificate of its own making, name its CA: --ca FILE" },
        { "network", "is the address right, and does the server run? try: posthorn doctor" },
        { "timeout", "try: posthorn doctor" },
        { "locked", "end it, or be somebody else here: --profile NAME" },
        { "bad_answer", "is the address right? try: posthorn doctor" },
        { "stale_key", "the message waited too long; send it again" },
    };
    for (size_t n = 0; n < sizeof known / sizeof known[0]; n++)
        if (strcmp(known[n].code, why->code) == 0)
            return known[n].advice;
    return NULL;
}

int cli_explain_problem(const struct cli *c, enum posthorn_status status, const struct posthorn_problem *why)
{
    char *detail = text_safe(why->detail, 0), *field = text_safe(why->field, 0);
    cli_error(c, (int)status, "%s%s%s%s", *detail ? detail : why->code, *field ? " (" : "", field,
              *field ? ")" : "");
    free(detail);
    free(field);
    if (why->retry_ms)
        cli_note(c, "  try again in %.1f s", why->retry_ms / 1000.0);
    if (advice(why))
        cli_note(c, "  %s", advice(why));
    return (int)status;
}

int cli_explain(const struct cli *c, enum posthorn_status status)
{
    return cli_explain_problem(c, status, posthorn_why(c->client));
}

bool cli_number(const struct cli *c, enum option o, unsigned long least, unsigned long most,
                unsigned long otherwise, unsigned long *into)
{
    *into = otherwise;
    if (!c->options.is_set[o] || text_number(c->options.value[o], least, most, into))
        return true;
    cli_error(c, POSTHORN_MISUSE, "%s must be %lu to %lu", options_kind(o)->name, least, most);
    return false;
}

/* Option before environment before profile. */
static const char *setting(const struct cli *c, enum option o, const char *variable, const char *kept)
{
    const char *value = c->options.value[o];
    if (!value)
        value = getenv(variable);
    return value && *value ? value : kept;
}

/* The place of a word in a list; -1: it is not there. NULL is the first. */
static int place_of(const char *word, const char *const words[], int count)
{
    for (int n = 0; n < count; n++)
        if (!word || strcmp(word, words[n]) == 0)
            return n;
    return -1;
}

/* What the profile says about how to get there; 0, or an exit code after an explanation. */
static int read_ways(const struct cli *c, struct posthorn_options *o)
{
    static const char *const versions[] = { "auto", "1.1", "2" };
    static const char *const transports[] = { "auto", "ws", "sse", "push", "longpoll", "poll" };
    int http = place_of(c->profile.http, versions, 3),
        transport = place_of(c->profile.transport, transports, 6);
    if (http < 0)
        return cli_error(c, POSTHORN_MISUSE, "--http must be auto, 2 or 1.1");
    if (transport < 0)
        return cli_error(c, POSTHORN_MISUSE, "--transport must be auto, ws, sse, push, longpoll or poll");
    o->http = (enum posthorn_http)http;
    o->transport = (enum posthorn_transport)transport;
    o->proxy = c->profile.proxy && strcmp(c->profile.proxy, "none") == 0 ? "" : c->profile.proxy;
    return 0;
}

int cli_open(struct cli *c, const struct posthorn_callbacks *on, bool needs_session)
{
    char why[400];
    const char *name = setting(c, OPTION_PROFILE, "POSTHORN_PROFILE", "default");
    if (!profile_load(&c->profile, name, why, sizeof why))
        return cli_error(c, POSTHORN_MISUSE, "%s", why);
    profile_set(&c->profile.server, setting(c, OPTION_SERVER, "POSTHORN_SERVER", NULL));
    profile_set(&c->profile.ca, setting(c, OPTION_CA, "POSTHORN_CLIENT_CA", NULL));
    profile_set(&c->profile.http, setting(c, OPTION_HTTP, "POSTHORN_HTTP", NULL));
    profile_set(&c->profile.transport, setting(c, OPTION_TRANSPORT, "POSTHORN_TRANSPORT", NULL));
    profile_set(&c->profile.proxy, setting(c, OPTION_PROXY, "POSTHORN_PROXY", NULL));
    if (!c->profile.server)
        return cli_error(c, POSTHORN_MISUSE,
                         "which server? posthorn --server https://host[:port] ... (a login remembers it)");
    struct posthorn_options o = { .server = c->profile.server,
                                  .ca_file = c->profile.ca,
                                  .state_dir = c->profile.state_dir,
                                  .stays = c->options.is_set[OPTION_STAY] };
    int code = read_ways(c, &o);
    if (code)
        return code;
    if (on)
        o.on = *on;
    struct posthorn_problem problem;
    enum posthorn_status status = posthorn_new(&o, &c->client, &problem);
    if (status != POSTHORN_OK)
        return cli_explain_problem(c, status, &problem);
    c->names = names_new(c->client, c->profile.state_dir);
    struct posthorn_account me;
    if (needs_session && !posthorn_account_me(c->client, &me))
        return cli_error(c, POSTHORN_LOGGED_OUT, "not logged in at %s: posthorn login HANDLE",
                         c->profile.server);
    return POSTHORN_OK;
}

void cli_close(struct cli *c)
{
    names_free(&c->names);
    posthorn_free(&c->client);
    profile_fini(&c->profile);
}
