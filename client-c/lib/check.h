/* lib/check.h - CHECK: for our own bugs, always on; what comes from outside is answered, never checked */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#define MUST_USE __attribute__((warn_unused_result))

#define CHECK(x)                                                                                             \
    do {                                                                                                     \
        if (!(x)) {                                                                                          \
            fprintf(stderr, "libposthorn: %s:%d: %s\n", __FILE_NAME__, __LINE__, #x);                        \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)
