/* cli/cmd_help.h - commands: help, version */
#pragma once
#include "cli/command.h"

int cmd_help(struct cli *c);
/* Prints one command's help on stdout; answers 0. */
int cmd_help_of(const struct command *k);
int cmd_help_version(struct cli *c);
