/* cli/show.c - events and lists as people read them */
#include "cli/show.h"
#include "cli/names.h"
#include "cli/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void show_time(const char *at, char into[24])
{
    struct tm utc = { 0 }, then, today;
    into[0] = 0;
    if (!at || !strptime(at, "%Y-%m-%dT%H:%M:%S", &utc))
        return;
    time_t when = timegm(&utc), now = time(NULL);
    localtime_r(&when, &then);
    localtime_r(&now, &today);
    bool is_today = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
    strftime(into, 24, is_today ? "%H:%M" : "%Y-%m-%d %H:%M", &then);
}

char *show_colored(const struct cli *c, const char *code, const char *text)
{
    return c->has_color ? text_format("\033[%sm%s\033[0m", code, text) : text_copy(text);
}

/* What happened, without who and when; NULL: not for people. */
static char *describe(struct cli *c, const struct posthorn_event *e)
{
    const char *user = posthorn_event_field(e, "user"), *role = posthorn_event_field(e, "role");
    const char *change = posthorn_event_field(e, "change");
    const char *title = posthorn_event_field(e, "title");
    if (strcmp(e->type, "member") == 0) {
        names_forget(c->names, e->conversation ? e->conversation : "");
        const char *who = names_handle(c->names, user);
        if (!change || strcmp(change, "left") == 0)
            return text_copy("left");
        if (strcmp(change, "removed") == 0)
            return text_format("removed %s", who);
        char *safe = text_safe(role ? role : "member", 0);
        char *line = strcmp(change, "joined") == 0 ? text_format("added %s as %s", who, safe)
                                                   : text_format("made %s %s", who, safe);
        free(safe);
        return line;
    }
    if (strcmp(e->type, "conversation") == 0) {
        names_forget(c->names, e->conversation ? e->conversation : "");
        char *safe = title ? text_safe(title, 0) : NULL;
        char *line = safe ? text_format("named it \"%s\"", safe) : text_copy("opened it");
        free(safe);
        return line;
    }
    if (strcmp(e->type, "device") == 0)
        return text_copy("the devices of this account changed");
    return NULL;
}

/* Own messages in a direct conversation do not say by themselves where they went. */
static bool is_mine(const struct cli *c, const struct posthorn_event *e)
{
    struct posthorn_account me;
    return posthorn_account_me(c->client, &me) && e->from && strcmp(me.id, e->from) == 0;
}

char *show_event(struct cli *c, const struct posthorn_event *e, bool with_place)
{
    bool is_message = strcmp(e->type, "message") == 0;
    char when[24];
    show_time(e->at, when);
    char *text = is_message ? text_safe(e->text ? e->text : "(not text)", 2) : describe(c, e);
    if (!text)
        return NULL;
    char *place = NULL;
    if (with_place && e->conversation && (is_mine(c, e) || names_is_group(c->names, e->conversation)))
        place = text_format("[%s] ", names_conversation(c->names, e->conversation));
    char *who = show_colored(c, "1", e->from ? names_handle(c->names, e->from) : "");
    char *head = show_colored(c, "2", when);
    char *line = text_format("%s %s%s%s%s%s\n", head, place ? place : "", is_message ? "" : "* ", who,
                             is_message ? ": " : " ", text);
    free(head);
    free(who);
    free(place);
    free(text);
    return line;
}

bool show_print(struct cli *c, const struct posthorn_event *e, bool with_place)
{
    if (c->is_json) {
        puts(e->json);
    } else {
        char *line = show_event(c, e, with_place);
        if (line)
            fputs(line, stdout);
        free(line);
    }
    return fflush(stdout) == 0;
}
