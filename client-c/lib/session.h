/* lib/session.h - who we are to the server, on disk: a secret */
#pragma once
#include "lib/check.h"
#include <stdbool.h>

struct session {
    char server[280];       /* scheme and authority: the token goes nowhere else */
    char handle[72];
    char account[24];
    char device[24];
    char token[512];        /* "": no session */
};

/* Reads the session of a directory; one that is missing, damaged or of another server leaves *s empty. */
void session_load(struct session *s, const char *dir, const char *server);
/* False: errno says why. dir NULL: nothing is written. */
MUST_USE bool session_save(const struct session *s, const char *dir);
/* Wipes it, on disk too. */
void session_forget(struct session *s, const char *dir);
/* Fills in what the server gave; false: something is missing or too long. */
MUST_USE bool session_set(struct session *s, const char *server, const char *handle, const char *account,
                          const char *device, const char *token);
