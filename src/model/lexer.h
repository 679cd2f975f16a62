/* model/lexer.h - JSON (RFC 8259) piece by piece, without memory: only what is beyond doubt
 *
 * A lexer accepts less than the grammar does, and nothing more: numbers are integers of at most 18 digits without a
 * sign, names are without escapes, no string holds U+0000, nesting is at most LIMIT_JSON_DEPTH. False from any of
 * these functions says nothing of the text but that it is for a more careful reader.
 */
#pragma once
#include "base/text.h"
#include <stdint.h>

struct lexer {
    const char *at, *end;
    uint32_t depth;                 /* of open objects and arrays */
};

/* A string as it stands between its quotes: UTF-8 and escapes are checked. */
struct lexer_string {
    struct text raw;
    bool has_escapes;
};

/* Past white space, c comes next, and was taken. */
bool lexer_take(struct lexer *l, char c);
/* The end of the text, past white space. */
bool lexer_ends(struct lexer *l);
/* Takes { or [ (or } or ]) and counts it. */
bool lexer_open(struct lexer *l, char c);
bool lexer_close(struct lexer *l, char c);
bool lexer_string(struct lexer *l, struct lexer_string *s);
/* A member's name and its colon. */
bool lexer_name(struct lexer *l, struct text *name);
bool lexer_number(struct lexer *l, uint64_t *n);
bool lexer_bool(struct lexer *l, bool *b);
/* Any value but null: checked, names of its objects distinct; *value is its text. */
bool lexer_value(struct lexer *l, struct text *value);
/* The characters of a string, without its escapes, into raw.bytes + 1 bytes; how many there are. Ended by a 0. */
size_t lexer_unescape(struct lexer_string s, char *into);
