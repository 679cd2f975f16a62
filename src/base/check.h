/* base/check.h - promises our own code makes to itself */
#pragma once
#include <stdio.h>
#include <stdlib.h>

/* A broken promise of our own code, never of what came from outside. Stays on in every build: a
 * worker that stops is repaired by its clients' cursors, one that lies is not. */
#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "CHECK %s:%d %s: %s\n", __FILE__, __LINE__, __func__, #x);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define MUST_USE __attribute__((warn_unused_result))
