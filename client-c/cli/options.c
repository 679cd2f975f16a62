/* cli/options.c - the command line read: options of all commands and of one, then arguments */
#include "cli/options.h"
#include "cli/text.h"
#include <stdio.h>
#include <string.h>

static const struct option_kind kinds[OPTION_COUNT] = {
    [OPTION_SERVER] = { "--server", "-s", "URL", "the server, https://host[:port]" },
    [OPTION_CA] = { "--ca", NULL, "FILE", "trust these certificates (PEM) instead of the system's" },
    [OPTION_PROFILE] = { "--profile", "-p", "NAME",
                         "who to be: a profile holds one session (default: default)" },
    [OPTION_HTTP] = { "--http", NULL, "VERSION", "auto, 2 or 1.1 (default: auto)" },
    [OPTION_TRANSPORT] = { "--transport", NULL, "WAY",
                           "auto, ws, sse, push, longpoll or poll: how events come (default: auto)" },
    [OPTION_PROXY] = { "--proxy", NULL, "URL",
                       "http://[user:password@]host:port, or none (default: HTTPS_PROXY, ALL_PROXY)" },
    [OPTION_STAY] = { "--stay", NULL, NULL, "only ever connect to this server, not to nodes that it names" },
    [OPTION_JSON] = { "--json", "-j", NULL, "data as JSON, one object a line" },
    [OPTION_QUIET] = { "--quiet", "-q", NULL, "no messages but errors" },
    [OPTION_NO_COLOR] = { "--no-color", NULL, NULL, "no colors (NO_COLOR does the same)" },
    [OPTION_NO_INPUT] = { "--no-input", NULL, NULL, "never ask; fail instead" },
    [OPTION_HELP] = { "--help", "-h", NULL, "help, also for a command" },
    [OPTION_VERSION] = { "--version", NULL, NULL, "versions" },
    [OPTION_PASSWORD_FILE] = { "--password-file", NULL, "FILE",
                               "first line of FILE is the password; - is stdin" },
    [OPTION_NAME] = { "--name", NULL, "TEXT", "the name others see" },
    [OPTION_DEVICE] = { "--device", NULL, "TEXT", "name of this device (default: the machine's)" },
    [OPTION_NO_LOGIN] = { "--no-login", NULL, NULL, "only make the account" },
    [OPTION_LIMIT] = { "--limit", "-n", "N", "at most N (1..200, default 20)" },
    [OPTION_BEFORE] = { "--before", NULL, "ID", "those before this message (ids: --json)" },
    [OPTION_AFTER] = { "--after", NULL, "ID", "those after this message" },
    [OPTION_COUNT_EVENTS] = { "--count", "-c", "N", "end after N events" },
    [OPTION_WAIT] = { "--wait", "-w", "SECONDS", "give up after so long" },
    [OPTION_REPLY] = { "--reply-to", NULL, "SEQ", "answer the message at this place" },
    [OPTION_FORCE] = { "--force", "-f", NULL, "do it although something is lost by it" },
    [OPTION_ROLE] = { "--role", NULL, "ROLE", "member, admin or owner (default: member)" },
    [OPTION_SEQ] = { "--seq", NULL, "SEQ", "up to this place (default: all)" },
    [OPTION_WAYS] = { "--ways", "-v", NULL, "say which way events come, and each change" },
};

const struct option_kind *options_kind(enum option o)
{
    return &kinds[o];
}

static enum option find(const char *word, size_t bytes)
{
    for (int o = 1; o < OPTION_COUNT; o++) {
        const struct option_kind *k = &kinds[o];
        if (strlen(k->name) == bytes && strncmp(k->name, word, bytes) == 0)
            return (enum option)o;
        if (k->letter && bytes == 2 && strncmp(k->letter, word, 2) == 0)
            return (enum option)o;
    }
    return OPTION_NONE;
}

static void explain_unknown(const char *word, char *why, size_t why_bytes)
{
    const char *nearest = NULL;
    unsigned least = 4;
    for (int o = 1; o < OPTION_COUNT; o++) {
        unsigned d = text_distance(word, kinds[o].name);
        if (d < least) {
            least = d;
            nearest = kinds[o].name;
        }
    }
    snprintf(why, why_bytes, "unknown option %.60s%s%s%s", word, nearest ? " (did you mean " : "",
             nearest ? nearest : "", nearest ? "?)" : "");
}

/* One option at argv[at]; answers how many words it took, 0: a problem. */
static int read_option(struct options *o, int argc, char *const argv[], int at, char *why, size_t why_bytes)
{
    const char *word = argv[at], *equals = strchr(word, '=');
    size_t bytes = equals ? (size_t)(equals - word) : strlen(word);
    enum option which = find(word, bytes);
    if (which == OPTION_NONE) {
        explain_unknown(word, why, why_bytes);
        return 0;
    }
    const struct option_kind *k = &kinds[which];
    if (o->is_set[which] && k->value) {
        snprintf(why, why_bytes, "%s is given twice", k->name);
        return 0;
    }
    o->is_set[which] = true;
    if (!k->value && equals) {
        snprintf(why, why_bytes, "%s takes no value", k->name);
        return 0;
    }
    if (!k->value)
        return 1;
    o->value[which] = equals ? equals + 1 : at + 1 < argc ? argv[at + 1] : NULL;
    if (!o->value[which] || !*o->value[which]) {
        snprintf(why, why_bytes, "%s needs a value: %s %s", k->name, k->name, k->value);
        return 0;
    }
    return equals ? 1 : 2;
}

bool options_read(struct options *o, int argc, char *const argv[], char *why, size_t why_bytes)
{
    *o = (struct options){ 0 };
    bool takes_options = true;
    for (int at = 1; at < argc;) {
        if (takes_options && strcmp(argv[at], "--") == 0) {
            takes_options = false;
            at++;
        } else if (takes_options && argv[at][0] == '-' && argv[at][1]) {
            int took = read_option(o, argc, argv, at, why, why_bytes);
            if (took == 0)
                return false;
            at += took;
        } else if (o->count == OPTIONS_ARGUMENTS_MOST) {
            snprintf(why, why_bytes, "too many arguments");
            return false;
        } else {
            o->arguments[o->count++] = argv[at++];
        }
    }
    return true;
}

enum option options_stray(const struct options *o, const enum option *allowed)
{
    for (int which = OPTION_VERSION + 1; which < OPTION_COUNT; which++) {
        bool is_allowed = !o->is_set[which];
        for (size_t n = 0; !is_allowed && allowed && allowed[n] != OPTION_NONE; n++)
            is_allowed = allowed[n] == (enum option)which;
        if (!is_allowed)
            return (enum option)which;
    }
    return OPTION_NONE;
}
