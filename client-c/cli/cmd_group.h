/* cli/cmd_group.h - commands: group ... */
#pragma once
#include "cli/cli.h"

/* Answers the exit code; the first argument is the sub-command. */
int cmd_group(struct cli *c);
