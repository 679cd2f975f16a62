/* cli/text.c - strings: made, made safe for a terminal, compared by likeness */
#include "cli/text.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MOST = 31 };

char *text_format(const char *format, ...)
{
    char *line = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&line, format, args) < 0)
        abort();
    va_end(args);
    return line;
}

char *text_copy(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        abort();
    return copy;
}

/* Reads one character of 1..4 bytes; 0: broken, *bytes is 1. */
static uint32_t read_character(const unsigned char *at, unsigned *bytes)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    *bytes = 1;
    if (at[0] < 0x80)
        return at[0];
    unsigned want = at[0] >= 0xf5 ? 0 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc2 ? 2 : 0;
    if (want == 0)
        return 0;
    uint32_t c = at[0] & (0x7fu >> want);
    for (unsigned n = 1; n < want; n++) {
        if ((at[n] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (at[n] & 0x3fu);
    }
    if (c < least[want] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *bytes = want;
    return c;
}

/* Marks that turn the direction of what follows are kept in (they end with the line), overrides are not. */
static bool is_harmful(uint32_t c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x202d || c == 0x202e;
}

char *text_safe(const char *text, unsigned indent)
{
    char *safe = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&safe, &size);
    if (!to)
        abort();
    const unsigned char *at = (const unsigned char *)text;
    unsigned bytes;
    for (; *at; at += bytes) {
        uint32_t c = read_character(at, &bytes);
        if (is_harmful(c)) /* 0, a broken one, among them */
            fputs("\xef\xbf\xbd", to);
        else
            fwrite(at, 1, bytes, to);
        if (c == '\n')
            fprintf(to, "%*s", (int)indent, "");
    }
    if (fclose(to) != 0)
        abort();
    return safe;
}

char *text_json(const char *text)
{
    char *quoted = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&quoted, &size);
    if (!to)
        abort();
    fputc('"', to);
    const unsigned char *at = (const unsigned char *)text;
    unsigned bytes;
    for (; *at; at += bytes) {
        uint32_t c = read_character(at, &bytes);
        if (c == 0)
            fputs("\xef\xbf\xbd", to);
        else if (c < 0x20)
            fprintf(to, "\\u%04x", c);
        else
            fprintf(to, "%s%.*s", c == '"' || c == '\\' ? "\\" : "", (int)bytes, (const char *)at);
    }
    fputc('"', to);
    if (fclose(to) != 0)
        abort();
    return quoted;
}

static unsigned least_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned text_distance(const char *a, const char *b)
{
    unsigned d[WORD_MOST + 1][WORD_MOST + 1];
    size_t an = strlen(a), bn = strlen(b);
    if (an > WORD_MOST || bn > WORD_MOST)
        return 99;
    for (unsigned i = 0; i <= an; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= bn; j++)
        d[0][j] = j;
    for (unsigned i = 1; i <= an; i++) {
        for (unsigned j = 1; j <= bn; j++) {
            unsigned replace = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = least_of(replace, least_of(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least_of(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[an][bn];
}

bool text_is_id(const char *text)
{
    size_t n = strlen(text);
    return n >= 1 && n <= 20 && strspn(text, "0123456789") == n;
}

bool text_number(const char *text, unsigned long least, unsigned long most, unsigned long *into)
{
    size_t n = strlen(text);
    if (n == 0 || n > 15 || strspn(text, "0123456789") != n)
        return false;
    *into = strtoul(text, NULL, 10);
    return *into >= least && *into <= most;
}
