/* model/cursor.c - the text of a cursor */
#include "model/cursor.h"
#include <inttypes.h>
#include <stdio.h>

#define CURSOR_NUMBER_MAX ((1ull << 53) - 1)

/* "0", or an id below 2^53. */
static bool cursor_number(struct text t, uint64_t *n)
{
    if (text_equal(t, TEXT("0"))) {
        *n = 0;
        return true;
    }
    return id_parse(t, n) && *n <= CURSOR_NUMBER_MAX;
}

enum err cursor_parse(struct text t, struct cursor *c)
{
    const char *dot = t.bytes ? memchr(t.at, '.', t.bytes) : NULL;

    *c = (struct cursor){ 0 };
    if (text_equal(t, TEXT("now"))) {
        c->is_now = true;
        return ERR_OK;
    }
    if (!dot)
        return ERR_BAD_CURSOR;
    struct text timeline = { t.at, (size_t)(dot - t.at) };
    struct text i = { dot + 1, t.bytes - timeline.bytes - 1 };
    if (!cursor_number(timeline, &c->timeline) || !cursor_number(i, &c->i.n)) {
        *c = (struct cursor){ 0 };
        return ERR_BAD_CURSOR;
    }
    return ERR_OK;
}

void cursor_print(const struct cursor *c, char into[static CURSOR_TEXT_MAX])
{
    if (c->is_now)
        snprintf(into, CURSOR_TEXT_MAX, "now");
    else
        snprintf(into, CURSOR_TEXT_MAX, "%" PRIu64 ".%" PRIu64, c->timeline, c->i.n);
}
