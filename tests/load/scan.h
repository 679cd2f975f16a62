/* load/scan.h - numbers and words out of the server's JSON, for texts that are known to hold no quotes
 *
 * A load client that parses like a person's would be slower than what it measures. */
#pragma once
#include "base/text.h"
#include <stdint.h>

/* The number that a text, which need not end with 0, begins with; base 10 or 16. 0: it begins with none. */
uint64_t scan_digits(struct text in, unsigned base);
/* The number behind "name": ; false: there is none. */
bool scan_number(struct text in, const char *name, uint64_t *n);
/* What stands between the quotes behind "name": ; empty: there is none. */
struct text scan_word(struct text in, const char *name);
/* The piece of *in from a mark up to the next such mark (or the end), and *in moves behind it; empty: no more. */
struct text scan_piece(struct text *in, const char *mark);
