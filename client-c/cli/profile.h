/* cli/profile.h - where things lie (XDG), and what a profile remembers: server, CA file, how to get there */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct profile {
    char *name;
    char *config_path;      /* $XDG_CONFIG_HOME/posthorn/<name>.conf */
    char *state_dir;        /* $XDG_STATE_HOME/posthorn/<name> */
    char *server, *ca, *http, *transport, *proxy;       /* NULL: not said */
};

/* Reads a profile; one that does not exist is empty. False: the name (letters, digits, - _ . up to 64), no
 * home directory, or a line in the file that is not understood; why says it. */
__attribute__((warn_unused_result)) bool profile_load(struct profile *p, const char *name, char *why,
                                                      size_t why_bytes);
/* Writes server, ca (made absolute), http, transport and proxy. False: why says it. */
__attribute__((warn_unused_result)) bool profile_save(struct profile *p, char *why, size_t why_bytes);
/* Takes a copy of value (NULL: nothing happens). */
void profile_set(char **field, const char *value);
void profile_fini(struct profile *p);
