/* cli/command.c - the table of commands */
#include "cli/command.h"
#include "cli/chat.h"
#include "cli/cmd_account.h"
#include "cli/cmd_doctor.h"
#include "cli/cmd_group.h"
#include "cli/cmd_help.h"
#include "cli/cmd_message.h"
#include "cli/cmd_read.h"
#include "cli/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command commands[] = {
    { "register",
      "HANDLE",
      "make an account and log in",
      "  posthorn --server https://chat.example register alice\n"
      "  posthorn register alice --password-file secret.txt\n",
      1,
      1,
      { OPTION_NAME, OPTION_PASSWORD_FILE, OPTION_DEVICE, OPTION_NO_LOGIN },
      cmd_account_register },
    { "login",
      "HANDLE",
      "open a session; the profile remembers the server",
      "  posthorn --server https://chat.example login alice\n",
      1,
      1,
      { OPTION_PASSWORD_FILE, OPTION_DEVICE },
      cmd_account_login },
    { "logout", "", "end the session", "  posthorn logout\n", 0, 0, { OPTION_FORCE }, cmd_account_logout },
    { "whoami",
      "",
      "who is logged in, and where",
      "  posthorn whoami\n",
      0,
      0,
      { OPTION_NONE },
      cmd_account_whoami },
    { "send",
      "TO [TEXT...]",
      "send a message; - or no text reads it from stdin",
      "  posthorn send alice \"lunch at twelve?\"\n  uptime | posthorn send @alice -\n"
      "  posthorn send \"Team\" hello everybody\n",
      1,
      OPTIONS_ARGUMENTS_MOST,
      { OPTION_REPLY, OPTION_WAIT },
      cmd_message_send },
    { "listen",
      "[FROM]",
      "print what comes, until ^C",
      "  posthorn listen\n  posthorn listen --json | jq .text\n  posthorn listen alice --count 1\n",
      0,
      1,
      { OPTION_COUNT_EVENTS, OPTION_WAIT, OPTION_WAYS },
      cmd_read_listen },
    { "history",
      "WITH",
      "messages of a conversation, oldest first",
      "  posthorn history alice -n 50\n  posthorn history Team --before 7311482\n",
      1,
      1,
      { OPTION_LIMIT, OPTION_BEFORE, OPTION_AFTER },
      cmd_read_history },
    { "conversations",
      "",
      "the conversations, with unread counts",
      "  posthorn conversations\n",
      0,
      0,
      { OPTION_NONE },
      cmd_read_conversations },
    { "read",
      "WITH",
      "mark a conversation as read",
      "  posthorn read alice\n",
      1,
      1,
      { OPTION_SEQ },
      cmd_read_mark },
    { "group",
      "create|add|remove|leave|members|rename ...",
      "groups of up to 100",
      "  posthorn group create \"Team\" bob carol\n  posthorn group add \"Team\" dave --role admin\n"
      "  posthorn group remove \"Team\" dave\n  posthorn group leave \"Team\"\n"
      "  posthorn group members \"Team\"\n  posthorn group rename \"Team\" \"A-Team\"\n",
      2,
      OPTIONS_ARGUMENTS_MOST,
      { OPTION_ROLE },
      cmd_group },
    { "devices",
      "[list | revoke DEVICE]",
      "where this account is logged in",
      "  posthorn devices\n  posthorn devices revoke 7311482\n",
      0,
      2,
      { OPTION_NONE },
      cmd_account_devices },
    { "outbox",
      "",
      "messages that the server has not answered yet; tries to send them",
      "  posthorn outbox --wait 60\n",
      0,
      0,
      { OPTION_WAIT },
      cmd_message_outbox },
    { "doctor",
      "",
      "find out which ways to the server work from here, and why not",
      "  posthorn doctor\n  posthorn doctor --json\n  posthorn doctor --proxy none\n",
      0,
      0,
      { OPTION_NONE },
      cmd_doctor },
    { "help", "[COMMAND]", "help", "  posthorn help send\n", 0, 1, { OPTION_NONE }, cmd_help },
    { "version",
      "",
      "versions of the program and its libraries",
      "  posthorn version\n",
      0,
      0,
      { OPTION_NONE },
      cmd_help_version },
    { "chat",
      "[WITH]",
      "chat line by line (also when no command is given)",
      "  posthorn chat alice\n",
      0,
      1,
      { OPTION_NONE },
      chat_command },
};

