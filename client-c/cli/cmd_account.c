/* cli/cmd_account.c - commands: register, login, logout, whoami, devices */
#include "cli/cmd_account.h"
#include "cli/command.h"
#include "cli/password.h"
#include "cli/show.h"
#include "cli/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Logs in and writes the profile. */
static int open_session(struct cli *c, const char *handle, const char *password)
{
    char why[400];
    enum posthorn_status status =
        posthorn_account_login(c->client, handle, password, c->options.value[OPTION_DEVICE]);
    if (status != POSTHORN_OK)
        return cli_explain(c, status);
    if (!profile_save(&c->profile, why, sizeof why))
        return cli_error(c, POSTHORN_FAILED, "%s", why);
    struct posthorn_account me;
    posthorn_account_me(c->client, &me);
    if (c->is_json)
        printf("{\"id\":\"%s\",\"handle\":\"%s\"}\n", me.id, me.handle);
    cli_note(c, "logged in as %s at %s", me.handle, c->profile.server);
    return 0;
}

static const char *bare(const char *handle)
{
    return handle + (handle[0] == '@');
}

int cmd_account_register(struct cli *c)
{
    char password[PASSWORD_MOST];
    const char *handle = bare(c->options.arguments[0]);
    int code = cli_open(c, NULL, false);
    struct posthorn_account me;
    if (code == 0 && posthorn_account_me(c->client, &me))
        code = cli_error(c, POSTHORN_CONFLICT, "%s is logged in here; log out, or use --profile %s",
                         me.handle, handle);
    if (code == 0)
        code = password_get(c, true, password);
    if (code)
        return code;
    enum posthorn_status status =
        posthorn_account_register(c->client, handle, password, c->options.value[OPTION_NAME]);
    if (status != POSTHORN_OK)
        code = cli_explain(c, status);
    else if (c->options.is_set[OPTION_NO_LOGIN])
        cli_note(c, "the account %s is made", handle);
    else
        code = open_session(c, handle, password);
    explicit_bzero(password, sizeof password);
    return code;
}

int cmd_account_login(struct cli *c)
{
    char password[PASSWORD_MOST];
    int code = cli_open(c, NULL, false);
    if (code == 0)
        code = password_get(c, false, password);
    if (code == 0)
        code = open_session(c, bare(c->options.arguments[0]), password);
    explicit_bzero(password, sizeof password);
    return code;
}

int cmd_account_logout(struct cli *c)
{
    int code = cli_open(c, NULL, true);
    if (code)
        return code;
    size_t waiting = posthorn_pending(c->client);
    if (waiting && !c->options.is_set[OPTION_FORCE])
        return cli_error(
            c, POSTHORN_FAILED,
            "%zu messages are not sent yet and would be lost: posthorn outbox, or logout --force", waiting);
    enum posthorn_status status = posthorn_account_logout(c->client);
    cli_note(c, "logged out");
    if (status != POSTHORN_OK && status != POSTHORN_LOGGED_OUT) {
        cli_note(c, "but the server was not told; revoke this device from another one");
        return cli_explain(c, status);
    }
    return 0;
}

int cmd_account_whoami(struct cli *c)
{
    struct posthorn_answer *a;
    struct posthorn_account me;
    int code = cli_open(c, NULL, true);
    if (code)
        return code;
    enum posthorn_status status = posthorn_account_check(c->client, &a, &me);
    if (status != POSTHORN_OK)
        return cli_explain(c, status);
    if (c->is_json)
        puts(posthorn_answer_json(a));
    else
        printf("%s\n", me.handle);
    cli_note(c, "account %s at %s, profile %s, HTTP/%s", me.id, c->profile.server, c->profile.name,
             posthorn_http_version(c->client));
    posthorn_answer_free(&a);
    return 0;
}

static int list_devices(struct cli *c)
{
    struct posthorn_answer *a;
    const struct posthorn_device *at;
    size_t count;
    enum posthorn_status status = posthorn_device_list(c->client, &a, &at, &count);
    if (status != POSTHORN_OK)
        return cli_explain(c, status);
    if (c->is_json)
        puts(posthorn_answer_json(a));
    for (size_t n = 0; n < count && !c->is_json; n++) {
        char seen[24];
        show_time(at[n].seen_at, seen);
        char *name = text_safe(at[n].name ? at[n].name : "", 0);
        char *platform = text_safe(at[n].platform ? at[n].platform : "", 0);
        printf("%s\t%s\t%s\t%s%s\n", at[n].id, name, platform, seen, at[n].is_current ? "\t(this one)" : "");
        free(name);
        free(platform);
    }
    posthorn_answer_free(&a);
    return 0;
}

int cmd_account_devices(struct cli *c)
{
    const struct options *o = &c->options;
    bool is_revoke = o->count == 2 && strcmp(o->arguments[0], "revoke") == 0;
    if (!is_revoke && !(o->count == 0 || (o->count == 1 && strcmp(o->arguments[0], "list") == 0)))
        return command_usage(c->command);
    int code = cli_open(c, NULL, true);
    if (code)
        return code;
    if (!is_revoke)
        return list_devices(c);
    enum posthorn_status status = posthorn_device_revoke(c->client, o->arguments[1]);
    return status == POSTHORN_OK ? 0 : cli_explain(c, status);
}
