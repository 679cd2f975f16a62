/* cli/command.h - the table of commands */
#pragma once
#include "cli/cli.h"

enum { COMMAND_OPTIONS_MOST = 8 };

struct command {
    const char *name;
    const char *arguments;      /* "TO [TEXT...]" */
    const char *summary;        /* one line */
    const char *examples;       /* lines, ended by a newline each */
    size_t least, most;         /* arguments */
    enum option options[COMMAND_OPTIONS_MOST];      /* its own; ended by OPTION_NONE */
    int (*run)(struct cli *c);  /* answers the exit code */
};

/* The command number n; NULL: there are no more. */
const struct command *command_at(size_t n);
/* NULL: there is none of that name. */
const struct command *command_find(const char *name);
/* The command that somebody who typed this may have meant; NULL: nothing is near. */
const char *command_like(const char *name);
/* Answers the right command's exit code for argv. */
int command_run(int argc, char *const argv[]);
/* Prints the usage of a command on stderr; answers POSTHORN_MISUSE. */
int command_usage(const struct command *k);
