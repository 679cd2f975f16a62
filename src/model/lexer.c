/* model/lexer.c - JSON piece by piece */
#include "model/lexer.h"

#include "base/check.h"
#include "limits.h"
#include "model/codepoint.h"

enum { LEXER_DIGITS_MAX = 18, LEXER_NAMES_MAX = 16 };

static void lexer_space(struct lexer *l)
{
    while (l->at < l->end && (*l->at == ' ' || *l->at == '\t' || *l->at == '\n' || *l->at == '\r'))
        l->at++;
}

bool lexer_take(struct lexer *l, char c)
{
    lexer_space(l);
    if (l->at == l->end || *l->at != c)
        return false;
    l->at++;
    return true;
}

bool lexer_ends(struct lexer *l)
{
    lexer_space(l);
    return l->at == l->end;
}

bool lexer_open(struct lexer *l, char c)
{
    return lexer_take(l, c) && ++l->depth <= LIMIT_JSON_DEPTH;
}

bool lexer_close(struct lexer *l, char c)
{
    if (!lexer_take(l, c))
        return false;
    CHECK(l->depth > 0);
    l->depth--;
    return true;
}

/* True in the bytes of word that are below 0x20, a quote, a backslash or beyond ASCII: in their highest bits. */
static uint64_t lexer_special(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';

    return (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | word) &
           highs;
}