const struct command *command_at(size_t n)
{
    return n < sizeof commands / sizeof commands[0] ? &commands[n] : NULL;
}

const struct command *command_find(const char *name)
{
    for (size_t n = 0; command_at(n); n++)
        if (strcmp(commands[n].name, name) == 0)
            return &commands[n];
    return NULL;
}

const char *command_like(const char *name)
{
    static const char *const others[][2] = {
        { "tail", "listen" },      { "follow", "listen" },      { "watch", "listen" },
        { "ls", "conversations" }, { "list", "conversations" }, { "msg", "send" },
        { "signup", "register" },  { "signin", "login" },       { "quit", "logout" },
        { "sessions", "devices" }, { "who", "whoami" },
    };
    for (size_t n = 0; n < sizeof others / sizeof others[0]; n++)
        if (strcmp(others[n][0], name) == 0)
            return others[n][1];
    const char *nearest = NULL;
    unsigned least = 3;
    for (size_t n = 0; command_at(n); n++) {
        unsigned d = text_distance(name, commands[n].name);
        bool is_start = strlen(name) >= 3 && strncmp(name, commands[n].name, strlen(name)) == 0;
        if (is_start || d < least) {
            least = is_start ? 0 : d;
            nearest = commands[n].name;
        }
    }
    return nearest;
}

int command_usage(const struct command *k)
{
    fprintf(stderr, "usage: posthorn %s %s\n%s", k->name, k->arguments, k->examples);
    return POSTHORN_MISUSE;
}

/* The first argument is the command's name; what is left are its own. */
static void shift(struct options *o)
{
    for (size_t n = 1; n < o->count; n++)
        o->arguments[n - 1] = o->arguments[n];
    o->count--;
}

static int run(struct cli *c)
{
    struct options *o = &c->options;
    const char *name = o->count ? o->arguments[0] : o->is_set[OPTION_HELP] ? "help" : "chat";
    if (o->is_set[OPTION_VERSION])
        name = "version";
    c->command = command_find(name);
    if (!c->command) {
        const char *like = command_like(name);
        cli_error(c, POSTHORN_MISUSE, "there is no command \"%s\"", name);
        fprintf(stderr, like ? "  did you mean: posthorn %s\n" : "  posthorn help lists them%.0s\n",
                like ? like : "");
        return POSTHORN_MISUSE;
    }
    if (o->is_set[OPTION_HELP] && o->count)
        return cmd_help_of(c->command);
    if (o->count && !o->is_set[OPTION_VERSION])
        shift(o);
    enum option stray = options_stray(o, c->command->options);
    if (stray != OPTION_NONE)
        return cli_error(c, POSTHORN_MISUSE, "%s is not for %s", options_kind(stray)->name, c->command->name);
    if (o->count < c->command->least || o->count > c->command->most)
        return command_usage(c->command);
    return c->command->run(c);
}

int command_run(int argc, char *const argv[])
{
    struct cli c = { 0 };
    char why[200];
    if (!options_read(&c.options, argc, argv, why, sizeof why))
        return cli_error(&c, POSTHORN_MISUSE, "%s", why);
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    c.is_json = c.options.is_set[OPTION_JSON];
    c.is_quiet = c.options.is_set[OPTION_QUIET];
    c.may_ask = !c.options.is_set[OPTION_NO_INPUT];
    c.has_color = isatty(STDOUT_FILENO) && !c.options.is_set[OPTION_NO_COLOR] && !(no_color && *no_color) &&
                  !(term && strcmp(term, "dumb") == 0);
    int code = run(&c);
    cli_close(&c);
    if (fflush(stdout) != 0 && code == 0)
        code = POSTHORN_FAILED;
    return code;
}
