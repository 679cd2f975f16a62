/* lib/cursor.h - how far the inbox was read, on disk */
#pragma once
#include "lib/check.h"
#include <stdbool.h>
#include <stdint.h>

struct cursor {
    char text[64];      /* the server's words, opaque; "": none yet */
    uint64_t i;         /* of the last event handed on */
    bool knows_i;       /* false: any number may come next */
};

/* Reads the cursor of a directory; one that is missing or damaged leaves *c empty. */
void cursor_load(struct cursor *c, const char *dir);
/* Writes it, whole or not at all. False: errno says why. dir NULL: nothing is written. */
MUST_USE bool cursor_save(const struct cursor *c, const char *dir);
/* A cursor as the server gives it: 1..63 printable bytes without blanks, quotes and backslashes. */
MUST_USE bool cursor_set(struct cursor *c, const char *text);
