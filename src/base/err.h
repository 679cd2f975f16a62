/* base/err.h - every way in which a request can end */
#pragma once
#include "base/check.h"
#include <stdbool.h>

enum err {
#define X(name, code, status, retry, title) ERR_##name,
#include "base/err.def"
#undef X
    ERR_COUNT
};

const char *err_code(enum err err);     /* the stable word in problem+json */
const char *err_title(enum err err);    /* for people */
int err_status(enum err err);           /* HTTP status, 200..599 */
bool err_may_retry(enum err err);       /* the same request may succeed later */
