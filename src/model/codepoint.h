/* model/codepoint.h - one character of UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF */
#pragma once
#include "base/text.h"
#include <stdint.h>

/* The bytes of the character at p, of which at most left may be looked at; 0: not one. */
size_t codepoint_bytes(const unsigned char *p, size_t left);
/* The bytes that a code point below 0x110000, not a surrogate, was written to into: 1 to 4. */
size_t codepoint_put(uint32_t point, char into[static 4]);
