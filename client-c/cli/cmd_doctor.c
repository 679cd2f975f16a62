/* cli/cmd_doctor.c - command: doctor */
#include "cli/cmd_doctor.h"
#include "cli/show.h"
#include "cli/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *word, *name, *http; /* for programs, for people; the version */
    enum posthorn_transport transport;
    enum posthorn_http version;
} ways[] = {
    /* in the order in which they are taken */
    { "ws", "WebSocket", "2", POSTHORN_TRANSPORT_WS, POSTHORN_HTTP_2 },
    { "ws", "WebSocket", "1.1", POSTHORN_TRANSPORT_WS, POSTHORN_HTTP_1_1 },
    { "sse", "server-sent events", "2", POSTHORN_TRANSPORT_SSE, POSTHORN_HTTP_2 },
    { "sse", "server-sent events", "1.1", POSTHORN_TRANSPORT_SSE, POSTHORN_HTTP_1_1 },
    { "longpoll", "long polling", "2", POSTHORN_TRANSPORT_LONGPOLL, POSTHORN_HTTP_2 },
    { "longpoll", "long polling", "1.1", POSTHORN_TRANSPORT_LONGPOLL, POSTHORN_HTTP_1_1 },
    { "poll", "polling", "2", POSTHORN_TRANSPORT_POLL, POSTHORN_HTTP_2 },
    { "poll", "polling", "1.1", POSTHORN_TRANSPORT_POLL, POSTHORN_HTTP_1_1 },
    { "push", "pushed responses", "2", POSTHORN_TRANSPORT_PUSH, POSTHORN_HTTP_2 },
};

static void report(const struct cli *c, bool is_good, const char *what, const char *detail)
{
    if (c->is_json) {
        char *quoted = text_json(detail);
        printf("{\"check\":\"%s\",\"ok\":%s,\"detail\":%s}\n", what, is_good ? "true" : "false", quoted);
        free(quoted);
        return;
    }
    char *mark = show_colored(c, is_good ? "32" : "31", is_good ? "ok  " : "FAIL"),
         *safe = text_safe(detail, 0);
    printf("%s %-10s %s\n", mark, what, safe);
    free(mark);
    free(safe);
}

/* Secrets that others can read are no secrets. */
static int look_at_files(const struct cli *c)
{
    struct stat s;
    if (stat(c->profile.state_dir, &s) != 0) {
        report(c, false, "files", "the state directory can't be read");
        return POSTHORN_FAILED;
    }
    bool is_private =
        (s.st_mode & 077) == 0 && s.st_uid == geteuid() && access(c->profile.state_dir, W_OK) == 0;
    char *line = text_format("%s%s", c->profile.state_dir,
                             is_private ? "" : " must be yours, writable, and closed to others (chmod 700)");
    report(c, is_private, "files", line);
    free(line);
    return is_private ? 0 : POSTHORN_FAILED;
}

static int look_at_server(const struct cli *c)
{
    struct posthorn_answer *a;
    const struct posthorn_node *at;
    size_t count;
    enum posthorn_status status = posthorn_nodes(c->client, &a, &at, &count);
    if (status != POSTHORN_OK) {
        report(c, false, "server", posthorn_why(c->client)->detail);
        return cli_explain(c, status);
    }
    char *line = text_format("%s answers over HTTP/%s", c->profile.server, posthorn_http_version(c->client));
    report(c, true, "server", line);
    free(line);
    for (size_t n = 0; n < count; n++) {
        line = text_format("%s%s%s, load %llu%s", at[n].url, at[n].region && *at[n].region ? ", " : "",
                           at[n].region ? at[n].region : "", (unsigned long long)at[n].load,
                           at[n].is_in_use ? ", in use" : "");
        report(c, true, "node", line);
        free(line);
    }
    posthorn_answer_free(&a);
    return 0;
}

