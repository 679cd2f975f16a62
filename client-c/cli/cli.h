/* cli/cli.h - what every command gets: options, profile, client, ways to speak */
#pragma once
#include "cli/options.h"
#include "cli/profile.h"
#include "posthorn.h"

struct cli {
    const struct command *command;
    struct options options;
    struct profile profile;
    struct posthorn *client;        /* NULL until cli_open() */
    struct names *names;            /* who is who; made by cli_open() */
    bool is_json, is_quiet, has_color, may_ask;
};

/* The exit code of ^C. */
enum { CLI_INTERRUPTED = 130 };

/* Opens the profile's client. OK, or an exit code after an explanation on stderr. needs_session: LOGGED_OUT
 * unless there is one. on may be NULL. */
__attribute__((warn_unused_result)) int cli_open(struct cli *c, const struct posthorn_callbacks *on,
                                                 bool needs_session);
void cli_close(struct cli *c);
/* A message for people, on stderr, unless --quiet. */
__attribute__((format(printf, 2, 3))) void cli_note(const struct cli *c, const char *format, ...);
/* An error, on stderr; answers code. */
__attribute__((format(printf, 3, 4))) int cli_error(const struct cli *c, int code, const char *format, ...);
/* Explains why the client's last call ended with status, with what to do about it; answers the exit code. */
int cli_explain(const struct cli *c, enum posthorn_status status);
int cli_explain_problem(const struct cli *c, enum posthorn_status status, const struct posthorn_problem *why);
/* The number of an option, or otherwise when it is not set. False: not in least..most; explained. */
__attribute__((warn_unused_result)) bool cli_number(const struct cli *c, enum option o, unsigned long least,
                                                    unsigned long most, unsigned long otherwise,
                                                    unsigned long *into);
