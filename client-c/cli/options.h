/* cli/options.h - the command line read: options of all commands and of one, then arguments */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { OPTIONS_ARGUMENTS_MOST = 128 };

/* Every option that exists; a command names those that it takes. */
enum option {
    OPTION_NONE,
    /* of all commands */
    OPTION_SERVER, OPTION_CA, OPTION_PROFILE, OPTION_HTTP, OPTION_TRANSPORT, OPTION_PROXY, OPTION_STAY,
    OPTION_JSON, OPTION_QUIET, OPTION_NO_COLOR, OPTION_NO_INPUT, OPTION_HELP, OPTION_VERSION,
    /* of some */
    OPTION_PASSWORD_FILE, OPTION_NAME, OPTION_DEVICE, OPTION_NO_LOGIN, OPTION_LIMIT, OPTION_BEFORE,
    OPTION_AFTER, OPTION_COUNT_EVENTS, OPTION_WAIT, OPTION_REPLY, OPTION_FORCE, OPTION_ROLE, OPTION_SEQ,
    OPTION_WAYS,
    OPTION_COUNT
};

struct options {
    bool is_set[OPTION_COUNT];
    const char *value[OPTION_COUNT];        /* borrowed from argv; of those that take one */
    const char *arguments[OPTIONS_ARGUMENTS_MOST];
    size_t count;                           /* of arguments */
};

struct option_kind {
    const char *name;           /* with the dashes */
    const char *letter;         /* "-j"; NULL: none */
    const char *value;          /* what it takes, for help ("FILE"); NULL: nothing */
    const char *help;
};

/* Of OPTION_NONE: all NULL. */
const struct option_kind *options_kind(enum option o);
/* Reads argv[1..]. --name value, --name=value, -x, -- ends options; a lone "-" is an argument. A problem is
 * written into why: unknown or doubled option, missing value, too many arguments. */
__attribute__((warn_unused_result)) bool options_read(struct options *o, int argc, char *const argv[],
                                                      char *why, size_t why_bytes);
/* Whether all that is set is either for all commands or in the list (ended by OPTION_NONE); the first that
 * is not, else OPTION_NONE. */
enum option options_stray(const struct options *o, const enum option *allowed);
