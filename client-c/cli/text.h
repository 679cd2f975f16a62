/* cli/text.h - strings: made, made safe for a terminal, compared by likeness */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))

/* A formatted string of the caller's (free()). Out of memory aborts. */
__attribute__((format(printf, 1, 2))) char *text_format(const char *format, ...);
char *text_copy(const char *text);
/* A copy of text from others, harmless on a terminal: control characters (C0 without newline and tab, DEL,
 * C1), direction overrides and broken UTF-8 become U+FFFD, so that a message can't move the cursor or set a
 * title; a newline is followed by indent blanks. A string of the caller's. */
char *text_safe(const char *text, unsigned indent);
/* As a JSON string, with its quotes; broken UTF-8 becomes U+FFFD. A string of the caller's. */
char *text_json(const char *text);
/* How many single-letter changes (insert, delete, replace, swap neighbours) lie between two words; words
 * above 31 bytes are 99 apart. */
unsigned text_distance(const char *a, const char *b);
/* 1 to 20 digits. */
bool text_is_id(const char *text);
/* A whole number in least..most; false: not one. */
MUST_USE bool text_number(const char *text, unsigned long least, unsigned long most, unsigned long *into);
