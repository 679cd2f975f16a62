/* cli/password.h - passwords: from a file, from stdin, or asked for without echo; never from argv */
#pragma once
#include "cli/cli.h"

enum { PASSWORD_MOST = 1024 };

/* Reads the password the options name, or asks (twice when it is a new one). 0, or an exit code after an
 * explanation. The caller wipes it. */
__attribute__((warn_unused_result)) int password_get(const struct cli *c, bool is_new,
                                                     char into[PASSWORD_MOST]);
