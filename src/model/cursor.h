/* model/cursor.h - where a device is: "<timeline>.<inbox seq>", or "now" */
#pragma once
#include "model/id.h"

struct cursor {
    uint64_t timeline;
    struct inbox_seq i;
    bool is_now;                    /* start at the head; the numbers are 0 */
};

enum { CURSOR_TEXT_MAX = 42 };

/* "3.1045" or "now"; anything else (signs, spaces, leading zeros, numbers of 2^53 and more) is
 * ERR_BAD_CURSOR. */
MUST_USE enum err cursor_parse(struct text t, struct cursor *c);
void cursor_print(const struct cursor *c, char into[static CURSOR_TEXT_MAX]);
