/* cli/cmd_account.h - commands: register,login,logout,whoami,devices */
#pragma once
#include "cli/cli.h"

/* Each answers the exit code; command.c says what they take. */
int cmd_account_register(struct cli *c);
int cmd_account_login(struct cli *c);
int cmd_account_logout(struct cli *c);
int cmd_account_whoami(struct cli *c);
int cmd_account_devices(struct cli *c);
