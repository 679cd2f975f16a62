/* model/cursor.c - the text of a cursor */
#include "model/cursor.h"

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

/* The digits of n; returns their end. Every answer of a poll has a cursor, and printf would be a third of its text. */
static char *cursor_digits(uint64_t n, char *into)
{
    char digits[CURSOR_TEXT_MAX];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (count)
        *into++ = digits[--count];
    return into;
}

void cursor_print(const struct cursor *c, char into[static CURSOR_TEXT_MAX])
{
    char *end;

    if (c->is_now) {
        memcpy(into, "now", sizeof "now");
        return;
    }
    end = cursor_digits(c->timeline, into);
    *end++ = '.';
    *cursor_digits(c->i.n, end) = 0;
}
