/* cli/chat.h - command: chat, the line-mode conversation */
#pragma once
#include "cli/cli.h"

/* Answers the exit code. */
int chat_command(struct cli *c);
