/* model/id.c - decimal ids */
#include "model/id.h"

enum { ID_DIGITS_MAX = 19 };

bool id_parse(struct text t, uint64_t *id)
{
    uint64_t n = 0;

    if (t.bytes == 0 || t.bytes > ID_DIGITS_MAX || t.at[0] == '0')
        return false;
    for (size_t k = 0; k < t.bytes; k++) {
        if (t.at[k] < '0' || t.at[k] > '9')
            return false;
        n = n * 10 + (uint64_t)(t.at[k] - '0');
    }
    if (n > INT64_MAX)
        return false;
    *id = n;
    return true;
}

/* By hand and not by printf: every event writes several of these. */
void id_print(uint64_t id, char into[static ID_TEXT_MAX])
{
    char digits[ID_TEXT_MAX];
    size_t at = sizeof digits;

    digits[--at] = 0;
    do
        digits[--at] = (char)('0' + id % 10);
    while (id /= 10);
    memcpy(into, digits + at, sizeof digits - at);
}
