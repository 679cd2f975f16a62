/* cli/cmd_read.h - commands: listen,history,conversations,mark */
#pragma once
#include "cli/cli.h"

/* Each answers the exit code; command.c says what they take. */
int cmd_read_listen(struct cli *c);
int cmd_read_history(struct cli *c);
int cmd_read_conversations(struct cli *c);
int cmd_read_mark(struct cli *c);
