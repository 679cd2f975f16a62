/* cli/cmd_message.h - commands: send,outbox */
#pragma once
#include "cli/cli.h"

/* Each answers the exit code; command.c says what they take. */
int cmd_message_send(struct cli *c);
int cmd_message_outbox(struct cli *c);
