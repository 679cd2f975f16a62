/* cli/cmd_help.c - commands: help, version */
#include "cli/cmd_help.h"
#include <stdio.h>

static void print_option(enum option o)
{
    const struct option_kind *k = options_kind(o);
    char head[64];
    snprintf(head, sizeof head, "%s%s%s%s%s", k->letter ? k->letter : "  ", k->letter ? ", " : "  ", k->name,
             k->value ? " " : "", k->value ? k->value : "");
    printf("  %-26s %s\n", head, k->help);
}

static void print_common(void)
{
    printf("\nOptions of all commands:\n");
    for (int o = OPTION_SERVER; o <= OPTION_VERSION; o++)
        print_option((enum option)o);
}

int cmd_help_of(const struct command *k)
{
    printf("posthorn %s - %s\n\n%s\nUsage: posthorn %s %s\n", k->name, k->summary, k->examples, k->name,
           k->arguments);
    if (k->options[0] != OPTION_NONE)
        printf("\nOptions:\n");
    for (size_t n = 0; n < COMMAND_OPTIONS_MOST && k->options[n] != OPTION_NONE; n++)
        print_option(k->options[n]);
    print_common();
    return 0;
}

int cmd_help(struct cli *c)
{
    if (c->options.count) {
        const struct command *k = command_find(c->options.arguments[0]);
        const char *like = k ? NULL : command_like(c->options.arguments[0]);
        if (!k)
            return cli_error(c, POSTHORN_MISUSE, "there is no command \"%s\"%s%s", c->options.arguments[0],
                             like ? "; did you mean " : "", like ? like : "");
        return cmd_help_of(k);
    }
    printf("posthorn - chat from the command line\n\n"
           "  posthorn --server https://chat.example register alice\n"
           "  posthorn send bob \"hi\"\n"
           "  posthorn listen\n"
           "  posthorn                       chat line by line\n\n"
           "Commands:\n");
    for (size_t n = 0; command_at(n); n++)
        printf("  %-14s %s\n", command_at(n)->name, command_at(n)->summary);
    print_common();
    printf("\nExit codes: 0 ok, 1 general, 2 usage, 3 not logged in, 4 not found, 5 refused, 6 conflict,\n"
           "7 rate limited, 8 network, 9 timeout, 10 server error, 130 interrupted. More: man posthorn\n");
    return 0;
}

int cmd_help_version(struct cli *c)
{
    (void)c;
    printf("posthorn %s (libposthorn %s)\n", POSTHORN_VERSION, posthorn_version());
    return 0;
}
