/* base/text.h - borrowed bytes with a length, not ended by 0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
    const char *at;                 /* may be NULL when bytes is 0 */
    size_t bytes;
};

#define TEXT(literal) ((struct text){ (literal), sizeof(literal) - 1 })
/* The same as the initial value of something static. */
#define TEXT_INIT(literal) { (literal), sizeof(literal) - 1 }

static inline struct text text_of(const char *z)
{
    return (struct text){ z, z ? strlen(z) : 0 };
}

static inline bool text_equal(struct text a, struct text b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.at, b.at, a.bytes) == 0);
}
