/* base/err.c - codes, titles and HTTP statuses of the errors */
#include "base/err.h"

static const struct {
    const char *code, *title;
    int status;
    bool may_retry;
} errs[] = {
#define X(name, code, status, retry, title) { code, title, status, retry },
#include "base/err.def"
#undef X
};

const char *err_code(enum err err)
{
    CHECK(err < ERR_COUNT);
    return errs[err].code;
}

const char *err_title(enum err err)
{
    CHECK(err < ERR_COUNT);
    return errs[err].title;
}

int err_status(enum err err)
{
    CHECK(err < ERR_COUNT);
    return errs[err].status;
}

bool err_may_retry(enum err err)
{
    CHECK(err < ERR_COUNT);
    return errs[err].may_retry;
}