/* Where the next byte that is not a plain character stands; end: nowhere. */
static const char *lexer_plain(const char *at, const char *end)
{
    uint64_t word;

    for (; end - at >= 8; at += 8) {
        memcpy(&word, at, sizeof word);
        if (lexer_special(word))
            break;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static int lexer_hex(const char *at)
{
    int n = 0;

    for (int k = 0; k < 4; k++) {
        char c = at[k];
        int digit = c >= '0' && c <= '9'                     ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                             : -1;
        if (digit < 0)
            return -1;
        n = n * 16 + digit;
    }
    return n;
}

/* The UTF-16 unit of a \uXXXX at at; -1: there is none. */
static int lexer_unit(const char *at, const char *end)
{
    return end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? lexer_hex(at + 2) : -1;
}

/* What the escape at a backslash stands for, and its bytes; 0: none that is taken here, U+0000 among them. */
static uint32_t lexer_escape(const char *at, const char *end, size_t *bytes)
{
    static const char letters[] = "\"\\/bfnrt", stand_for[] = "\"\\/\b\f\n\r\t";
    const char *letter = end - at >= 2 && at[1] ? strchr(letters, at[1]) : NULL;

    *bytes = letter ? 2 : 6;
    if (letter)
        return (uint32_t)stand_for[letter - letters];
    int high = lexer_unit(at, end);
    if (high < 0xd800 || high > 0xdfff)
        return high > 0 ? (uint32_t)high : 0;
    *bytes = 12;
    int low = high < 0xdc00 ? lexer_unit(at + 6, end) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    return 0x10000u + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
}

/* One character that is not plain; false: the string ends here, or is not for us. */
static bool lexer_odd(struct lexer *l, struct lexer_string *s)
{
    size_t bytes;

    if (l->at == l->end || *l->at == '"' || (unsigned char)*l->at < 0x20)
        return false;
    if (*l->at == '\\') {
        s->has_escapes = true;
        if (!lexer_escape(l->at, l->end, &bytes))
            return false;
    } else {
        bytes = codepoint_bytes((const unsigned char *)l->at, (size_t)(l->end - l->at));
        if (bytes == 0)
            return false;
    }
    l->at += bytes;
    return true;
}

bool lexer_string(struct lexer *l, struct lexer_string *s)
{
    if (!lexer_take(l, '"'))
        return false;
    const char *first = l->at;
    s->has_escapes = false;
    do
        l->at = lexer_plain(l->at, l->end);
    while (lexer_odd(l, s));
    if (l->at == l->end || *l->at != '"')
        return false;
    s->raw = (struct text){ first, (size_t)(l->at - first) };
    l->at++;
    return true;
}

bool lexer_name(struct lexer *l, struct text *name)
{
    struct lexer_string s;

    if (!lexer_string(l, &s) || s.has_escapes || !lexer_take(l, ':'))
        return false;
    *name = s.raw;
    return true;
}

bool lexer_number(struct lexer *l, uint64_t *n)
{
    lexer_space(l);
    const char *first = l->at;
    *n = 0;
    for (; l->at < l->end && *l->at >= '0' && *l->at <= '9' && l->at - first <= LEXER_DIGITS_MAX; l->at++)
        *n = *n * 10 + (uint64_t)(*l->at - '0');
    size_t digits = (size_t)(l->at - first);
    bool goes_on = l->at < l->end && (*l->at == '.' || *l->at == 'e' || *l->at == 'E');
    return digits > 0 && digits <= LEXER_DIGITS_MAX && !goes_on && (*first != '0' || digits == 1);
}

static bool lexer_word(struct lexer *l, const char *word)
{
    size_t bytes = strlen(word);

    lexer_space(l);
    if ((size_t)(l->end - l->at) < bytes || memcmp(l->at, word, bytes) != 0)
        return false;
    l->at += bytes;
    return true;
}

bool lexer_bool(struct lexer *l, bool *b)
{
    *b = lexer_word(l, "true");
    return *b || lexer_word(l, "false");
}

static bool lexer_any(struct lexer *l);

static bool lexer_array(struct lexer *l)
{
    if (!lexer_open(l, '['))
        return false;
    if (lexer_close(l, ']'))
        return true;
    do
        if (!lexer_any(l))
            return false;
    while (lexer_take(l, ','));
    return lexer_close(l, ']');
}

static bool lexer_object(struct lexer *l)
{
    struct text name[LEXER_NAMES_MAX];
    size_t names = 0;

    if (!lexer_open(l, '{'))
        return false;
    if (lexer_close(l, '}'))
        return true;
    do {
        if (names == LEXER_NAMES_MAX || !lexer_name(l, &name[names]))
            return false;
        for (size_t k = 0; k < names; k++)
            if (text_equal(name[k], name[names]))
                return false;
        names++;
        if (!lexer_any(l))
            return false;
    } while (lexer_take(l, ','));
    return lexer_close(l, '}');
}

/* Nesting is bounded by lexer_open(). */
static bool lexer_any(struct lexer *l)
{
    struct lexer_string s;
    uint64_t n;
    bool b;

    lexer_space(l);
    switch (l->at < l->end ? *l->at : 0) {
    case '{':
        return lexer_object(l);
    case '[':
        return lexer_array(l);
    case '"':
        return lexer_string(l, &s);
    case 't':
    case 'f':
        return lexer_bool(l, &b);
    case 'n':
        return lexer_word(l, "null");
    default:
        return lexer_number(l, &n);
    }
}

bool lexer_value(struct lexer *l, struct text *value)
{
    lexer_space(l);
    const char *first = l->at;
    if (first == l->end || *first == 'n' || !lexer_any(l))
        return false;
    *value = (struct text){ first, (size_t)(l->at - first) };
    return true;
}

size_t lexer_unescape(struct lexer_string s, char *into)
{
    const char *at = s.raw.at, *end = at + s.raw.bytes;
    size_t used = 0, bytes;

    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash ? slash : end) - at);
        char put[4];

        memcpy(into + used, at, plain);
        used += plain;
        at += plain;
        if (!slash)
            break;
        uint32_t point = lexer_escape(at, end, &bytes);
        CHECK(point); /* lexer_string() has seen it */
        at += bytes;
        bytes = codepoint_put(point, put);
        memcpy(into + used, put, bytes);
        used += bytes;
    }
    into[used] = 0;
    return used;
}
