/* cli/cmd_doctor.c - command: doctor */
#include "cli/cmd_doctor.h"
#include "cli/show.h"
#include "cli/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void report(const struct cli *c, bool is_good, const char *what, const char *detail)
{
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
    enum posthorn_status status = posthorn_call(c->client, "GET", "/v1/discover", NULL, &a);
    posthorn_answer_free(&a);
    if (status != POSTHORN_OK) {
        report(c, false, "server", posthorn_why(c->client)->detail);
        return cli_explain(c, status);
    }
    char *line = text_format("%s answers over HTTP/%s", c->profile.server, posthorn_http_version(c->client));
    report(c, true, "server", line);
    free(line);
    return 0;
}

static int look_at_session(const struct cli *c)
{
    struct posthorn_account me;
    struct posthorn_answer *a = NULL;
    if (!posthorn_account_me(c->client, &me)) {
        report(c, true, "session", "none: posthorn login HANDLE");
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

int cmd_doctor(struct cli *c)
{
    int code = cli_open(c, NULL, false);
    if (code)
        return code;
    report(c, true, "profile", c->profile.config_path);
    code = look_at_files(c);
    int server = look_at_server(c);
    int session = server ? 0 : look_at_session(c);
    size_t waiting = posthorn_pending(c->client);
    char *line = text_format("%zu messages wait", waiting);
    report(c, true, "outbox", line);
    free(line);
    return code ? code : server ? server : session;
}