static int look_at_session(const struct cli *c)
{
    struct posthorn_account me;
    struct posthorn_answer *a = NULL;
    if (!posthorn_account_me(c->client, &me)) {
        report(c, true, "session", "none: posthorn login HANDLE (the ways to receive are tried with it)");
        return 0;
    }
    enum posthorn_status status = posthorn_account_check(c->client, &a, &me);
    char *line = status == POSTHORN_OK ? text_format("%s, account %s", me.handle, me.id)
                                       : text_copy(posthorn_why(c->client)->detail);
    report(c, status == POSTHORN_OK, "session", line);
    free(line);
    posthorn_answer_free(&a);
    return status == POSTHORN_OK ? 0 : cli_explain(c, status);
}

/* A way that does not work is no fault, as long as one does. */
static void report_way(const struct cli *c, size_t n, const struct posthorn_probe *r)
{
    char *detail = c->is_json ? text_json(r->why.detail) : text_safe(r->why.detail, 0);
    if (c->is_json) {
        printf("{\"check\":\"way\",\"transport\":\"%s\",\"http\":\"%s\",\"works\":%s,\"ms\":%u,\"status\":%d,"
               "\"detail\":%s}\n",
               ways[n].word, ways[n].http, r->works ? "true" : "false", r->took_ms, r->why.http_status,
               detail);
    } else {
        char *mark = show_colored(c, r->works ? "32" : "33", r->works ? "ok  " : "no  ");
        printf("%s %-18s HTTP/%-4s %6u ms  %s%s\n", mark, ways[n].name, ways[n].http, r->took_ms,
               r->works ? "works, " : "", r->works ? r->path : detail);
        free(mark);
    }
    fflush(stdout); /* some take their time */
    free(detail);
}

static bool is_chosen(const struct cli *c, size_t n)
{
    const char *transport = c->profile.transport, *http = c->profile.http;
    bool is_any = !transport || strcmp(transport, "auto") == 0;
    if (is_any ? ways[n].transport == POSTHORN_TRANSPORT_PUSH : strcmp(transport, ways[n].word) != 0)
        return false;
    return !http || strcmp(http, "auto") == 0 || strcmp(http, ways[n].http) == 0;
}

static void report_choice(const struct cli *c, size_t n, const char *path)
{
    bool is_found = n < sizeof ways / sizeof ways[0];
    if (c->is_json && is_found) {
        char *quoted = text_json(path);
        printf("{\"check\":\"taken\",\"ok\":true,\"transport\":\"%s\",\"http\":\"%s\",\"path\":%s}\n",
               ways[n].word, ways[n].http, quoted);
        free(quoted);
        return;
    }
    char *line = is_found ? text_format("%s over HTTP/%s, %s", ways[n].name, ways[n].http, path)
                          : text_copy("none of the ways that may be taken works");
    report(c, is_found, "taken", line);
    free(line);
}

static int look_at_ways(const struct cli *c)
{
    size_t count = sizeof ways / sizeof ways[0], taken = count;
    char path[sizeof((struct posthorn_probe *)0)->path] = "";
    for (size_t n = 0; n < count; n++) {
        struct posthorn_probe r;
        enum posthorn_status status = posthorn_probe(c->client, ways[n].transport, ways[n].version, &r);
        if (status != POSTHORN_OK)
            return cli_explain(c, status);
        report_way(c, n, &r);
        if (r.works && taken == count && is_chosen(c, n)) {
            taken = n;
            memcpy(path, r.path, sizeof path);
        }
    }
    report_choice(c, taken, path);
    return taken < count ? 0 : POSTHORN_UNREACHABLE;
}

int cmd_doctor(struct cli *c)
{
    struct posthorn_account me;
    int code = cli_open(c, NULL, false);
    if (code)
        return code;
    report(c, true, "profile", c->profile.config_path);
    code = look_at_files(c);
    int server = look_at_server(c);
    int session = server ? 0 : look_at_session(c), ways_code = 0;
    if (!server && !session && posthorn_account_me(c->client, &me))
        ways_code = look_at_ways(c);
    size_t waiting = posthorn_pending(c->client);
    char *line = text_format("%zu messages wait", waiting);
    report(c, true, "outbox", line);
    free(line);
    return code ? code : server ? server : session ? session : ways_code;
}
