/* lib/utf8.h - whether bytes are UTF-8 (RFC 3629) */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Whole characters only: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
bool utf8_is_text(const char *at, size_t bytes);
